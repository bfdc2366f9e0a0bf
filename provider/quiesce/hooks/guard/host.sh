# ----------------------------------------------------------------------------------------------- host

is_instance_id() {
    case $1 in
    i-*[!0-9a-f]*) return 1 ;;
    i-????????*) return 0 ;;
    *) return 1 ;;
    esac
}

# Sets `identity` to dmi, imds, unverified or other, and `found_instance`.
identify() {
    identity=unverified
    found_instance=''
    # Recovery is often after another address was set: that nothing is there must not be said of a stranger.
    [ "$verify_identity" = yes ] || [ "$mode" = recover ] || return 0
    { read -r found_instance </sys/class/dmi/id/board_asset_tag; }
    if is_instance_id "$found_instance"; then
        identity=dmi
    else
        ask_metadata_service
        is_instance_id "$found_instance" || return 0
        identity=imds
    fi
    [ "$found_instance" = "$instance" ] || identity=other
}

metadata=169.254.169.254
ask_metadata_service() {
    if command -v curl >/dev/null; then
        token=$(curl -s -f -m 2 --noproxy '*' -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' \
            "http://$metadata/latest/api/token") &&
            found_instance=$(curl -s -f -m 2 --noproxy '*' -H "X-aws-ec2-metadata-token: $token" \
                "http://$metadata/latest/meta-data/instance-id")
    elif wget --help 2>&1 | grep -q -e --method; then
        token=$(wget -q -O - -T 2 -t 1 --no-proxy --method=PUT \
            --header='X-aws-ec2-metadata-token-ttl-seconds: 60' "http://$metadata/latest/api/token") &&
            found_instance=$(wget -q -O - -T 2 -t 1 --no-proxy --header="X-aws-ec2-metadata-token: $token" \
                "http://$metadata/latest/meta-data/instance-id")
    elif command -v nc >/dev/null; then
        token=$(http_over_nc PUT /latest/api/token 'X-aws-ec2-metadata-token-ttl-seconds: 60') &&
            found_instance=$(http_over_nc GET /latest/meta-data/instance-id "X-aws-ec2-metadata-token: $token")
    fi
}

# HTTP/1.0, so that the answer is neither chunked nor kept open.
http_over_nc() {
    answer=$(printf '%s %s HTTP/1.0\r\nHost: %s\r\n%s\r\n\r\n' "$1" "$2" "$metadata" "$3" |
        nc -w 2 "$metadata" 80 | tr -d '\r')
    case $answer in HTTP/1.?' 200'*) printf '%s\n' "${answer##*
}" ;; *) return 1 ;; esac
}

missing_tools() {
    for tool in "$@"; do
        command -v "$tool" >/dev/null || printf '%s ' "$tool"
    done
}

# Everything that the freeze mode needs, besides the shell's own commands.
needed_tools='base64 cat chmod dd env flock grep id mkdir mkfifo readlink rm rmdir setsid sleep stat tail tr'

# Prints what keeps the guard from writing its files, from opening its FIFOs, or from making its folder in /run.
# One that thaws does without: it would rather fail than not try.
room_problem() {
    shell_problem || return
    while read -r first second third limit _; do
        case "$first $second $third" in
        'Max file size') is_less "$limit" 1048576 && printf 'the account may have files of at most %s bytes (ulimit -f), and 1048576 are needed' "$limit" && return ;;
        'Max open files') is_less "$limit" 32 && printf 'the account may have at most %s open files (ulimit -n), and 32 are needed' "$limit" && return ;;
        esac
    done </proc/self/limits
    [ -w "$state_parent" ] || printf '%s is read-only' "$state_parent"
}

# Fails when it has printed a problem. mksh and ksh keep what is open above 2 from commands, and so the lock from flock;
# yash in the C locale prints no bytes above 127.
shell_problem() {
    exec 9</dev/null
    inherited=$(readlink /proc/self/fd/9)
    exec 9<&-
    [ "$inherited" != /dev/null ] || [ -z "$byte_order_mark" ] || return 0
    printf 'its sh works in another way than those that were tried (dash, bash and busybox): see readlink -f /bin/sh'
    return 1
}

# Usage: is_less LIMIT NUMBER
is_less() {
    case $1 in *[!0-9]* | '') return 1 ;; *) [ "$1" -lt "$2" ] ;; esac
}

file_system_of() {
    stat -f -c %T "$1"
}

# What makes a state directory that exists unfit to hold secrets and the lock. Nothing when another execution
# has just removed it: then the lock cannot be opened, or is not current.
state_directory_problem() {
    facts=$(stat -c '%F, owner %u, mode %a' "$state_directory") || return 0
    directory_type=$(file_system_of "$state_directory") || return 0
    if [ "$facts" != "directory, owner $uid, mode 700" ]; then
        printf 'is a %s' "$facts"
    elif [ "$directory_type" != tmpfs ]; then
        printf 'is on %s, not on tmpfs' "$directory_type"
    fi
}

