# ----------------------------------------------------------------------------------------------- start

guard_freeze() {
    # shellcheck disable=SC2086 # a list
    missing=$(missing_tools $needed_tools)
    [ -z "$missing" ] || refuse HOST_UNSUITABLE "missing: ${missing% }"
    [ "$(file_system_of "$state_parent")" = tmpfs ] || refuse HOST_UNSUITABLE "$state_parent is not a tmpfs"
    problem=$(room_problem)
    [ -z "$problem" ] || refuse HOST_UNSUITABLE "$problem"
    identify
    [ "$identity" != other ] || refuse WRONG_INSTANCE "$found_instance"
    unsafe=$(unsafe_script)
    [ -z "$unsafe" ] || refuse HOST_UNSUITABLE "$unsafe"
    trap give_up EXIT
    take_lock
    read_marker
    [ "$marker_execution" != "$execution" ] || refuse STALE_FREEZE "$execution: its own, to be recovered"
    remove_the_dead
    if mkdir "$run_directory"; then start_company main; fi
    refuse_full
}

# What executions left that were killed before they froze anything: nobody else of ours is at work under the lock. What
# the marker names stays, for thawing.
remove_the_dead() {
    set +f
    for folder in "$state_directory"/*/; do
        [ "$folder" = "$state_directory/$marker_execution/" ] || rm -rf "$folder"
    done
    set -f
}

refuse_full() {
    remove_state
    refuse HOST_UNSUITABLE "$state_parent has no room (df -h $state_parent; df -i $state_parent)"
}

# Usage: start_company main|recover. Comes back only when there is no room for it.
start_company() {
    read_account
    protect_from_oom
    # A sleep that knows no fractions makes everything slower, not wrong.
    tick=0.2 notice=25
    sleep 0.01 || tick=1 notice=0
    case $marker_limit_post in
    '' | *[!0-9.]*) limit_of_marker=$limit_post ;;
    *) limit_of_marker=$((${marker_limit_post%.*} * 100 + 100)) ;;
    esac
    joined=''
    if ! { : >"$run_directory/company" && printf 'yes\n' >"$run_directory/joining" &&
        dd if=/dev/zero of="$run_directory/reserve" bs=4096 count=16 &&
        place_scripts && printf '%s\n' "$p" >"$program" && open_inboxes; }; then
        return 1
    fi
    exec 3<&0 4>&1
    tick_as ticker1 9>&- &
    tick_as ticker2 9>&- &
    # All but the deciders are kept from the lock; the first in a pipeline is the one that decides.
    members='worker ticker1 ticker2 watcher1 watcher2'
    # shellcheck disable=SC2259 # nobody wants what a pipe would bring
    case $1 in
    main)
        members="$members reader runner_pre pre runner_post1 post1 runner_post2 post2"
        [ -z "$verb_check" ] || members="$members runner_check check"
        read_words &
        collect pre
        collect post1
        collect post2
        main </dev/null |
            stand_by pre pre |
            if [ -n "$verb_check" ]; then stand_by check pre; fi |
            stand_by post1 post |
            stand_by post2 post |
            work </dev/null |
            sit_apart watcher1 |
            sit_apart watcher2
        ;;
    recover) recover </dev/null | work </dev/null | sit_apart watcher1 | sit_apart watcher2 ;;
    esac
    trap - EXIT
    exit 0
}

# A process that cannot be had ends the shell: dash and busybox at once, bash after 15 s. Nothing is frozen yet. Main, if
# it is there, notices that others are missing, says so and cleans up.
give_up() {
    trap - EXIT
    # The client may be gone by now, and what we say kill us.
    trap : HUP INT QUIT TERM PIPE
    exec 3<&- 4>&-
    if [ -e "$run_directory/company" ]; then
        ! main_joins_within 200 || exit 0
        # The tickers end, and leave room for others.
        close_company
        dismiss_company
    fi
    say "refused HOST_UNSUITABLE $too_few_processes"
    read_clock
    patience=$((now + 1000))
    until command eval 'flock -n 9 && remove_state'; do
        # What is run in the place of the shell takes no process. What it cannot remove has another one's lock.
        if past "$patience"; then exec rm -rf "$run_directory"; fi
    done
    exec rmdir "$state_directory"
}

# Usage: main_joins_within CENTISECONDS
main_joins_within() {
    read_clock
    patience=$((now + $1))
    while ! past "$patience"; do
        while read -r name pid start; do
            case $name in main) ! alive "$pid" "$start" || return 0 ;; esac
        done <"$run_directory/company"
    done
    return 1
}

# In a session of its own: what is done to the others' does not happen to it.
sit_apart() {
    exec setsid sh "$program" "$1" "$account" "$home" "$shell" "$oom_score" "$tick" </dev/null
}

# Begins anew with the program's file. What takes a process to find out comes as arguments.
as_member() {
    account=$2 home=$3 shell=$4 oom_score=$5 tick=$6 joined=1
    [ "$mode" != recover ] || scripts=$run_directory/current
    case $1 in
    watcher1) watch 6 watcher1 200 ;;
    watcher2) watch 7 watcher2 400 watcher1 ;;
    worker) work ;;
    esac
}
