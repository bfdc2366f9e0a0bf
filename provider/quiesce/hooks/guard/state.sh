# --------------------------------------------------------------------------------------- lock and marker

# Sets `holder`. The lock is held a moment before its holder is written.
read_holder() {
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25; do
        { read -r holder <"$lock_file"; } || holder=''
        [ -z "$holder" ] || return 0
        pause
    done
    holder=another-execution
}

# Some know no fractions.
pause() {
    sleep 0.2 || sleep 1
}

# The last holder removes the file, and the directory: what we locked may not be what the path names by now.
lock_is_current() {
    locked=$(stat -L -c %d:%i /proc/self/fd/9) && [ "$locked" = "$(stat -c %d:%i "$lock_file")" ]
}

# Waits up to `limit_lock` for another execution.
take_lock() {
    read_clock
    give_up=$((now + limit_lock))
    lost_races=0
    while [ "$lost_races" -lt 50 ]; do
        mkdir -m 700 "$state_directory"
        problem=$(state_directory_problem)
        if [ -n "$problem" ]; then
            refuse HOST_UNSUITABLE "$state_directory $problem"
        elif [ ! -d "$state_directory" ] && ! mkdir -m 700 "$state_directory" && [ ! -d "$state_directory" ]; then
            refuse HOST_UNSUITABLE "$state_parent has no room (df -h $state_parent; df -i $state_parent)"
        elif ! command exec 9>>"$lock_file"; then
            lost_races=$((lost_races + 1))
        elif ! flock -n 9; then
            read_clock
            if [ "$now" -ge "$give_up" ]; then refuse_busy; fi
            pause
        elif lock_is_current; then
            : >"$lock_file"
            printf '%s %s\n' "$execution" "$instance" >&9
            return 0
        else
            lost_races=$((lost_races + 1))
        fi
    done
    [ ! -e "$lock_file" ] || refuse HOST_UNSUITABLE "cannot lock $lock_file"
    rmdir "$state_directory"
    refuse HOST_UNSUITABLE "$state_parent has no room"
}

# Unless the host is free by the time that its holder has been read.
refuse_busy() {
    read_holder
    flock -n 9 || refuse HOST_BUSY "$holder"
    flock -u 9
}

# Under the lock only. An execution that waits for it notices: see lock_is_current. While our marker stays, so does
# what is needed to thaw.
remove_state() {
    lock_is_current || return 0
    left=$run_directory
    read_marker
    [ "$marker_execution" != "$execution" ] || return 1
    rm -rf "$run_directory"
    left=''
    [ ! -e "$run_directory" ] || left=$run_directory
    if [ ! -s "$marker_file" ]; then
        rm -f "$lock_file" "$marker_file"
        rmdir "$state_directory"
    fi
    [ -z "$left" ]
}

# All that a later connection needs to thaw, without our inputs. Written at one go, into the file itself: a new
# process could not be had for a rename. Whoever reads it has the lock, or sees that we have it.
write_marker() {
    printf "%s\nmarker_boot='%s'\n" "$marker" "$boot" >"$marker_file"
}

# Empty, it marks nothing any more: removing it takes a process.
clear_marker() {
    # What fails with `:` ends the shell, and somebody may have removed the folder.
    true >"$marker_file"
}

# Sets marker_*, all empty when there is no marker. The lines are read, never run: what wrote them may not be ours.
read_marker() {
    marker_execution='' marker_boot='' marker_owner='' marker_post_path='' marker_post_interpreter=''
    marker_post_argument='' marker_verb_thaw='' marker_limit_post=''
    [ -s "$marker_file" ] && [ -z "$(state_directory_problem)" ] || return 0
    while IFS= read -r line; do
        name=${line%%=*} value=${line#*=}
        case $value in "'"*"'") value=${value#"'"} value=${value%"'"} ;; esac
        unquote
        case $name in
        marker_execution) case $value in *[!A-Za-z0-9-]*) ;; *) marker_execution=$value ;; esac ;;
        marker_boot) marker_boot=$value ;;
        marker_owner) marker_owner=$value ;;
        marker_post_path) marker_post_path=$value ;;
        marker_post_interpreter) marker_post_interpreter=$value ;;
        marker_post_argument) marker_post_argument=$value ;;
        marker_verb_thaw) marker_verb_thaw=$value ;;
        marker_limit_post) marker_limit_post=$value ;;
        esac
    done <"$marker_file"
}

# A quote inside of quotes is written '\''.
unquote() {
    unquoted=''
    while :; do
        case $value in
        *"'\\''"*)
            unquoted=$unquoted${value%%"'\\''"*}\'
            value=${value#*"'\\''"}
            ;;
        *) break ;;
        esac
    done
    value=$unquoted$value
}
