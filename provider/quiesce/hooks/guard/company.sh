# -------------------------------------------------------------------------------------------- company
# All processes are there before anything is frozen, for later there may be no more to be had: a fork that fails ends
# dash and busybox, and bash after 15 s. From `ready` on only those fork that may fail to: the worker, a ticker of dash,
# and the hooks themselves. No decider starts a process or substitutes a command.
#
#   top                  the shell that ssh (or sudo) started; only waits
#   main                 decides
#   watcher1, watcher2   decide when those before them die or are late; each in a session of its own
#   reader               passes on the controller's words
#   ticker1, ticker2     tell the deciders that time passes
#   pre, check, post1, post2   hooks that wait for their verb; runner_NAME waits for each
#   collector_NAME       keeps the end of what a hook says on its standard error, which feeder_NAME passes on
#   worker               all that takes new processes: further tries of post-thaw, looking at files, removing them
#
# They talk by lines on FIFOs, which need no room in /run and keep their order: 5, 6 and 7 are the inboxes of main and
# of the watchers, 8 the worker's. 3 and 4 are the controller's words and our answers, 9 is the lock.
#
#   tick      beat      member NAME PID START [names of the environment that cannot be set]      word freeze|release|end
#   status NAME RESULT       answer NUMBER RESULT       using NAME       due INBOX TIME STATE VERB, from the one who decides to those behind

tell() {
    printf '%s\n' "$*" >&5
    printf '%s\n' "$*" >&6
    printf '%s\n' "$*" >&7
}

# Usage: join NAME. Into the file as well, for people, and for what has to find us from outside. Ends who comes so late
# that the others have given up, and taken the folder with them.
join() {
    read_self
    # Caught, never ignored: hooks start with default dispositions.
    trap : HUP INT QUIT TERM PIPE ALRM USR1 USR2
    printf '%s\n' "$1 $own_pid $own_start" >>"$run_directory/company" || exit 0
    tell "member $1 $own_pid $own_start"
}

open_inboxes() {
    set --
    for name in main watcher1 watcher2 worker quiet.ticker1 quiet.ticker2 go.pre go.check go.post1 go.post2; do
        set -- "$@" "$run_directory/$name"
    done
    rm -f "$@"
    mkfifo "$@" || return 1
    # For both ways: opening never waits, and writing finds somebody to read.
    exec 5<>"$run_directory/main" 6<>"$run_directory/watcher1" 7<>"$run_directory/watcher2" \
        8<>"$run_directory/worker"
}

# ------------------------------------------------------------------------------------- what has one task

# A hook that waits for its verb. Usage: stand_by NAME pre|post
stand_by() {
    exec 3<&- 4>&- 8>&- 9>&- </dev/null >/dev/null
    join "runner_$1"
    run_hook "$1" "$2" ''
    tell "status $1 $?"
}

# What a hook says must never make it wait. Usage: collect NAME
collect() {
    [ "$show_output" = yes ] || return 0
    rm -f "$run_directory/errors.$1" "$run_directory/end.$1"
    mkfifo "$run_directory/errors.$1"
    if [ "$1" = try ]; then
        # It runs at once, and may end before its collector is there, so this is open for both. The first opening never
        # waits, and so neither does the second. What dash starts with `&` has lost its standard input already.
        # shellcheck disable=SC2094 # that is what a FIFO is for
        command exec <>"$run_directory/errors.$1" 3<"$run_directory/errors.$1"
        keep_end "$1" <&3 &
    else
        keep_end "$1" &
    fi
}

# Usage: keep_end NAME
keep_end() {
    exec 3<&- 4>&- 8>&- 9>&- >/dev/null
    # Not by `tail` alone: that of uutils opens a FIFO which is its input once more, and waits there for a writer.
    { feed_end "$1"; } |
        (
            join "collector_$1"
            printf '%s\n' "$oom_score" >/proc/self/oom_score_adj
            exec tail -c 2048 >"$run_directory/end.$1" 5>&- 6>&- 7>&-
        )
    tell "status collector_$1 $?"
}

# The one that waits for the hook to open the FIFO is the one that can be dismissed. It may stay as long as a daemon that
# the hook has started. Usage: feed_end NAME
feed_end() {
    (
        join "feeder_$1"
        printf '%s\n' "$oom_score" >/proc/self/oom_score_adj
        [ "$1" = try ] || exec <"$run_directory/errors.$1"
        exec cat 5>&- 6>&- 7>&-
    )
    tell "status feeder_$1 $?"
}

# In a process of its own, for it may wait for ever.
read_words() {
    exec 4>&- 8>&- 9>&- >/dev/null
    join reader
    while IFS= read -r word <&3; do
        case $word in
        # To main alone: a watcher that is stopped would not take it.
        beat) printf 'beat\n' >&5 ;;
        freeze | release) tell "word $word" ;;
        *) break ;;
        esac
    done
    tell 'word end'
}

# ---------------------------------------------------------------------------------------------- ticks

