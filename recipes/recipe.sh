# shellcheck shell=sh
# shellcheck disable=SC2015,SC2034,SC2154,SC2317 # the parts and their settings come behind
# A recipe's script, pre-freeze and post-thaw in one: `freeze`, `thaw`, `freezeFail` and `check` are its verbs.
#
# combine.ts puts this text first, then that of each kind of recipe that is used, then the parts with their settings
# and run_parts, which does the verb. Each kind has functions NAME_prepare (holds nothing yet), NAME_freeze, NAME_thaw
# and NAME_check; they run in a subshell, with `folder` for what they have to remember. Exit codes of a thaw: 0 thawed,
# 205 there was nothing to thaw (AWS Data Lifecycle Manager's convention), all else failed.

PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
export PATH LC_ALL
umask 077
set -f
cd /

# In memory: what is on a disk would be in the snapshot, and could not be written while that is frozen.
state=/run/app-consistent-snapshot-recipe
# While somebody claims it. Not /run itself, which everybody could lock.
lock=$state.lock
# Longer than any freeze of the guard (120 s): for callers that never thaw. In seconds.
longest_hold=180
by_hand='by hand'
newline='
'

say() {
    printf '%s\n' "$*" >&2
}

read_uptime() {
    read -r uptime _ </proc/uptime
    uptime=${uptime%.*}
}

# Fails when the recipe's time to freeze, of which all parts have a share, is over. Usage: in_time COMPLAINT [REASON]
in_time() {
    read_uptime
    [ "$uptime" -lt "$deadline" ] && return 0
    say "$1: not within $limit s${2:+. $2}$(spent_before)"
    return 1
}

# An earlier part may have used the time up.
spent_before() {
    for earlier in $order; do
        ! read -r line <"$state/$earlier/spent" || printf '. Of these, %s' "$line"
    done
} 2>/dev/null

# Usage: note_spent SINCE. `behind`: see session.sh.
note_spent() {
    read_uptime
    took=$((uptime - $1)) behind=''
    [ "$took" -ge 1 ] || return 0
    read_behind
    printf '%s\n' "$kind took $took s${behind:+ ($behind)}" >"$folder/spent"
}

# Sets `behind` to what the part has waited for, where it has found that out.
read_behind() {
    { IFS= read -r behind <"$folder/behind"; } 2>/dev/null || behind=''
}

# What is killed is a zombie until somebody asks for it. Sets `started`: when it was started, in the kernel's ticks.
is_alive() {
    { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
    case ${stat##*) } in Z* | X*) return 1 ;; esac
    # Field 22 of proc(5): the 20th behind the name, which may hold anything.
    started=$(printf '%s\n' "${stat##*) }" | cut -d ' ' -f 20)
}

# A process for later: its number alone may be somebody else's by then. Usage: remember FILE PID
remember() {
    is_alive "$2" && printf '%s %s\n' "$2" "$started" >"$1"
}

# Whether it still runs; sets `pid`. Usage: still_runs FILE
still_runs() {
    { read -r pid began <"$1"; } 2>/dev/null && is_alive "$pid" && [ "$started" = "$began" ]
}

blink() {
    sleep 0.02 2>/dev/null || sleep 1
}

# In our own process group, so that it ends with us; busybox knows no other way.
foreground=''
! timeout --foreground 5 true 2>/dev/null || foreground=--foreground

# Runs a command, and kills it when it takes longer. Usage: in_seconds SECONDS COMMAND...
in_seconds() {
    timeout ${foreground:+"$foreground"} -s KILL "$@"
}

# Waits for as long as a command succeeds. Usage: wait_while SECONDS COMPLAINT COMMAND...
wait_while() {
    read_uptime
    patience=$1 complaint=$2 give_up=$((uptime + $1))
    shift 2
    while "$@"; do
        read_uptime
        [ "$uptime" -lt "$give_up" ] || { say "$complaint: not within $patience s"; return 1; }
        blink
    done
}

# ------------------------------------------------------------------------------------------------ the whole

freeze_parts() {
    for number in $1; do
        mkdir "$state/$number" || return 1
        (part "$number" prepare) || return 1
    done
    for number in $1; do
        read_uptime
        since=$uptime
        (part "$number" freeze && note_spent "$since") || return 1
    done
    # Where no file system is frozen, what an application has written may be in memory only.
    [ "$freezes_file_systems" = yes ] || sync || return 1
    # Only now does everything stand still: what is remembered here is what the check compares with.
    check_parts "$1"
}

check_parts() {
    read_hold && [ "$holder,$held_recipe" = "$owner,$recipe" ] || { say 'nothing is held for this run'; return 1; }
    for number in $1; do
        (part "$number" check) || return 1
    done
}

# All of them, whatever becomes of the others.
thaw_parts() {
    worst=0
    for number in $1; do
        [ -d "$state/$number" ] || continue
        (part "$number" thaw)
        ended=$?
        case $ended in
        0 | 205) rm -rf "${state:?}/$number" ;;
        esac
        case $worst,$ended in
        *,0 | [!0]*,205) ;;
        *) worst=$ended ;;
        esac
    done
    return "$worst"
}

