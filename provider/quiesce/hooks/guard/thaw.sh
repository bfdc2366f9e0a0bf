# ----------------------------------------------------------------------------------------------- thaw

# Post-thaw, until it has run: up to three tries, of which those do not count that could not have run for want of
# processes: the last one is between two moments at which many could be had. Where processes can be had now and then, each
# such moment may be a lucky one. So a shell's own word for "cannot fork" (2 of dash and busybox, 254 of bash) counts
# only after 5 s. The first two tries take no new process. Sets `result` and `last_try`. Usage: thaw VERB [marker]
thaw() {
    verb=$1 source=${2:-own}
    no_failure_yet
    while :; do
        next_try
        case $result in
        0 | 205) return 0 ;;
        unforked) no_failure_yet ;;
        2 | 254) [ "$failures" = 2 ] && ! past "$doubt_until" || failures=$((failures + 1)) ;;
        *) failures=$((failures + 1)) ;;
        esac
        if [ "$failures" -ge 2 ] && forks_fail; then no_failure_yet; fi
        if [ "$result" = timeout ] || [ "$failures" -ge 3 ]; then thaw_file_systems; fi
        [ "$failures" -lt 3 ] || return 1
        [ "$result" = unforked ] || say "tried $result${tried_as:+ $tried_as}"
        # What hinders for a moment only shall not hinder all of them.
        if [ "$failures" = 2 ]; then linger "$last_try_pause"; else linger 20; fi
    done
}

no_failure_yet() {
    read_clock
    failures=0 doubt_until=$((now + 500))
}

next_try() {
    for unit in post1 post2; do
        eval "used=\$used_$unit"
        # shellcheck disable=SC2154 # set by eval
        if [ "$thaw_state" = thawing ] && [ -z "$used" ] && all_live "runner_$unit" "$unit" && ! is_stopped; then
            try_waiting "$unit"
            return
        fi
    done
    try_new
}

# The process that was looked at last, by SIGSTOP.
is_stopped() {
    case $stat_line in [Tt]*) ;; *) return 1 ;; esac
}

# Usage: try_waiting NAME
try_waiting() {
    last_try=$1
    # First, so that whoever takes over looks for it.
    announce "$thaw_state" "$limit_post" "$verb"
    send_verb "$1" "$verb"
    await_hook "$1" "runner_$1" "$1" "$limit_post"
}

# To what the hook has open: the folder may be gone. Usage: send_verb NAME VERB
send_verb() {
    eval "used_$1=1 pid=\$pid_$1"
    tell_successors "using $1"
    printf '%s\n' "$2" 1<>"/proc/$pid/fd/3"
}

# A try by the worker, which reports `unforked` when there is no process to be had; bash takes 15 s to say so.
try_new() {
    last_try=try
    pid_try=''
    announce "$thaw_state" 3000 "$verb"
    order_worker try "$source" "$verb"
    while [ -z "$pid_try" ] && await_worker; do next_event; done
    if [ -z "$pid_try" ]; then
        result=$status_worker
        [ -n "$result" ] || do_without_worker try "$source"
        return
    fi
    announce "$thaw_state" "$limit_of_try" "$verb"
    await_hook try worker worker "$limit_of_try"
}

# Sets `result` to how the hook ended; timeout: it was ended; lost: nobody knows. Usage: await_hook HOOK RUNNER STATUS LIMIT
await_hook() {
    read_clock
    limit_at=$((now + $4)) doubted=''
    while :; do
        result_of "$3"
        [ -z "$result" ] || return 0
        if past "$limit_at"; then
            announce "$thaw_state" 400 "$verb"
            end_hook "$1"
            result=timeout
            return 0
        fi
        # Without its runner the hook goes on: it must not run beside itself.
        if lives "$2" || lives "$1"; then
            doubted=''
        elif stays_gone "$1"; then
            result=lost
            return 0
        fi
        next_event
    done
}

# Whether the last tries may have failed for that.
forks_fail() {
    announce "$thaw_state" 3000 "$verb"
    ask_worker probe
    [ "$result_of_worker" = unforked ]
}

# What post-thaw hangs on may be the freeze itself, as when it writes to a log there first. And one that fails for good
# may have thawed nothing.
thaw_file_systems() {
    failed_with=$result
    announce "$thaw_state" 3000 "$verb"
    ask_worker unfreeze
    result=$failed_with
}

# Each order has a number of its own, for the answer to an earlier one may come late.
# Usage: order_worker ORDER [SUBJECT [VERB]]
order_worker() {
    orders=$((orders + 1))
    order_id=$inbox.$orders
    status_worker=''
    printf '%s %s\n' "$order_id" "$*" >&8
    read_clock
    ordered=$now
}

# Whether there is something to wait for. One that says nothing for longer than bash takes to give up is stopped.
await_worker() {
    [ -z "$status_worker" ] && lives worker || return 1
    ! past $((ordered + 2000)) || kill -KILL "$pid_worker"
}

# Sets `result_of_worker`. Usage: ask_worker ORDER [SUBJECT]
ask_worker() {
    order_worker "$@"
    while await_worker; do next_event; done
    result_of_worker=$status_worker
    if [ -z "$result_of_worker" ]; then
        kept=$result
        do_without_worker "$@"
        result_of_worker=$result result=$kept
    fi
}

# Sets `result`. Whoever decides may end or hang of it, and then the next in rank takes over.
# Usage: do_without_worker ORDER [SUBJECT]
do_without_worker() {
    result=unforked order=$1 subject=$2
    command eval carry_out
}

# Again, for up to a minute, when it could not be done for want of processes.
have_done() {
    read_clock
    patience=$((now + 6000))
    while :; do
        ask_worker "$@"
        [ "$result_of_worker" = unforked ] && ! past "$patience" || return 0
        linger 20
    done
}

# Thaws, also for a pre-freeze that cannot be killed: at once, and again when it is gone, for what it is stuck in may be
# the freeze itself. Usage: wake_host VERB [stuck]
wake_host() {
    thaw_state=thawing tried_as='' limit_of_try=$limit_post
    # Before a post-thaw may have to be ended, too.
    stuck_family=$family
    # Placed with the scripts: what thawing writes finds room, also where something has filled /run meanwhile.
    true >"$run_directory/reserve"
    thaw "$1"
    if [ -n "$2" ]; then
        while pre_freeze_lives; do
            announce thawing 500 "$1"
            next_event
        done
        thaw "$1"
    fi
    conclude
}

pre_freeze_lives() {
    hook_pid=$pid_pre hook_start=$start_pre family=$stuck_family
    hook_lives
}

# The host is awake, or not.
conclude() {
    case $result in
    0 | 205)
        clear_marker
        final_state=awake
        announce awake 12000
        say "thawed $result"
        ;;
    *)
        final_state=$thaw_state
        announce "$thaw_state" 12000 "$verb"
        say "thawed $result"
        have_done show "$last_try"
        ;;
    esac
}

clean_up() {
    close_company
    have_done clean
    case $result_of_worker in
    ok) say 'cleaned ok' ;;
    'failed '*) say "cleaned $result_of_worker" ;;
    *) say "cleaned failed $run_directory" ;;
    esac
}