# ------------------------------------------------------------------------------------- scripts by path

# Whether nobody but root and the account can change what a path leads to, as sshd asks of the files that it trusts
# (openssh, misc.c, safe_path): every folder on the way, on every hop of a link. Prints the first problem.
# Usage: way_problem PATH
way_problem() {
    way=/ rest=$1 hops=0
    folder_problem / || return 0
    while [ -n "$rest" ]; do
        case $rest in
        /*)
            rest=${rest#/}
            continue
            ;;
        */*) name=${rest%%/*} rest=${rest#*/} ;;
        *) name=$rest rest='' ;;
        esac
        case $name in
        '' | .) continue ;;
        ..)
            way=${way%/*}
            way=${way:-/}
            continue
            ;;
        esac
        here=${way%/}/$name
        if [ -L "$here" ]; then
            hops=$((hops + 1))
            # The kernel follows as many (path_resolution(7)).
            [ "$hops" -le 40 ] || return 0
            target=$(readlink "$here")
            case $target in /*) way=/ ;; esac
            rest=$target/$rest
        elif [ -d "$here" ]; then
            way=$here
            folder_problem "$way" || return 0
        fi
    done
}

# Fails when it has printed a problem.
folder_problem() {
    owner_and_mode=$(stat -L -c '%u %A' "$1") || return 0
    case ${owner_and_mode#* } in
    # Without root, nobody can put another in the place of one's own where the sticky bit is set.
    ?????w???[tT] | ????????w[tT]) [ "$uid" != 0 ] || { folder_is writable "$1"; return 1; } ;;
    ?????w???* | ????????w*) folder_is writable "$1"; return 1 ;;
    esac
    # In a user namespace that does not know root, root's folders are nobody's.
    case $uid,${owner_and_mode% *} in
    0,0 | [!0]*) ;;
    *) folder_is "owner:${owner_and_mode% *}" "$1"; return 1 ;;
    esac
}

# A blank would be read as the end of the word.
folder_is() {
    printf ' folder-%s:%s' "$1" "$(printf %s "$2" | tr ' \t\n' '???')"
}

# Prints one word per problem of a script given by path; nothing when there is none.
script_problems() {
    if [ ! -e "$1" ]; then
        printf ' missing'
        return
    fi
    [ -f "$1" ] || printf ' not-regular'
    [ -x "$1" ] || printf ' not-executable'
    owner_and_mode=$(stat -L -c '%u %A' "$1")
    owner=${owner_and_mode% *}
    [ "$owner" = 0 ] || [ "$owner" = "$uid" ] || printf ' owner:%s' "$owner"
    case ${owner_and_mode#* } in ?????w???* | ????????w*) printf ' writable' ;; esac
    way_problem "$1"
    text_problems "$1"
}

carriage_return=$(printf '\r')
byte_order_mark=$(printf '\357\273\277')
elf=$(printf '\177ELF')

# What a Windows editor leaves, and sh or the kernel take for a part of the text.
text_problems() {
    first_line=$(dd if="$1" bs=256 count=1 | tr -d '\000' | { IFS= read -r line; printf '%s' "$line"; })
    case $first_line in
    "$elf"*) ;;
    "$byte_order_mark"*) printf ' byte-order-mark' ;;
    '#!'*"$carriage_return") printf ' carriage-return' ;;
    '#!'*)
        interpreter_problem "${first_line#'#!'}"
        # Other interpreters than shells do not mind.
        case "$first_line " in *'sh '*) carriage_returns "$1" ;; esac
        ;;
    *) carriage_returns "$1" ;;
    esac
}

interpreter_problem() {
    # shellcheck disable=SC2086 # split like the kernel does
    set -- $1
    [ -x "$1" ] || printf ' no-interpreter'
}

carriage_returns() {
    if grep -q -e "$carriage_return\$" "$1"; then printf ' carriage-return'; fi
}

problems_of() {
    case $1 in pre) set -- "$pre_path" "$pre_interpreter" ;; *) set -- "$post_path" "$post_interpreter" ;; esac
    if [ -n "$1" ]; then
        script_problems "$1"
    else
        command -v "$2" >/dev/null || printf ' no-interpreter'
    fi
}

# Prints what is wrong with the first script that is not safe to run.
unsafe_script() {
    for which in pre post; do
        problems=$(problems_of "$which")
        if [ -n "$problems" ]; then
            printf 'the %s script:%s' "$which" "$problems"
            return
        fi
    done
}
