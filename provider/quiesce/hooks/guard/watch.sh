# -------------------------------------------------------------------------------------------- watchers

# Takes over when all before it are dead. It kills them when they are late: whoever is stopped can be killed.
# Usage: watch INBOX NAME LATE [MEMBER BETWEEN MAIN AND US]
watch() {
    exec 3<&- >&4
    sit_at "$1" "$2"
    late=$3 between=$4
    due='' due_from='' state=ready state_verb=''
    await_members main
    while ! predecessors_are_dead; do next_event; done
    take_over
    clean_up
    dismiss_company
    # When top is no more, its number may be somebody else's.
    if parent_of "$$" && [ "$parent_pid" = "$PPID" ]; then continue_sudo "$PPID"; fi
    exit 0
}

predecessors_are_dead() {
    [ -z "$due" ] || ! past $((due + late)) || kill_predecessors
    ! lives main || return 1
    if [ -n "$between" ] && lives "$between"; then
        # Whoever takes over says so at once.
        if [ "$due_from" != 6 ]; then
            read_clock
            due_from=6 due=$((now + 200 - late))
        fi
        return 1
    fi
    stays_gone main
}

kill_predecessors() {
    for member in main $between; do
        eval "pid=\$pid_$member"
        if lives "$member"; then kill -KILL "$pid"; fi
    done
}

take_over() {
    announce "$state" 1000 "$state_verb"
    case $state in
    freezing)
        stuck=''
        end_hook pre || stuck=1
        say 'unfrozen lost'
        wake_host "$state_verb" "$stuck"
        ;;
    frozen)
        say 'releasing lost'
        end_check
        wake_host "$state_verb" ''
        ;;
    thawing)
        stuck=''
        # It could not be killed, or it may not have been tried yet.
        if [ "$state_verb" = "$verb_failed" ]; then end_hook pre || stuck=1; fi
        await_orphans
        wake_host "$state_verb" "$stuck"
        ;;
    esac
}

# Whoever sent it may have died just before. A hook reads one only, and a second one is gone when nobody has the FIFO open.
# Usage: send_verb_again NAME
send_verb_again() {
    [ ! -p "$run_directory/go.$1" ] || printf '%s\n' "$state_verb" 1<>"$run_directory/go.$1"
}

# A post-thaw may be half done: it is run again, but not beside itself.
await_orphans() {
    stuck_family=$family
    announce thawing $((limit_post + 100)) "$state_verb"
    patience=$deadline
    # shellcheck disable=SC2034 # by eval
    used_try=1
    for member in post1 post2 try; do
        eval "used=\$used_$member"
        # shellcheck disable=SC2154 # set by eval
        if [ -n "$used" ] && lives "$member"; then
            send_verb_again "$member"
            while lives "$member" && ! past "$patience"; do next_event; done
            announce thawing 400 "$state_verb"
            end_hook "$member"
        fi
    done
    family=$stuck_family
}