# Usage: tick_as NAME
tick_as() {
    exec 4>&- 8>&- 9>&- >/dev/null
    exec 3<>"$run_directory/quiet.$1"
    join "$1"
    find_out_how_to_rest
    complete=''
    read_clock
    patience=$((now + 6000))
    while find_deciders; do
        rest
        tick_each "$main" "$watcher1" "$watcher2"
    done
}

# They join one after the other. Those who have joined get ticks: only so they notice that the others never come. Fails
# when they have gone and taken the file with them, or when they gave up, or when they are not complete for too long.
find_deciders() {
    [ -z "$complete" ] || return 0
    main='' watcher1='' watcher2=''
    while read -r name pid _; do
        case $name in
        main) main=$pid ;;
        watcher1) watcher1=$pid ;;
        watcher2) watcher2=$pid ;;
        given-up) return 1 ;;
        esac
    done <"$run_directory/company" || return 1
    if [ -n "$main" ] && [ -n "$watcher1" ] && [ -n "$watcher2" ]; then complete=1; fi
    read_clock
    [ -n "$complete" ] || [ "$now" -lt "$patience" ]
}

# One that is stopped reads nothing: in the end its inbox would be full and stop us. Ends when all have gone.
tick_each() {
    inbox=5 anybody=''
    for pid in "$@"; do
        if alive "$pid"; then
            anybody=1
            case $stat_line in [Tt]*) ;; *) printf 'tick\n' >&"$inbox" ;; esac
        fi
        inbox=$((inbox + 1))
    done
    [ -n "$anybody" ] || [ -z "$complete" ] || exit 0
}

# bash and busybox wait for input no longer than they are told to. dash cannot, and has to make a process.
find_out_how_to_rest() {
    timed_read=''
    read_clock
    began=$now
    # `command eval` keeps what fails from ending the shell.
    # shellcheck disable=SC3045 # that is what is found out
    command eval 'IFS= read -r -t 0.2 _ <&3'
    read_clock
    [ $((now - began)) -lt 10 ] || timed_read=1
}

rest() {
    if [ -n "$timed_read" ]; then
        # shellcheck disable=SC3045
        IFS= read -r -t 0.2 _ <&3
    elif ! command eval 'sleep "$tick" 3<&- 5>&- 6>&- 7>&-'; then
        # No process to be had: time passes also for who is busy.
        read_clock
        began=$now
        while [ $((now - began)) -lt 20 ]; do read_clock; done
    fi
}

# --------------------------------------------------------------------------------------------- worker

# Orders: try own|marker VERB, show NAME, inspect, probe, unfreeze, forget EXECUTION, clean. Each has a number before it.
work() {
    exec 3<&- >&4
    join worker
    keep_own_thaw
    # bash ends when no process can be had. It begins anew in its own place.
    trap 'tell "answer $id unforked"; exec sh "$program" worker "$account" "$home" "$shell" "$oom_score" "$tick"' EXIT
    while :; do
        read -r id order subject verb <&8 || continue
        result=unforked
        # `command eval` keeps dash and busybox from ending there.
        command eval '( : )' && command eval carry_out
        tell "answer $id $result"
    done
}

keep_own_thaw() {
    own_path=$post_path own_interpreter=$post_interpreter own_argument=$post_argument own_scripts=$scripts
}

carry_out() {
    case $order in
    try) try_hook ;;
    show) show_end ;;
    inspect)
        # Again right before they run.
        unsafe=$(unsafe_script)
        result=${unsafe:-safe}
        ;;
    probe)
        # More than scripts take at once. All stay for as long, so the last one is waited for.
        for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do sleep "$tick" & done
        wait "$!"
        result=ok
        ;;
    unfreeze)
        unfreeze_mounts
        result=ok
        ;;
    forget)
        rm -rf "${state_directory:?}/$subject"
        [ -s "$marker_file" ] || rm -f "$marker_file"
        result=ok
        ;;
    clean) if remove_state; then result=ok; else result="failed $left"; fi ;;
    esac
}

try_hook() {
    post_path=$own_path post_interpreter=$own_interpreter post_argument=$own_argument scripts=$own_scripts
    if [ "$subject" = marker ]; then
        read_marker
        adopt_marker
    fi
    collect try
    run_hook try post "$verb"
    result=$?
    exec 3<&- </dev/null
}

# What is not frozen refuses. A blank in a name is written \\040 (proc(5), /proc/pid/mountinfo).
unfreeze_mounts() {
    while read -r source target _; do
        case $source in
        /dev/*) if fsfreeze -u "$(printf %b "$target")"; then say "unfroze $target"; fi ;;
        esac
    done </proc/self/mounts
}

show_end() {
    await_collector
    hook=post
    [ "$subject" != pre ] || hook=pre
    [ ! -s "$run_directory/end.$subject" ] ||
        say "output $hook $(base64 <"$run_directory/end.$subject" | tr -d '\n')"
    result=shown
}

# What a hook has left behind may keep its standard error open.
await_collector() {
    collector='' began=''
    while read -r name pid started; do
        [ "$name" != "collector_$subject" ] || collector=$pid began=$started
    done <"$run_directory/company"
    for _ in 1 2 3 4 5; do
        alive "$collector" "$began" || break
        sleep 0.1
    done
}
