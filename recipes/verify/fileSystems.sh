# File systems. See fileSystems.ts.

file_systems_verify() {
    command -v findmnt >/dev/null || fail 'findmnt is not installed'
    printf '%s\n' "$paths" >"$work/paths"
    # Read from a file: from a pipe, the loop would have a shell of its own.
    while IFS= read -r path; do
        wait_for "$path is not mounted" file_systems_find
        file_systems_require_writable
        file_systems_read
        file_systems_require_clean
        printf '%s: %s, %s files, %s bytes, read whole in %s s\n' "$path" "$type" "$files" "$bytes" "$took"
    done <"$work/paths"
}

# Sets `target`, `device`, `name` and `type` of the file system that `path` is on.
file_systems_find() {
    # By way of what is in it: an automounter mounts then, and not for the folder alone.
    [ -d "$path/." ] || { say "there is no folder $path"; return 1; }
    file_systems_expect
    target=$(printf '%b' "$(file_systems_tell TARGET "$path")")
    device=$(file_systems_tell MAJ:MIN "$path")
    type=$(file_systems_tell FSTYPE "$path")
    if [ -n "$expected" ] && [ "$target" != "$expected" ]; then
        say "/etc/fstab has $expected mounted, and $path is on what is mounted at $target"
        return 1
    fi
    if [ "$device" = "$(file_systems_tell MAJ:MIN /)" ]; then
        say "$path is on the root file system"
        return 1
    fi
    name=$(readlink -f "/sys/dev/block/$device")
    name=${name##*/}
}

# What is mounted last is on top. Usage: file_systems_tell COLUMN PATH
file_systems_tell() {
    findmnt -n -r -o "$1" -T "$2" | tail -n 1
}

# Sets `expected` to where the file system of `path` is mounted by /etc/fstab: the longest place that leads to it. Empty
# where it has none.
file_systems_expect() {
    expected=''
    real=$(readlink -f -- "$path")
    findmnt --fstab --evaluate -n -r -o TARGET >"$work/fstab" 2>/dev/null
    while IFS= read -r place; do
        place=$(printf '%b' "$place")
        case $place,$real/ in
        /,*) ;;
        *,"${place%/}"/*) [ "${#place}" -lt "${#expected}" ] || expected=${place%/} ;;
        esac
    done <"$work/fstab"
}

# Not in memory only: a disk that is full, or that fails, is noticed when it is written to.
file_systems_require_writable() {
    file=$(mktemp "$target/.app-consistent-snapshot-verify.XXXXXX" 2>"$errors") ||
        fail "nothing can be written to $target: $(complaint)"
    { dd if=/dev/zero of="$file" bs=65536 count=16 && sync "$file"; } >/dev/null 2>"$errors" ||
        { rm -f "$file"; fail "nothing can be written to $target: $(complaint)"; }
    rm "$file" 2>"$errors" || fail "nothing can be removed from $target: $(complaint)"
}

file_systems_read() {
    read_uptime
    began=$uptime
    file_systems_read_all
    # What runs on the copy removes files while they are looked for. What is listed twice, and is not there, is damage.
    if [ -e "$work/unread" ] && file_systems_is_gone; then
        mv "$errors" "$work/first"
        file_systems_read_all
        if file_systems_is_gone; then
            grep -F -x -f "$work/first" "$errors" >"$work/twice" || rm "$work/unread"
            mv "$work/twice" "$errors"
        fi
    fi
    [ ! -e "$work/unread" ] || fail "$target cannot be read whole: $(complaint)"
    files=$(find "$target" -xdev -type f 2>/dev/null | wc -l)
    read_uptime
    took=$((uptime - began))
}

# Sets `bytes`.
file_systems_read_all() {
    rm -f "$work/unread"
    : >"$errors"
    bytes=$({ find "$target" -xdev -type f -exec cat -- {} + 2>>"$errors" || : >"$work/unread"; } | wc -c)
    find "$target" -xdev -type l -exec ls -ld -- {} + >/dev/null 2>>"$errors" || : >"$work/unread"
}

# Whether that is all that is complained of.
file_systems_is_gone() {
    [ -s "$errors" ] && ! grep -q -v 'No such file or directory$' "$errors"
}

# Each error that ext4 has met since its last repair, also on the server that the snapshot was taken of.
file_systems_require_clean() {
    counted=/sys/fs/ext4/$name/errors_count
    [ -r "$counted" ] || return 0
    read -r count <"$counted"
    [ "$count" = 0 ] || fail "the kernel has counted $count errors in the file system of $target ($type): repair it by fsck"
}
