# File systems. See fileSystems.ts.

# Sets `mount_point` and `device` (major:minor) of the file system that a path is on.
# /proc/self/mountinfo: fields 3 and 5; the last one that fits is on top.
find_file_system() {
    real=$(readlink -f -- "$1") && [ -d "$real" ] || { say "$1 is no folder"; return 1; }
    mount_point='' device=''
    while read -r _ _ major_minor _ target _; do
        target=$(printf '%b' "$target")
        case $real/ in
        "${target%/}"/*)
            if [ "${#target}" -ge "${#mount_point}" ]; then mount_point=$target device=$major_minor; fi
            ;;
        esac
    done </proc/self/mountinfo
}

# Nothing on the host would run any more, not even what thaws.
refuse_root() {
    find_file_system /
    root_device=$device
    find_file_system "$1" || return 1
    if [ "$device" = "$root_device" ] || [ "$(stat -c %d "$real")" = "$(stat -c %d /)" ]; then
        say "$1 is on the root file system, which is never frozen"
        return 1
    fi
}

file_systems_freeze() {
    # Read from a pipe, the loop would have a shell of its own.
    printf '%s\n' "$paths" >"$folder/paths"
    : >"$folder/frozen"
    while read -r path; do
        refuse_root "$path" || return 1
    done <"$folder/paths"
    while read -r path; do
        find_file_system "$path"
        grep -q -x -F -e "$device" "$folder/frozen" || freeze_file_system "$path" || return 1
    done <"$folder/paths"
    thaw_later
}

freeze_file_system() {
    # Most of what is dirty, while writers still can: it makes the freeze itself short.
    sync -f "$1"
    in_time "$1 has too much to write" || return 1
    # Before it acts: it may not come to tell.
    printf '%s %s\n' "$device" "$mount_point" >>"$folder/list"
    sh -c 'printf "%s\n" "$$" >"$1" && exec fsfreeze --freeze "$2"' sh "$folder/freezing" "$mount_point" || {
        # Refused: it is frozen by somebody else, or cannot be.
        forget_last
        return 1
    }
    printf '%s\n' "$device" >>"$folder/frozen"
}

forget_last() {
    sed '$d' "$folder/list" >"$folder/list.new" && mv "$folder/list.new" "$folder/list"
}

# For callers that never thaw.
thaw_later() {
    (
        trap 'kill "$sleeper"; exit' TERM
        sleep "$longest_hold" &
        sleeper=$!
        wait "$sleeper"
        thaw_listed
    ) </dev/null >/dev/null 2>&1 &
    printf '%s\n' "$!" >"$folder/later"
}

# Held by the kernel, until somebody thaws it: fsfreeze refuses what is frozen, and would freeze what is not. So the
# check is who is still there to thaw, and that nothing is written to what has been frozen.
file_systems_check() {
    { read -r later <"$folder/later"; } && is_alive "$later" || { say 'the hold has ended'; return 1; }
    now=$(written)
    [ -e "$folder/written" ] || printf '%s\n' "$now" >"$folder/written"
    [ "$now" = "$(cat "$folder/written")" ] && return 0
    say 'a frozen file system was written to'
    return 1
}

# Sectors written to each device since the host was booted (Documentation/admin-guide/iostats.rst, field 10).
written() {
    while read -r listed _; do
        read -r _ _ _ _ _ _ sectors _ <"/sys/dev/block/$listed/stat" || sectors=none
        printf '%s %s\n' "$listed" "$sectors"
    done <"$folder/frozen"
}

thaw_listed() {
    [ -e "$folder/list" ] || return 205
    sed '1!G;h;$!d' "$folder/list" >"$folder/reversed"
    thawed=205
    while read -r listed mount_point; do
        said=$(fsfreeze --unfreeze "$mount_point" 2>&1)
        case $?,$said in
        0,*) [ "$thawed" = 1 ] || thawed=0 ;;
        *'Invalid argument'*) ;; # thawed already
        *) say "$mount_point: $said"; thawed=1 ;;
        esac
    done <"$folder/reversed"
    return "$thawed"
}

file_systems_thaw() {
    thaw_listed
    ended=$?
    { read -r later <"$folder/later"; } 2>/dev/null && kill -TERM "$later"
    # A freeze that waits for a disk cannot be killed, and may succeed after all: to be thawed again.
    { read -r freezing <"$folder/freezing"; } 2>/dev/null && is_freezing "$freezing" && return 1
    return "$ended"
}

is_freezing() {
    is_alive "$1" && grep -q -a fsfreeze "/proc/$1/cmdline"
}
