# shellcheck shell=sh
# shellcheck disable=SC2154 # guardProgram.ts puts the parameters, as assignments, before this text.
# The guard: freezes a host through its hooks, and is certain to thaw it.
#
# Usage of the words: see guardLine.ts. A line that repeats another's meaning (a second `unfrozen` or
# `releasing`) comes from the watcher that took over; the first one counts.
#
# Processes, while something is frozen:
#   top      the shell that ssh (or sudo) started; only waits
#   main     decides; reads the controller's words through `reader`, counts the freeze with `timer`
#   watcher  in a session of its own; thaws when main is no more
# Each hook is started by a runner of its own. All of them learn of each other's death by looking five
# times a second. State is kept in files in /run (a tmpfs), and a process is woken by USR1 to look at them.
#
# Why top, main, runner and watcher are members of pipelines: dash and busybox start everything with `&`
# with SIGINT and SIGQUIT ignored, which a shell cannot take back, and which a hook would inherit.
# Members of a foreground pipeline start with the dispositions that we were given.
#
# No here-documents: dash and bash write them to a temporary file.

PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
export PATH LC_ALL
umask 077
set -f
cd /
exec 2>/dev/null

uid=$(id -u)
if [ "$uid" = 0 ]; then
    state_parent=/run
    state_directory=/run/app-consistent-snapshot
else
    # Without root there is no place in /run; for hooks that need no privilege.
    state_parent=/dev/shm
    state_directory=/dev/shm/app-consistent-snapshot-$uid
fi
lock_file=$state_directory/lock
marker_file=$state_directory/marker
run_directory=$state_directory/$execution
read -r boot </proc/sys/kernel/random/boot_id

# ---------------------------------------------------------------------------------------------- words

say() {
    printf '%s\n' "$*"
}

refuse() {
    say "refused $*"
    exit 0
}

# ------------------------------------------------------------------------------------------ processes

read_own_pid() {
    # $$ is the top shell's, in every subshell.
    read -r own_pid _ </proc/self/stat
}

