# ------------------------------------------------------------------------------------- what deciders share
# Nothing here starts a process.

# Usage: sit_at INBOX NAME
sit_at() {
    inbox=$1
    fragment='' told_to_stop='' word='' fences=0 family=''
    doubted='' fence_back='' orders=0 order_id=''
    keep_own_thaw
    join "$2"
    trap 'told_to_stop=1' HUP INT QUIT TERM PIPE ALRM USR1 USR2
}

# Waits for the next line and takes note of it. Sets `event` and `subject`.
next_event() {
    if IFS= read -r line <&"$inbox"; then
        line=$fragment$line fragment=''
    else
        # A signal came in the middle of it.
        fragment=$fragment$line line=tick
    fi
    # shellcheck disable=SC2086 # split into words
    set -- $line
    event=$1 subject=$2
    case $event in
    member) note_member "$@" ;;
    status)
        shift 2
        eval "status_$subject=\$*"
        ;;
    answer)
        shift 2
        [ "$subject" != "$order_id" ] || status_worker=$*
        ;;
    word) word=$subject ;;
    using) eval "used_$subject=1" ;;
    due) due_from=$2 due=$3 state=$4 state_verb=$5 ;;
    fence) fence_back=$subject ;;
    esac
}

note_member() {
    name=$2
    eval "pid_$name=\$3 start_$name=\$4"
    shift 4
    [ "$name" != pre ] || refused_names=$*
}

# Usage: lives NAME
lives() {
    eval "alive \"\$pid_$1\" \"\$start_$1\""
}

# Fails when one does not live, and sets `missing` to its name. Usage: all_live NAME...
all_live() {
    for missing in "$@"; do lives "$missing" || return 1; done
    missing=''
}

# Sets `result` to the status of a member, empty while there is none.
result_of() {
    eval "result=\$status_$1"
}

# Whether a process that seems to be gone is so still when all has been read that was said before: one that has just
# ended may have said how. Clear `doubted` when none seems to be gone any more. Usage: stays_gone NAME
stays_gone() {
    if [ "$doubted" != "$1" ]; then
        doubted=$1
        # A number of its own, for an earlier one may still be on its way.
        fences=$((fences + 1))
        printf 'fence %s\n' "$fences" >&"$inbox"
    fi
    [ "$fence_back" = "$fences" ]
}

ended() {
    [ "$word" = end ] || [ -n "$told_to_stop" ]
}

past() {
    read_clock
    [ "$now" -ge "$1" ]
}

tell_successors() {
    case $inbox in
    5)
        printf '%s\n' "$1" >&6
        printf '%s\n' "$1" >&7
        ;;
    6) printf '%s\n' "$1" >&7 ;;
    esac
}

# Those behind take over when this is over by 2 s or more. Usage: announce STATE CENTISECONDS [VERB]
announce() {
    read_clock
    deadline=$((now + $2))
    tell_successors "due $inbox $deadline $1 $3"
}

# Waits for so many hundredths of a second. Usage: linger CENTISECONDS
linger() {
    read_clock
    linger_until=$((now + $1))
    # Without anybody to say that time passes it would be for ever.
    while ! past "$linger_until" && { lives ticker1 || lives ticker2; }; do next_event; done
}

# Ends a hook and all that it has started and not let go of: its group, and also what is in groups of its own (su,
# setsid, sudo with a pty). Fails when that cannot be killed. Usage: end_hook NAME
end_hook() {
    eval "hook_pid=\$pid_$1 hook_start=\$start_$1"
    family=''
    [ -n "$hook_pid" ] || return 0
    signal_hook TERM
    hook_gone_within 100 && return 0
    signal_hook KILL
    hook_gone_within 50
}

# It may not lead a group yet.
signal_hook() {
    find_family
    if hook_is_there; then kill "-$1" "$hook_pid"; fi
    if hook_has_group; then kill "-$1" "-$hook_pid"; fi
    for relative in $family; do
        if alive "${relative%:*}" "${relative#*:}"; then kill "-$1" "${relative%:*}"; fi
    done
}

