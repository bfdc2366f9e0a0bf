# File systems. See fileSystems.ts.

# Sets `mount_point` and `device` (major:minor) of the file system that a path is on.
# /proc/self/mountinfo: fields 3 and 5; the last one that fits is on top.
find_file_system() {
    # By way of what is in it: an automounter mounts then, and not for the folder alone (path_resolution(7), AT_NO_AUTOMOUNT).
    [ -d "$1/." ] && real=$(readlink -f -- "$1") || { say "$1 is no folder"; return 1; }
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

file_systems_prepare() {
    # Read from a pipe, the loop would have a shell of its own.
    printf '%s\n' "$paths" >"$folder/paths" || return 1
    for file in found devices list opened frozen; do
        : >"$folder/$file" || return 1
    done
    while read -r path; do
        refuse_root "$path" && refuse_uncounted "$path" || return 1
        find_depth "$device"
        printf '%s %s %s\n' "$depth" "$device" "$path" >>"$folder/found" || return 1
    done <"$folder/paths"
    # What lies in a file of another file system cannot be written out any more when that one is frozen.
    sort -s -k 1,1nr "$folder/found" >"$folder/devices" || return 1
    # Most of what is dirty, while everybody can still write.
    while read -r path; do
        write_out "$path" || return 1
    done <"$folder/paths"
}

# Sets `depth`: on how many file systems, one in a file of the other, a device lies. Usage: find_depth DEVICE
find_depth() {
    depth=0 below=$1
    while [ "$depth" -lt 8 ] && file=$(backing_file "$below") && below=$(device_of "$file"); do
        depth=$((depth + 1))
    done
}

# The file that a loop device is, or a partition of one, or device mapper above it. Usage: backing_file DEVICE
backing_file() {
    sys=/sys/dev/block/$1
    set +f
    for loop in "$sys/loop" "$sys/../loop" "$sys"/slaves/*/loop; do
        if { IFS= read -r backing <"$loop/backing_file"; } 2>/dev/null; then
            set -f
            printf '%s\n' "$backing"
            return 0
        fi
    done
    set -f
    return 1
}

# What has been written to it is the proof that it was frozen.
refuse_uncounted() {
    # Of btrfs, say, nobody could tell.
    [ -r "/sys/dev/block/$device/stat" ] || { say "$1 is on no block device of its own"; return 1; }
    # Device mapper (LVM, LUKS) counts by itself, whatever that setting is, on some kernels: the freeze will show it.
    [ -d "/sys/dev/block/$device/dm" ] || ! is_set_not_to_count || say_uncounted "$1"
}

# Sets `setting`, which is its path.
is_set_not_to_count() {
    # A partition's is its disk's.
    for setting in "/sys/dev/block/$device/queue/iostats" "/sys/dev/block/$device/../queue/iostats"; do
        if { read -r counts <"$setting"; } 2>/dev/null && [ "$counts" = 0 ]; then return 0; fi
    done
    return 1
}

say_uncounted() {
    say "$1 is on a device that does not count what is written to it: $setting is 0. Switch it on: echo 1 >$setting"
    return 1
}

write_out() {
    sync -f "$1"
    in_time "$1 has too much to write"
}

file_systems_freeze() {
    # First, as nobody may come back to thaw what is frozen from here on.
    thaw_later || return 1
    while read -r _ expected path; do
        # It may have been unmounted since, and the path be on the root file system now.
        find_file_system "$path" && require_device "$device" || return 1
        grep -q -x -F -e "$device" "$folder/frozen" || freeze_file_system "$path" || return 1
    done <"$folder/devices"
}

require_device() {
    [ "$1" = "$expected" ] && return 0
    say "$path is no longer on the file system that it was on"
    return 1
}

freeze_file_system() {
    # What is dirty by now, and what the applications have just written: it makes the freeze itself short.
    write_out "$1" || return 1
    keep_open || return 1
    # Before it acts: it may not come to tell.
    printf '%s %s\n' "$device" "$mount_point" >>"$folder/list" || return 1
    before=$(sectors "$device")
    # Whoever thaws notes that before looking for our process: either they see us, or we see that.
    # shellcheck disable=SC2016 # for that shell to expand
    said=$(sh -c 'printf "%s\n" "$$" >"$1/freezing" && [ ! -e "$1/thawing" ] && exec fsfreeze --freeze /proc/self/fd/3' \
        sh "$folder" 2>&1)
    ended=$?
    if [ "$ended" = 0 ]; then
        printf '%s\n' "$device" >>"$folder/frozen"
        # Freezing ext4 or XFS writes, however little there was to write.
        [ "$(sectors "$device")" != "$before" ] || ! is_set_not_to_count || say_uncounted "$1"
        return
    fi
    say "$mount_point: $said"
    # Refused: it is frozen by somebody else, or cannot be. One that was killed may have frozen it.
    [ "$ended" -gt 128 ] || forget_last
    return 1
}

# A process that keeps it open, as its descriptor 3: what is open cannot be unmounted, and is found wherever it is moved
# to, whatever is mounted over it, and after `umount -l`. It is started with that descriptor open already.
keep_open() {
    printf '%s\n' "$device" >>"$folder/opened" && exec 3<"$mount_point" || return 1
    require_device "$(device_of /proc/self/fd/3)" || return 1
    # Longer than whoever thaws last.
    sleep $((longest_hold * 2)) >/dev/null 2>&1 &
    remember "$folder/opener-$device" "$!"
}

# Not waited for: the applications are still to be thawed.
end_openers() {
    while read -r device; do
        ! still_runs "$folder/opener-$device" || kill -TERM "$pid"
    done <"$folder/opened"
}

# The file system that a path leads to, as major:minor. What stat prints is packed (makedev(3)).
device_of() {
    packed=$(stat -L -c %d -- "$1" 2>/dev/null) &&
        printf '%s:%s\n' $(((packed >> 8 & 0xfff) | (packed >> 32 & ~0xfff))) $(((packed & 0xff) | (packed >> 12 & ~0xff)))
}

# Not by way of another file: /run may be full.
forget_last() {
    kept=$(sed '$d' "$folder/list") && printf '%s' "${kept:+$kept
}" >"$folder/list"
}

# For callers that never thaw.
thaw_later() {
    (
        sleep "$longest_hold" &
        remember "$folder/sleeper" "$!"
        wait "$!"
        thaw_listed
        end_openers
    ) </dev/null >/dev/null 2>&1 &
    remember "$folder/later" "$!"
}

# Held by the kernel, until somebody thaws it: fsfreeze refuses what is frozen, and would freeze what is not. So the
# check is who is still there to thaw, that it is where it was, so that nobody writes to something else in its place, and
# that nothing is written to what has been frozen.
file_systems_check() {
    still_runs "$folder/later" || { say 'the hold has ended'; return 1; }
    while IFS= read -r line; do
        if [ "$(device_of "${line#* }")" != "${line%% *}" ]; then
            say "${line#* } is not the file system any more that was frozen there"
            return 1
        fi
    done <"$folder/list"
    now=$(written)
    [ -e "$folder/written" ] || printf '%s\n' "$now" >"$folder/written"
    [ "$now" = "$(cat "$folder/written")" ] && return 0
    say 'a frozen file system was written to'
    return 1
}

written() {
    while read -r listed _; do
        printf '%s %s\n' "$listed" "$(sectors "$listed")"
    done <"$folder/frozen"
}

# Written to a device since the host was booted (Documentation/admin-guide/iostats.rst, field 10).
sectors() {
    read -r _ _ _ _ _ _ count _ <"/sys/dev/block/$1/stat" || count=none
    printf '%s\n' "$count"
}

# All at once: one whose disk hangs, or that lies on another one that is frozen, must not keep the others waiting. Most of
# the time of one try of post-thaw is left for whoever else has to be thawed.
thaw_limit=10
thaw_listed() {
    [ -e "$folder/list" ] || return 205
    # Who hangs must not keep our own output open. Opened where there is no room as well.
    errors=$folder/errors
    true >>"$errors" || errors=/dev/null
    unfreezing=''
    while IFS= read -r line; do
        unfreeze "${line%% *}" "${line#* }" &
        unfreezing="$unfreezing $!"
    done <"$folder/list" || return 1
    wait_while "$thaw_limit" 'said below' is_unfreezing 2>/dev/null
    thawed=205
    for job in $unfreezing; do
        if is_alive "$job"; then ended=1; else wait "$job"; ended=$?; fi
        case $thawed,$ended in
        *,205 | 1,*) ;;
        *,0) thawed=0 ;;
        *) thawed=1 ;;
        esac
    done
    [ "$thawed" != 1 ] || say "not all file systems are thawed: $(cat "$errors")"
    return "$thawed"
}

is_unfreezing() {
    for job in $unfreezing; do
        ! is_alive "$job" || return 0
    done
    return 1
}

# Usage: unfreeze DEVICE MOUNT_POINT
unfreeze() {
    # By exec: a function's own redirections leave the others open for the time after it.
    exec </dev/null >/dev/null 2>>"$errors"
    said=''
    ! still_runs "$folder/opener-$1" || unfreeze_path "/proc/$pid/fd/3"
    # Without that process it may be anywhere by now.
    while read -r _ _ major_minor _ target _; do
        [ "$major_minor" = "$1" ] || continue
        target=$(printf '%b' "$target")
        # Something else may be mounted over it.
        [ "$(device_of "$target")" != "$1" ] || unfreeze_path "$target"
    done </proc/self/mountinfo
    [ -e "/sys/dev/block/$1" ] || exit 205 # the device is no more
    unfreeze_hidden "$1"
    say "$2: $said"
    exit 1
}

# Comes back when it could neither thaw it nor find it thawed, with the reason in `said`.
unfreeze_path() {
    said=$(fsfreeze --unfreeze "$1" 2>&1)
    thawed_or_not "$?"
}

thawed_or_not() {
    case $1,$said in
    0,*) exit 0 ;;
    *fsfreeze*'Invalid argument'*) exit 205 ;; # thawed already
    esac
}

# The kernel keeps one that was unmounted while it was frozen, and mounts that one again. Where it cannot be mounted for
# reading only, the kernel has one that can be written to. Any other one is not even given its journal back.
unfreeze_hidden() {
    name=$(sed -n 's/^DEVNAME=//p' "/sys/dev/block/$1/uevent")
    # shellcheck disable=SC2016 # for that shell to expand
    said=$(unshare --mount --propagation private sh -c '
        said=$(mount -o ro,norecovery "$1" "$2" 2>&1) || case $said in
        *busy* | *already*) mount "$1" "$2" || exit ;;
        *) printf "%s\n" "$said"; exit 1 ;;
        esac
        exec fsfreeze --unfreeze "$2"' sh "/dev/$name" "$folder" 2>&1)
    thawed_or_not "$?"
}

file_systems_thaw() {
    # Not by `:`, with which a shell would end where there is no room.
    true >"$folder/thawing"
    # Asked before the thaw: what ends beside it may have frozen what had just been found thawed.
    was_freezing=no
    ! is_freezing || was_freezing=yes
    thaw_listed
    ended=$?
    # A freeze that waits for a disk cannot be killed, and may succeed after all: to be thawed again.
    if [ "$was_freezing" = yes ]; then
        wait_while "$thaw_limit" 'a freeze has not ended' is_freezing || return 1
        first=$ended
        thaw_listed
        ended=$?
        [ "$ended,$first" = 205,205 ] || [ "$ended" = 1 ] || ended=0
    fi
    # Until all is thawed, it is who will try again.
    case $ended in
    0 | 205)
        # In this order: without its sleeper it would thaw.
        for helper in later sleeper; do
            ! still_runs "$folder/$helper" || kill -TERM "$pid"
        done
        end_openers
        ;;
    esac
    return "$ended"
}

is_freezing() {
    { read -r freezing <"$folder/freezing"; } 2>/dev/null && is_alive "$freezing" &&
        grep -q -a fsfreeze "/proc/$freezing/cmdline"
}
