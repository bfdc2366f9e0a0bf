# ------------------------------------------------------------------------------------------ check mode

check_host() {
    say "user $uid"
    if cloud_init_runs; then say booting; fi
    # shellcheck disable=SC2086 # a list
    for tool in $(missing_tools $needed_tools); do say "tool-missing $tool"; done
    identify
    say "identity $identity $found_instance"
    say "boot $boot"
    say "run $(file_system_of "$state_parent")"
    problem=$(room_problem)
    [ -z "$problem" ] || say "room $problem"
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
    if lock_is_listed || lock_is_watched; then
        read_holder
        printf 'held %s' "$holder"
    else
        printf 'free'
    fi
}

lock_is_listed() {
    inode=$(stat -c '%d %i' "$lock_file") || return 1
    device=${inode% *}
    inode=$(printf '%02x:%02x:%s' "$((device >> 8 & 0xfff))" "$((device & 0xff | device >> 12 & 0xfff00))" "${inode#* }")
    grep -q "FLOCK .* $inode " /proc/locks
}

# In a process namespace, /proc/locks does not show what a process took that is no more, as flock is.
lock_is_watched() {
    { read -r holder _ <"$lock_file"; } && [ -r "$state_directory/$holder/company" ] || return 1
    while read -r name pid start; do
        case $name in main | watcher1 | watcher2) ! alive "$pid" "$start" || return 0 ;; esac
    done <"$state_directory/$holder/company"
    return 1
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