hook_is_there() {
    alive "$hook_pid" "$hook_start"
}

# While a group is there, no other process gets its number.
hook_has_group() {
    if alive "$hook_pid" && ! hook_is_there; then return 1; fi
    group_alive "$hook_pid"
}

# Adds to `family` PID:START of all that come from the hook, or from those that are known already.
find_family() {
    known=" $hook_pid " grown=1
    for relative in $family; do known="$known${relative%:*} "; done
    hook_is_there || [ -n "$family" ] || return 0
    set +f
    while [ -n "$grown" ]; do
        grown=''
        for stat_file in /proc/[0-9]*/stat; do
            { read -r stat_line <"$stat_file"; } || continue
            child=${stat_line%% *}
            stat_line=${stat_line##*) }
            # shellcheck disable=SC2086 # split into fields: state, parent
            set -- $stat_line
            case $known in *" $child "*) continue ;; *" $2 "*) ;; *) continue ;; esac
            known="$known$child " family="$family $child:${20}" grown=1
        done
    done
    set -f
}

# Whether anything of the hook that was to be ended is still there.
hook_lives() {
    if hook_has_group; then return 0; fi
    for relative in $family; do
        if alive "${relative%:*}" "${relative#*:}"; then return 0; fi
    done
    return 1
}

# Nothing waits for a check to die: it only looks, and what it hangs on may be the freeze.
end_check() {
    lives check || return 0
    kill -KILL "$pid_check"
    kill -KILL "-$pid_check"
}

hook_gone_within() {
    read_clock
    give_up=$((now + $1))
    while hook_lives; do
        ! past "$give_up" || return 1
        next_event
    done
}

# sudo stops itself when its command is stopped, and stays so when the command alone goes on, or ends.
# Usage: continue_sudo TOP
continue_sudo() {
    kill -CONT "$1"
    parent_pid=$1
    while parent_of "$parent_pid" && { read -r name <"/proc/$parent_pid/comm"; } && [ "$name" = sudo ]; do
        kill -CONT "$parent_pid"
    done
}

# No more members. bash may still be starting some, which would wait for ever for what never comes. One that joins from
# now on sees that it is too late, and ends. All that joined before are in the file, also a hook that has not said so
# yet, because it waits for a process to try its environment with. Truncating needs neither a process nor room.
close_company() {
    true >"$run_directory/joining"
    while read -r name pid start; do
        case $name in '' | *[!a-z0-9_]*) continue ;; esac
        eval "known=\$pid_$name"
        [ -n "$known" ] || eval "pid_$name=\$pid start_$name=\$start"
    done <"$run_directory/company"
}

# Ends all the others, and with them what they wait for; hooks that were run are not among them.
dismiss_company() {
    for member in reader ticker1 ticker2 worker runner_pre pre runner_check check runner_post1 post1 \
        runner_post2 post2 feeder_pre feeder_post1 feeder_post2 feeder_try collector_pre collector_post1 collector_post2 collector_try main watcher1 watcher2; do
        eval "pid=\$pid_$member start=\$start_$member ran=\$used_$member"
        # shellcheck disable=SC2154 # set by eval
        if [ -z "$ran" ] && [ "$pid" != "$own_pid" ] && alive "$pid" "$start"; then kill -KILL "$pid"; fi
    done
}

await_members() {
    read_clock
    patience=$((now + 1000))
    for member in $1; do
        while ! lives "$member"; do
            ! past "$patience" || return 1
            next_event
        done
    done
}

too_few_processes='its processes cannot be started: few may run at once (ulimit -u, TasksMax of systemd), or memory is short'

leave_refusing() {
    say "refused $*"
    leave
}

# bash may still be trying to have the others: none shall come any more.
leave_incomplete() {
    say "refused HOST_UNSUITABLE $too_few_processes"
    kill -KILL "$$"
    leave
}

# Nothing is frozen, or nothing more can be done about it.
leave() {
    announce "$final_state" 12000 "$verb"
    clean_up
    end_main
}

end_main() {
    dismiss_company
    continue_sudo "$$"
    exit 0
}