# Usage: run_parts VERB ORDER REVERSED
run_parts() {
    order=$2
    reversed=$3
    # Nobody else's freeze is vouched for.
    owner=${ACS_EXECUTION_ID:-$by_hand}
    shorten_limit
    read_uptime
    deadline=$((uptime + limit))
    case $1 in
    freeze) freeze_all ;;
    thaw | freezeFail) thaw_own "$1" ;;
    check) check_parts "$order" ;;
    *)
        say 'usage: freeze | thaw | freezeFail | check'
        exit 2
        ;;
    esac
}

# Some of pre-freeze's time is for undoing what was frozen when it was too late.
shorten_limit() {
    case ${ACS_PRE_FREEZE_SECONDS:-} in '' | *[!0-9]*) return ;; esac
    share=$(((ACS_PRE_FREEZE_SECONDS * 2 + 2) / 3))
    [ "$share" -ge "$limit" ] || limit=$share
}

freeze_all() {
    [ "$(stat -f -c %T /run)" = tmpfs ] || { say '/run is not a tmpfs'; return 1; }
    claim || return 1
    trap 'thaw_all; exit 1' HUP INT TERM
    freeze_parts "$order" && return 0
    thaw_all
    return 1
}

# One after the other: who comes second has to see whose the hold is, not half of that.
claim() {
    until take_lock; do
        in_time 'somebody else is about to freeze' || return 1
        blink
    done
    claim_locked
    claimed=$?
    rm -f "$lock"
    exec 9>&-
    return "$claimed"
}

# Who had it before has removed the file, perhaps after we had opened it.
take_lock() {
    exec 9>>"$lock" || return 1
    flock -n 9 && ours=$(stat -L -c %i /proc/self/fd/9) && [ "$ours" = "$(stat -c %i "$lock")" ]
}

claim_locked() {
    refuse_held || return 1
    # Left by a run that nobody thawed.
    thaw_all || [ $? = 205 ] || return 1
    mkdir -m 700 "$state" && printf '%s %s %s\n' "$uptime" "$recipe" "$owner" >"$state/hold" &&
        remember "$state/freezer" "$$"
}

# Sets `since`, `held_recipe` and `holder`. There is none before anything is frozen, and none after all is thawed.
read_hold() {
    { read -r since held_recipe holder <"$state/hold"; } 2>/dev/null
}

# Somebody may be taking a snapshot. After that time nothing holds any more, whoever it was.
refuse_held() {
    read_hold || return 0
    if [ $((uptime - since)) -lt "$longest_hold" ]; then
        # A run that begins anew. By hand all have one name.
        [ "$holder,$held_recipe" = "$owner,$recipe" ] && [ "$owner" != "$by_hand" ] && return 0
        say "it is frozen already, for: $holder"
        return 1
    fi
    [ "$held_recipe" = "$recipe" ] || other_recipe
}

other_recipe() {
    say "it was frozen by another recipe, for: $holder. Only that one's script can thaw it: see $state"
    return 1
}

# A run undoes nothing but its own freeze: one that was refused leaves alone what it was refused for. By hand
# everybody's is thawed, but by no recipe that would not know what to do.
thaw_own() {
    read_hold || { thaw_all; return; }
    [ "$owner" = "$by_hand" ] || [ "$holder" = "$owner" ] || return 205
    if [ "$held_recipe" != "$recipe" ]; then
        # Such a freeze was refused.
        [ "$1,$owner" != "freezeFail,$by_hand" ] || return 205
        other_recipe
        return
    fi
    thaw_all
}

# Two at once would not see what the other one does. Told to end, it undoes its freeze itself.
freezer_limit=10
end_freezer() {
    still_runs "$state/freezer" && [ "$pid" != "$$" ] || return 0
    kill -TERM "$pid"
    wait_while "$freezer_limit" 'whoever freezes does not end; thawed all the same' still_runs "$state/freezer"
}

# What could not be thawed is remembered, to be tried again.
thaw_all() {
    [ -d "$state" ] || return 205
    end_freezer
    thaw_parts "$reversed"
    ended=$?
    case $ended in
    # It may be gone already: whoever froze has undone it himself.
    0 | 205) rm -f "$state/hold" "$state/freezer"; rmdir "$state" 2>/dev/null || [ ! -e "$state" ] || return 1 ;;
    esac
    return "$ended"
}
