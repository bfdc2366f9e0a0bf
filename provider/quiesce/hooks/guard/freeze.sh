# --------------------------------------------------------------------------------------- main: the freeze

# Is one missing that the promises depend on? Looking takes thousands of reads. So it is done ten times in a second, and for
# half of the time at the most: on a slow host the controller's words would have to wait behind the ticks.
# Usage: is_broken [MEMBER THAT COUNTS AS WELL]
is_broken() {
    read_clock
    [ "$now" -ge "$look_at" ] || return 1
    looked_from=$now whole=''
    # shellcheck disable=SC2086 # none, or one
    if company_is_complete $1; then whole=1; fi
    read_clock
    look_at=$((now + now - looked_from + 10))
    if [ -n "$whole" ]; then
        doubted=''
        return 1
    fi
    stays_gone "$missing"
}

# At its end of file a collector ends by itself, as its feeder does. Killed, it would take with it what writes to it next.
collectors_are_complete() {
    for missing in collector_pre collector_post1 collector_post2 feeder_pre feeder_post1 feeder_post2; do
        eval "pid=\$pid_$missing ended_with=\$status_$missing"
        [ -z "$pid" ] || lives "$missing" || [ "$ended_with" = 0 ] || will_be_told || return 1
    done
}

# Neither can tell of its own end, and who does so may get no time to, on a busy machine. A collector does not end by
# itself before its feeder has.
will_be_told() {
    [ -z "$ended_with" ] && lives "teller_$missing" || return 1
    case $missing in collector_*) ! lives "feeder_${missing#collector_}" ;; esac
}

company_is_complete() {
    all_live reader watcher1 watcher2 ticker1 ticker2 worker runner_post1 post1 runner_post2 post2 "$@" || return 1
    collectors_are_complete || return 1
    missing=top
    alive "$$" && alive "$parent"
}

main() {
    exec >&4
    sit_at 5 main
    # Outside our process namespace, it cannot be watched.
    parent=$PPID
    alive "$parent" || parent=$$
    thaw_state=ready final_state=ready look_at=0
    await_members "$members" || leave_incomplete
    [ -z "$refused_names" ] || leave_refusing HOOK_ENVIRONMENT "$refused_names"
    thaw_stale
    rehearse_thaw
    say "ready $identity $boot"
    await_freeze
    freeze
    hold
    release
}

# An earlier execution died without thawing: its own post-thaw knows how, and the present one if it is the same
# resource's, as it may have been mended since.
thaw_stale() {
    [ -n "$marker_execution" ] || return 0
    stale=$marker_execution
    if [ "$marker_boot" = "$boot" ]; then
        if [ "$stale" = "$confirmed_awake" ]; then say "confirmed $stale"; else thaw_stranded; fi
    fi
    clear_marker
    have_done forget "$stale"
}

thaw_stranded() {
    limit_of_try=$limit_of_marker
    if thaw "$marker_verb_thaw" marker; then
        say "recovered $stale $result"
        return
    fi
    mine=''
    if [ -n "$owner" ] && [ "$marker_owner" = "$owner" ]; then mine=1; fi
    if [ -n "$mine" ]; then
        say "tried $result"
        limit_of_try=$limit_post tried_as=current
        if thaw "$verb_thaw" own; then
            say "recovered $stale $result current"
            tried_as=''
            return
        fi
        have_done show "$last_try"
    fi
    leave_refusing STALE_FREEZE "$stale $result"
}

# Whether post-thaw finds its way where nothing is frozen is found out while nothing is.
rehearse_thaw() {
    [ "$rehearse" = yes ] || return 0
    source=own verb=$verb_thaw limit_of_try=$limit_post tried_as=''
    read_clock
    patience=$((now + 6000))
    while try_new && [ "$result" = unforked ] && ! past "$patience"; do linger 20; done
    say "rehearsed $result"
    case $result in 0 | 205) return 0 ;; esac
    have_done show try
    leave_refusing POST_THAW_NOT_IDEMPOTENT "$result"
}

# Who has heard nothing for half a minute would keep the host's lock for a run that is not there any more.
await_freeze() {
    announce ready "$limit_wait"
    patience=$deadline
    read_clock
    listened=$now silence=0
    while :; do
        next_event
        listen
        [ "$word" != freeze ] || break
        if ended || [ -n "$word" ] || [ "$silence" -ge 3000 ] || past "$patience" || is_broken; then leave; fi
    done
    word=''
}

freeze() {
    announce ready 9000
    have_done inspect
    [ "$result_of_worker" = safe ] || leave_refusing HOST_UNSUITABLE "$result_of_worker"
    ! ended || leave
    write_marker || leave_refusing HOST_UNSUITABLE "$state_parent has no room (df -h $state_parent; df -i $state_parent)"
    say freezing
    announce freezing "$limit_pre" "$verb_failed"
    send_verb pre "$verb_freeze"
    read_clock
    limit_at=$((now + limit_pre)) listened=$now silence=0
    while :; do
        next_event
        listen
        if [ -n "$status_pre" ]; then
            [ "$status_pre" = 0 ] || abandon "$status_pre"
            break
        elif ended || [ -n "$word" ]; then
            abandon eof
        elif is_silent; then
            abandon silent
        elif past "$limit_at"; then
            abandon timeout
        elif is_broken runner_pre; then
            abandon lost
        fi
    done
    announce frozen "$limit_freeze" "$verb_thaw"
    # Noticed a little late.
    hold_until=$((deadline - notice))
    say frozen
}

# What carries the connection may not tell when the controller dies; so that sends a line each second. Adds up for how
# long nothing was heard. Of a pause in which nothing ticked little counts: the machine, or main alone, was stopped, and
# what the controller has said meanwhile has yet to be read.
listen() {
    read_clock
    ran=$((now - listened)) listened=$now
    [ "$ran" -lt 150 ] || ran=150
    silence=$((silence + ran))
    [ "$event" != beat ] || silence=0
}

# Noticed a little late.
is_silent() {
    [ "$silence" -ge $((500 - notice)) ]
}

# Pre-freeze did not succeed. It may have frozen half of it.
abandon() {
    stuck=''
    announce freezing 400 "$verb_failed"
    # What it has started may go on without it, and freeze after post-thaw.
    end_hook pre || stuck=1
    say "unfrozen $1"
    wake_host "$verb_failed" "$stuck"
    have_done show pre
    leave
}

hold() {
    ending=''
    while [ -z "$ending" ]; do
        next_event
        listen
        if [ "$word" = release ]; then
            confirm_hold
        elif ended || [ -n "$word" ]; then
            ending=eof
        elif is_silent; then
            ending=silent
        elif past "$hold_until"; then
            ending=expired
        elif is_broken; then
            ending=lost
        fi
    done
}

# The word came while we held. Did the scripts hold as well? Those that know how to tell are asked.
confirm_hold() {
    ending=asked
    [ -n "$verb_check" ] || return 0
    send_verb check "$verb_check"
    while [ -z "$status_check" ]; do
        next_event
        if past "$hold_until"; then
            ending=expired
        elif is_broken runner_check; then
            ending=lost
        fi
        if [ "$ending" != asked ]; then
            end_check
            return 0
        fi
    done
    [ "$status_check" = 0 ] || ending=unheld
}

release() {
    say "releasing $ending"
    wake_host "$verb_thaw" ''
    leave
}