alive() {
    [ -n "$1" ] && { read -r stat_line <"/proc/$1/stat"; } || return 1
    # A killed process is there as a zombie until its parent asks for it.
    case ${stat_line##*) } in Z* | X*) return 1 ;; esac
}

group_alive() {
    kill -0 "-$1" || return 1
    alive "$1" && return 0
    # Only zombies that nobody asks for are as good as gone.
    set +f
    for stat_file in /proc/[0-9]*/stat; do
        { read -r stat_line <"$stat_file"; } || continue
        stat_line=${stat_line##*) }
        # shellcheck disable=SC2086 # split into fields: state, parent, group
        set -- "$1" $stat_line
        if [ "$4" = "$1" ] && [ "$2" != Z ] && [ "$2" != X ]; then
            set -f
            return 0
        fi
    done
    set -f
    return 1
}

# Becomes the given command, without any descriptor of ours: for children of main and watcher.
detached() {
    exec 3<&- 4>&- 5>&- 9>&- </dev/null >/dev/null
    exec "$@"
}

# A sleep that knows no fractions makes everything slower, not wrong.
tick=0.2 blink=0.05 blinks_to_end=20 blinks_to_die=10
sleep 0.01 || tick=1 blink=1 blinks_to_end=1 blinks_to_die=1

wake_up() {
    woken=1
    [ -z "$ticker" ] || kill -TERM "$ticker"
}

# Waits for one tick, or until USR1. Callers clear `woken` before they look at what they wait for, so that
# a message between looking and waiting is not slept over.
pause() {
    detached sleep "$tick" &
    ticker=$!
    [ -n "$woken" ] || wait "$ticker"
    ticker=''
}

listen_to_signals() {
    woken='' ticker='' told_to_stop=''
    trap wake_up USR1
    # Caught, never ignored: hooks start with default dispositions.
    trap 'told_to_stop=1; wake_up' HUP INT QUIT TERM PIPE ALRM USR2
}

start_timer() {
    detached sleep "$1" &
    timer=$!
    remember_helper "$timer"
}

# sleep counts monotonic time: a step of the wall clock changes nothing.
timer_ended() {
    alive "$timer" && return 1
    if wait "$timer"; then timer_end=expired; else timer_end=lost; fi
}

# With its start time, for a process id may belong to somebody else by the time we use it.
remember_helper() {
    printf '%s %s\n' "$1" "$(start_time_of "$1")" >>"$run_directory/helpers"
}

start_time_of() {
    { read -r stat_line <"/proc/$1/stat"; } || return 1
    # shellcheck disable=SC2086 # split into fields
    set -- ${stat_line##*) }
    printf '%s' "${20}"
}

parent_of() {
    { read -r stat_line <"/proc/$1/stat"; } || return 1
    # shellcheck disable=SC2086 # split into fields: state, parent
    set -- ${stat_line##*) }
    printf '%s' "$2"
}

stop_helpers() {
    while read -r helper started; do
        [ "$(start_time_of "$helper")" != "$started" ] || kill -KILL "$helper"
    done <"$run_directory/helpers"
}

# Succeeds when the group is gone; fails when it cannot be killed.
terminate_group() {
    kill -TERM "-$1"
    group_gone_within "$1" "$blinks_to_end" && return 0
    kill -KILL "-$1"
    group_gone_within "$1" "$blinks_to_die"
}

group_gone_within() {
    blinks=$2
    while group_alive "$1"; do
        [ "$blinks" -gt 0 ] || return 1
        blinks=$((blinks - 1))
        sleep "$blink" 3<&- 4>&- 5>&- 9>&-
    done
}

# sudo stops itself when its command is stopped, and stays so when the command alone goes on, or ends.
# Usage: continue_sudo TOP
continue_sudo() {
    kill -CONT "$1"
    ancestor=$1
    while ancestor=$(parent_of "$ancestor") && { read -r name <"/proc/$ancestor/comm"; } && [ "$name" = sudo ]; do
        kill -CONT "$ancestor"
    done
}

read_uptime() {
    read -r uptime _ </proc/uptime
    uptime=${uptime%.*}
}

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
needed_tools='base64 chmod dd env flock grep id mkdir mkfifo mv rm rmdir setsid sleep stat tail tr'

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

writable_by_others() {
    case $(stat -L -c %A "$1") in ?????w???? | ????????w?) return 0 ;; esac
    return 1
}

folder_of() {
    folder=${1%/*}
    printf '%s' "${folder:-/}"
}

# Prints one word per problem of a script given by path; nothing when there is none.
script_problems() {
    if [ ! -e "$1" ]; then
        printf ' missing'
        return
    fi
    [ -f "$1" ] || printf ' not-regular'
    [ -x "$1" ] || printf ' not-executable'
    owner=$(stat -L -c %u "$1")
    [ "$owner" = 0 ] || [ "$owner" = "$uid" ] || printf ' owner:%s' "$owner"
    writable_by_others "$1" && printf ' writable'
    if writable_by_others "$(folder_of "$1")" || writable_by_others "$(folder_of "$(readlink -f "$1")")"; then
        printf ' folder-writable'
    fi
    first_line=$(dd if="$1" bs=256 count=1 | tr -d '\000' | { read -r line; printf '%s' "$line"; })
    case $first_line in
    '#!'*)
        # shellcheck disable=SC2086 # split like the kernel does
        set -- ${first_line#'#!'}
        [ -x "$1" ] || printf ' no-interpreter'
        ;;
    esac
}

problems_of() {
    case $1 in pre) set -- "$pre_path" "$pre_interpreter" ;; *) set -- "$post_path" "$post_interpreter" ;; esac
    if [ -n "$1" ]; then
        script_problems "$1"
    else
        command -v "$2" >/dev/null || printf ' no-interpreter'
    fi
}

# --------------------------------------------------------------------------------------- lock and marker

holder_of_lock() {
    { read -r holder <"$lock_file"; } || holder=''
    printf '%s' "${holder:-another-execution}"
}

# The last holder removes the file, and the directory: what we locked may not be what the path names by now.
lock_is_current() {
    locked=$(stat -L -c %d:%i /proc/self/fd/9) && [ "$locked" = "$(stat -c %d:%i "$lock_file")" ]
}

# Waits up to `limit_lock` seconds for another execution.
take_lock() {
    read_uptime
    give_up=$((uptime + limit_lock))
    lost_races=0
    while [ "$lost_races" -lt 50 ]; do
        mkdir -m 700 "$state_directory"
        problem=$(state_directory_problem)
        if [ -n "$problem" ]; then
            refuse HOST_UNSUITABLE "$state_directory $problem"
        elif ! command exec 9>>"$lock_file"; then
            lost_races=$((lost_races + 1))
        elif ! flock -n 9; then
            read_uptime
            [ "$uptime" -lt "$give_up" ] || refuse HOST_BUSY "$(holder_of_lock)"
            sleep "$tick"
        elif lock_is_current; then
            : >"$lock_file"
            printf '%s %s\n' "$execution" "$instance" >&9
            return 0
        else
            lost_races=$((lost_races + 1))
        fi
    done
    refuse HOST_UNSUITABLE "cannot lock $lock_file"
}

# Under the lock only. An execution that waits for it notices: see lock_is_current.
remove_state() {
    lock_is_current || return 0
    rm -rf "$run_directory"
    left=''
    [ ! -e "$run_directory" ] || left=$run_directory
    if [ ! -e "$marker_file" ]; then
        rm -f "$lock_file" "$marker_file.new"
        rmdir "$state_directory"
    fi
    [ -z "$left" ]
}

# While the marker stays, so does what is needed to thaw.
clean_up() {
    if [ -e "$marker_file" ]; then
        say "cleaned failed $run_directory"
    elif remove_state; then
        say 'cleaned ok'
    else
        say "cleaned failed $left"
    fi
}

# All that a later connection needs to thaw, without our inputs.
write_marker() {
    printf '%s\nmarker_boot=%s\n' "$marker" "$boot" >"$marker_file.new" && mv "$marker_file.new" "$marker_file"
}

# Takes the post-thaw of the execution that left the marker for our own.
# shellcheck disable=SC1090,SC2034
adopt_marker() {
    . "$marker_file"
    run_directory=$state_directory/$marker_execution
    post_path=$marker_post_path
    post_interpreter=$marker_post_interpreter
    post_argument=$marker_post_argument
    verb_thaw=$marker_verb_thaw
    limit_post=$marker_limit_post
    show_output=no
}

read_marker() {
    marker_execution='' marker_boot=''
    # shellcheck disable=SC1090
    [ ! -e "$marker_file" ] || . "$marker_file"
}

# Post-thaw of the execution that the marker names. Prints how it ended.
thaw_by_marker() {
    adopt_marker
    exec 4>&1 >/dev/null
    thaw "$verb_thaw"
    printf '%s' "$result" >&4
}

# ---------------------------------------------------------------------------------------------- hooks

# shellcheck disable=SC2016 # for the hook's shell to expand
# What a hook's shell does before it becomes the hook. Its owner may have abandoned it or died since it
# ordered it: whoever stops the hook looks for its process id after that, so either they see us, or we see that.
# Post-thaw is run also where there is no room for its process id: better that nobody can stop it than a freeze.
# busybox ignores SIGQUIT for itself and lets what it execs inherit that, unless it is caught.
launch='umask 077
printf "%s\n" "$$" >"$1/$2.pid" || [ "$2" = post ] || exit 126
[ ! -e "$1/$2.abandoned" ] || exit 126
{ read -r owner <"/proc/$4/stat"; } || exit 126
case ${owner##*) } in Z* | X*) exit 126 ;; esac
if [ "$8" = yes ]; then exec 2>"$1/$2.stderr"; fi
. "$1/environment" || exit 126
cd /
unset OLDPWD
trap : QUIT
if [ -n "$6" ]; then exec "$5" "$6" "$7" "$3"; elif [ -n "$5" ]; then exec "$5" "$7" "$3"; else exec "$7" "$3"; fi'

# Usage: run_hook pre|check|post VERB OWNER. In the foreground: see the top of this file.
run_hook() {
    # Nobody collects what a check says.
    case $1 in check) shown=no ;; *) shown=$show_output ;; esac
    case $1 in
    pre | check) interpreter=$pre_interpreter argument=$pre_argument script=${pre_path:-$run_directory/pre} ;;
    *) interpreter=$post_interpreter argument=$post_argument script=${post_path:-$run_directory/post} ;;
    esac
    env -i PATH="$PATH" LC_ALL=C setsid sh -c "$launch" sh \
        "$run_directory" "$1" "$2" "$3" "$interpreter" "$argument" "$script" "$shown" \
        </dev/null >/dev/null 3<&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
    printf '%s\n' "$?" >"$run_directory/$1.$3.status"
    kill -USR1 "$3"
}

# Also hands the watcher its program: over a pipe, for it holds secrets.
run_pre_freeze() {
    read_own_pid
    printf '%s\n' "$own_pid" >"$run_directory/runner"
    read -r main_pid
    printf 'main_pid=%s\n%s\n' "$main_pid" "$p"
    exec >/dev/null
    if read -r _; then run_hook pre "$verb_freeze" "$main_pid"; fi
}

run_later_hook() {
    if read -r supervisor_pid; then run_hook "$1" "$2" "$supervisor_pid"; fi
}

# One try of a hook that comes after pre-freeze, within its limit. Sets `result`: an exit code, timeout or lost.
# Usage: try_hook check|post VERB
try_hook() {
    : >"$run_directory/$1.result"
    supervise_hook "$1" 9>&- | run_later_hook "$1" "$2"
    { read -r result <"$run_directory/$1.result"; } || result=lost
}

supervise_hook() {
    read_own_pid
    listen_to_signals
    exec 5>&1 >/dev/null
    status_file=$run_directory/$1.$own_pid.status
    result=''
    rm -f "$run_directory/$1.pid" "$status_file"
    # What is left of the freeze is all that a check has: main's timer counts it.
    [ "$1" = check ] || start_timer "$limit_post"
    printf '%s\n' "$own_pid" >&5 || result=lost
    unseen=0
    while :; do
        woken=''
        if [ -s "$status_file" ]; then
            read -r result <"$status_file"
        elif ! alive "$timer" || { [ "$1" = check ] && ! guards_live; }; then
            result=timeout
            { read -r hook <"$run_directory/$1.pid"; } && end_late_hook "$1"
        elif { read -r hook <"$run_directory/$1.pid"; } && ! alive "$hook"; then
            # Its runner tells its exit code at once, unless the runner was killed.
            unseen=$((unseen + 1))
            [ "$unseen" -lt 3 ] || result=lost
        fi
        [ -z "$result" ] || break
        pause
    done
    printf '%s\n' "$result" >"$run_directory/$1.result"
    [ "$1" = check ] || kill -KILL "$timer"
}

# Nothing waits for a check to die: it only looks, and what it hangs on may be the freeze.
end_late_hook() {
    if [ "$1" = check ]; then
        kill -KILL "-$hook"
        kill_parent_of "$hook"
    else
        terminate_group "$hook" || kill_parent_of "$hook"
    fi
}

# The runner of a hook that cannot be killed would wait for it for ever.
kill_parent_of() {
    { read -r stat_line <"/proc/$1/stat"; } || return 0
    # shellcheck disable=SC2086 # split into fields: state, parent
    set -- ${stat_line##*) }
    [ "$2" = 1 ] || kill -KILL "$2"
}

# Up to three tries. 205: already thawed.
thaw() {
    for attempt in 1 2 3; do
        collect_stderr post
        try_hook post "$1"
        case $result in 0 | 205) return 0 ;; esac
        [ "$attempt" = 3 ] || sleep "$tick" 3<&- 4>&- 5>&- 9>&-
    done
    return 1
}

# Thaws, also for a pre-freeze that cannot be killed: at once, and again when it is gone, for what it is
# stuck in may be the freeze itself. Usage: wake_host VERB [GROUP OF THE STUCK HOOK]
wake_host() {
    # Placed with the scripts: what thawing writes finds room, also where something has filled /run meanwhile.
    rm -f "$run_directory/reserve"
    thaw "$1"
    if [ -n "$2" ]; then
        while group_alive "$2"; do sleep "$tick" 3<&- 4>&- 5>&- 9>&-; done
        thaw "$1"
    fi
    case $result in 0 | 205) awake=1 ;; *) awake='' ;; esac
    say "thawed $result"
    if [ -n "$awake" ]; then rm -f "$marker_file"; else say_stderr post; fi
}

# Collects the end of a hook's standard error, without ever letting the hook wait.
collect_stderr() {
    [ "$show_output" = yes ] || return 0
    [ -p "$run_directory/$1.stderr" ] || mkfifo "$run_directory/$1.stderr"
    read_stderr "$1" &
    collector=$!
    remember_helper "$collector"
}

read_stderr() {
    exec 3<&- 4>&- 5>&- 9>&- <"$run_directory/$1.stderr" >"$run_directory/$1.tail"
    exec tail -c 2048
}

say_stderr() {
    [ "$show_output" = yes ] || return 0
    # A process that pre-freeze left behind may keep it open.
    for _ in 1 2 3 4 5; do
        alive "$collector" || break
        sleep 0.1 3<&- 4>&- 9>&-
    done
    [ ! -s "$run_directory/$1.tail" ] || say "output $1 $(base64 <"$run_directory/$1.tail" | tr -d '\n')"
}

# ----------------------------------------------------------------------------------------------- main

listen_for() {
    read_word "$1" &
    reader=$!
    remember_helper "$reader"
}

# In the background, for `wait` can be interrupted by a signal and `read` cannot.
read_word() {
    exec 4>&- 5>&- 9>&- >/dev/null
    IFS= read -r word <&3
    if [ "$word" = "$1" ]; then : >"$run_directory/heard.$1"; else : >"$run_directory/heard.end"; fi
    kill -USR1 "$own_pid"
}

heard() {
    [ -e "$run_directory/heard.$1" ]
}

ended() {
    heard end || [ -n "$told_to_stop" ]
}

# Are all processes there that the promises depend on? Look at this before looking for their messages: they
# may leave a message and end.
company_complete() {
    guards_live && alive "$reader" && ! collector_killed
}

guards_live() {
    alive "$$" && alive "$parent" && alive "$watcher"
}

# At its end of file it ends by itself. Without it, what pre-freeze left behind would die of its next message.
collector_killed() {
    [ -n "$collector" ] && ! alive "$collector" || return 1
    wait "$collector" && collector='' && return 1
    return 0
}

await_company() {
    read_uptime
    give_up=$((uptime + 10))
    while :; do
        woken=''
        { read -r runner <"$run_directory/runner"; } && { read -r watcher <"$run_directory/watcher"; } && return 0
        read_uptime
        [ "$uptime" -lt "$give_up" ] || return 1
        pause
    done
}

place_scripts() {
    dd if=/dev/zero of="$run_directory/reserve" bs=4096 count=16 2>/dev/null || return 1
    printf '%s\n' "$environment" >"$run_directory/environment" || return 1
    [ -n "$pre_path" ] || printf '%s' "$pre_text" >"$run_directory/pre" || return 1
    [ -n "$post_path" ] || printf '%s' "$post_text" >"$run_directory/post"
}

# An earlier execution died without thawing: only its own post-thaw knows how.
thaw_previous() {
    read_marker
    [ -n "$marker_execution" ] || return 0
    if [ "$marker_boot" = "$boot" ]; then
        exit_code=$(thaw_by_marker)
        case $exit_code in
        0 | 205) say "recovered $marker_execution $exit_code" ;;
        *) leave_refusing STALE_FREEZE "$marker_execution $exit_code" ;;
        esac
    fi
    rm -rf "$marker_file" "${state_directory:?}/$marker_execution"
}

leave_refusing() {
    say "refused $*"
    leave
}

# Nothing is frozen and nothing is ours.
leave() {
    stop_helpers
    if remove_state; then say 'cleaned ok'; else say "cleaned failed $left"; fi
    end_main
}

# The watcher has nothing to watch any more.
end_main() {
    kill -KILL "$watcher"
    continue_sudo "$$"
    exit 0
}

main() {
    exec 5>&1 >&4 4>&-
    read_own_pid
    listen_to_signals
    collector=''
    # Outside our process namespace, it cannot be watched.
    parent=$PPID
    alive "$parent" || parent=$$
    printf '%s\n' "$own_pid" >&5
    await_company || leave_refusing HOST_UNSUITABLE "the guard's processes did not start"
    thaw_previous
    place_scripts || leave_refusing HOST_UNSUITABLE "$state_directory is full"
    say "ready $identity $boot"
    await_freeze
    freeze
    hold
    release
}

await_freeze() {
    listen_for freeze
    start_timer "$limit_wait"
    while :; do
        woken='' complete=1
        company_complete || complete=''
        heard freeze && break
        if ended || timer_ended || [ -z "$complete" ]; then leave; fi
        pause
    done
    kill -KILL "$timer"
}

freeze() {
    listen_for release
    collect_stderr pre
    write_marker || leave_refusing HOST_UNSUITABLE "$state_directory is full"
    : >"$run_directory/armed"
    start_timer "$limit_pre"
    say freezing
    printf 'go\n' >&5
    exec 5>&-
    status_file=$run_directory/pre.$own_pid.status
    while :; do
        woken='' complete=1
        company_complete && alive "$runner" || complete=''
        if [ -s "$status_file" ]; then
            read -r result <"$status_file"
            [ "$result" = 0 ] || abandon "$result"
            break
        elif ended || heard release; then
            abandon eof
        elif timer_ended; then
            if [ "$timer_end" = expired ]; then abandon timeout; else abandon lost; fi
        elif [ -z "$complete" ]; then
            abandon lost
        fi
        pause
    done
    pre_timer=$timer
    # Where sleep knows no fractions it is noticed up to a second late.
    if [ "$tick" = 1 ]; then start_timer "$limit_freeze"; else start_timer "$timer_freeze"; fi
    : >"$run_directory/frozen"
    kill -KILL "$pre_timer"
    say frozen
}

# Pre-freeze did not succeed. It may have frozen half of it.
abandon() {
    stuck=''
    : >"$run_directory/pre.abandoned"
    { read -r hook <"$run_directory/pre.pid"; } || hook=''
    case $1 in
    # What a hook that was killed had started may go on without it, and freeze after post-thaw.
    timeout | eof | lost | 12[89] | 1[3-9]? | 2??) [ -z "$hook" ] || terminate_group "$hook" || stuck=$hook ;;
    esac
    say "unfrozen $1"
    wake_and_leave "$verb_failed" "$stuck" pre
}

hold() {
    ending=''
    while :; do
        woken='' complete=1
        company_complete || complete=''
        if heard release; then
            confirm_hold
        elif ended; then
            ending=eof
        elif timer_ended; then
            ending=$timer_end
        elif [ -z "$complete" ]; then
            ending=lost
        fi
        [ -z "$ending" ] || return 0
        pause
    done
}

# The word came while we held. Did the scripts hold as well? Those that know how to tell are asked.
confirm_hold() {
    ending=asked
    [ -n "$verb_check" ] || return 0
    try_hook check "$verb_check"
    if timer_ended; then
        ending=$timer_end
    elif ! guards_live; then
        # The reader has ended with the word.
        ending=lost
    elif [ "$result" != 0 ]; then
        ending=unheld
    fi
}

release() {
    say "releasing $ending"
    wake_and_leave "$verb_thaw" '' ''
}

wake_and_leave() {
    wake_host "$1" "$2"
    [ -z "$3" ] || say_stderr "$3"
    stop_helpers
    clean_up
    end_main
}

# -------------------------------------------------------------------------------------------- watcher

watch() {
    listen_to_signals
    collector=''
    deadline=''
    printf '%s\n' "$$" >"$run_directory/watcher"
    kill -USR1 "$main_pid"
    while alive "$main_pid"; do
        woken=''
        pause
        read_uptime
        if [ -z "$deadline" ] && [ -e "$run_directory/armed" ]; then deadline=$((uptime + limit_total)); fi
        # Main is stopped or stuck: it would have ended by now.
        [ "$uptime" -lt "${deadline:-$((uptime + 1))}" ] || kill -KILL "$main_pid"
    done
    stop_helpers
    read_marker
    if [ "$marker_execution" = "$execution" ]; then take_over; fi
    if [ ! -e "$marker_file" ]; then remove_state; fi
    # When top is no more, its number may be somebody else's.
    if [ "$(parent_of "$$")" = "$PPID" ]; then continue_sudo "$PPID"; fi
}

take_over() {
    { read -r runner <"$run_directory/runner"; } && kill -KILL "$runner"
    { read -r hook <"$run_directory/pre.pid"; } || hook=''
    verb=$verb_thaw stuck=''
    if [ -e "$run_directory/frozen" ]; then
        say 'releasing lost'
    else
        verb=$verb_failed
        [ -z "$hook" ] || terminate_group "$hook" || stuck=$hook
        say 'unfrozen lost'
    fi
    { read -r check <"$run_directory/check.pid"; } && kill -KILL "-$check"
    await_orphaned_post_thaw
    wake_host "$verb" "$stuck"
    clean_up
}

# It may be half done; it is run again, but not beside itself.
await_orphaned_post_thaw() {
    { read -r orphan <"$run_directory/post.pid"; } || return 0
    read_uptime
    give_up=$((uptime + limit_post_whole + 1))
    while group_alive "$orphan" && [ "$uptime" -lt "$give_up" ]; do
        sleep "$tick" 3<&- 4>&- 9>&-
        read_uptime
    done
    terminate_group "$orphan"
}

# ---------------------------------------------------------------------------------------------- modes

check_host() {
    say "user $uid"
    if cloud_init_runs; then say booting; fi
    # shellcheck disable=SC2086 # a list
    for tool in $(missing_tools $needed_tools); do say "tool-missing $tool"; done
    identify
    say "identity $identity $found_instance"
    say "boot $boot"
    say "run $(file_system_of "$state_parent")"
    if [ -e "$state_directory" ]; then
        problem=$(state_directory_problem)
        [ -z "$problem" ] || say "state-directory $problem"
    fi
    say "lock $(lock_state)"
    read_marker
    say "marker ${marker_execution:-none} $marker_boot"
    for which in pre post; do
        problems=$(problems_of "$which")
        say "script $which${problems:- ok}"
    done
    list_devices
    list_mounts
    say 'done'
}

# cloud-init writes its result when its last stage is over (cloud-init manual, "Status").
cloud_init_runs() {
    [ -d /run/cloud-init ] && [ ! -e /run/cloud-init/result.json ] && [ ! -e /run/cloud-init/disabled ]
}

# Trying the lock could make another execution fail.
lock_state() {
    if lock_is_listed || lock_is_watched; then printf 'held %s' "$(holder_of_lock)"; else printf 'free'; fi
}

lock_is_listed() {
    inode=$(stat -c '%d %i' "$lock_file") || return 1
    device=${inode% *}
    inode=$(printf '%02x:%02x:%s' "$((device >> 8 & 0xfff))" "$((device & 0xff | device >> 12 & 0xfff00))" "${inode#* }")
    grep -q "FLOCK .* $inode " /proc/locks
}

# In a process namespace, /proc/locks does not show what a process took that is no more, as flock is.
lock_is_watched() {
    holder=$(holder_of_lock)
    { read -r watcher <"$state_directory/${holder%% *}/watcher"; } && alive "$watcher"
}

list_devices() {
    if ! command -v lsblk >/dev/null; then
        say 'tool-missing lsblk'
        return
    fi
    lsblk -P -o NAME,KNAME,TYPE,PKNAME,FSTYPE,MOUNTPOINT,SERIAL,MODEL | while read -r line; do say "device $line"; done
    if command -v btrfs >/dev/null; then
        btrfs filesystem show | while read -r line; do [ -z "$line" ] || say "btrfs $line"; done
    fi
}

# What no snapshot of a block device can hold.
list_mounts() {
    while read -r source target type _; do
        case $type in
        nfs | nfs4 | cifs | smb3 | ceph | 9p | lustre | glusterfs | afs | ocfs2 | gfs2 | beegfs | fuse.*)
            say "mount $type $source $target"
            ;;
        esac
    done </proc/self/mounts
}

guard_freeze() {
    # shellcheck disable=SC2086 # a list
    missing=$(missing_tools $needed_tools)
    [ -z "$missing" ] || refuse HOST_UNSUITABLE "missing: ${missing% }"
    [ "$(file_system_of "$state_parent")" = tmpfs ] || refuse HOST_UNSUITABLE "$state_parent is not a tmpfs"
    identify
    [ "$identity" != other ] || refuse WRONG_INSTANCE "$found_instance"
    for which in pre post; do
        problems=$(problems_of "$which")
        [ -z "$problems" ] || refuse HOST_UNSUITABLE "the $which script:$problems"
    done
    take_lock
    read_marker
    [ "$marker_execution" != "$execution" ] || refuse STALE_FREEZE "$execution: its own, to be recovered"
    rm -rf "$run_directory"
    mkdir "$run_directory"
    : >"$run_directory/helpers" || refuse HOST_UNSUITABLE "$state_directory is full"
    exec 3<&0 4>&1
    # shellcheck disable=SC2016 # for the watcher's shell to expand
    main | run_pre_freeze 3<&- 4>&- 9>&- | setsid sh -c 'p=$(cat) && eval "$p"' sh watcher 3<&- 4>&-
    exit 0
}

guard_recover() {
    trap : HUP INT TERM PIPE
    # That nothing is there on another host says nothing about ours.
    identify
    if [ "$identity" = other ] && [ "$verify_identity" = yes ]; then refuse WRONG_INSTANCE "$found_instance"; fi
    if [ ! -d "$state_directory" ]; then
        say "gone $identity $boot"
        exit 0
    fi
    take_lock
    read_marker
    if [ "$marker_execution" != "$execution" ] || [ "$marker_boot" != "$boot" ]; then
        if [ "$marker_execution" = "$execution" ]; then rm -f "$marker_file"; fi
        remove_state
        say "gone $identity $boot"
        exit 0
    fi
    exit_code=$(thaw_by_marker)
    case $exit_code in 0 | 205) rm -f "$marker_file" ;; esac
    say "thawed $exit_code"
    clean_up
    exit 0
}

case ${1:-$mode} in
watcher) watch ;;
check)
    say "$nonce"
    check_host
    ;;
freeze)
    say "$nonce"
    guard_freeze
    ;;
recover)
    say "$nonce"
    guard_recover
    ;;
esac
