# shellcheck shell=sh
# shellcheck disable=SC2154 # guardProgram.ts puts the parameters, as assignments, before this text.
# The guard: freezes a host by its hooks, and is certain to thaw it. guardProgram.ts joins the parts that a mode needs:
#   base     words, processes and the clock       inspect  what check mode reports
#   host     the instance, the scripts            company  the processes that guard a freeze
#   state    lock and marker                      thaw     post-thaw, again until it has run
#   hooks    how a hook is started                freeze, watch, recover   the deciders
#
# POSIX sh, for dash, bash and busybox ash. No here-documents: dash and bash write them to a temporary file.

# What a start-up file of the account has set and exported would hold in all our shells (SHELLOPTS, TMOUT of bash).
set +aeuxvC
unset -v TMOUT
# The last two are NixOS's.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/snap/bin:/run/current-system/sw/bin:/run/wrappers/bin
LC_ALL=C
export PATH LC_ALL
# For what is the guard's own. Hooks get 022.
umask 077
set -f
cd /
exec 2>/dev/null

# Read, not asked for: who begins anew (see company) may have no process to ask with.
while read -r name value _; do
    [ "$name" != Uid: ] || uid=$value
done </proc/self/status
if [ "$uid" = 0 ]; then
    state_parent=/run
    state_directory=/run/app-consistent-snapshot
else
    # Without root there is no place in /run; for hooks that need no privilege.
    state_parent=/dev/shm
    state_directory=/dev/shm/app-consistent-snapshot-$uid
fi
lock_file=$state_directory/lock
marker_file=$state_directory/marker
run_directory=$state_directory/$execution
program=$run_directory/program
scripts=$run_directory
read -r boot </proc/sys/kernel/random/boot_id

say() {
    printf '%s\n' "$*"
}

refuse() {
    say "refused $*"
    trap - EXIT
    exit 0
}

# Hundredths of a second that the machine has been up: a step of the wall clock changes nothing.
read_clock() {
    read -r now _ </proc/uptime
    now=${now%.*}${now#*.}
}

# ------------------------------------------------------------------------------------------ processes
# Nothing below needs a new process: /proc is read by the shell itself.

# Sets `own_pid` and `own_start`, the time that tells a process from a later one of the same number.
read_self() {
    # $$ is the first shell's, in every subshell.
    read -r own_pid _ </proc/self/stat
    start_of "$own_pid"
    own_start=$start
}

# Sets `stat_line`: state, parent, group, ... behind the name, which may hold anything.
read_stat() {
    [ -n "$1" ] && { read -r stat_line <"/proc/$1/stat"; } || return 1
    stat_line=${stat_line##*) }
}

start_of() {
    read_stat "$1" || return 1
    # shellcheck disable=SC2086 # split into fields
    set -- $stat_line
    start=${20}
}

# Usage: alive PID [START]
alive() {
    read_stat "$1" || return 1
    # A killed process is there as a zombie until its parent asks for it.
    case $stat_line in Z* | X*) return 1 ;; esac
    [ -z "$2" ] && return 0
    start_of "$1" && [ "$start" = "$2" ]
}

group_alive() {
    alive "$1" && return 0
    # Without root it fails also where there are some that we may not signal.
    kill -0 "-$1" || [ "$uid" != 0 ] || return 1
    # Only zombies that nobody asks for are as good as gone.
    set +f
    for stat_file in /proc/[0-9]*/stat; do
        { read -r stat_line <"$stat_file"; } || continue
        stat_line=${stat_line##*) }
        # shellcheck disable=SC2086 # split into fields: state, parent, group
        set -- "$1" $stat_line
        if [ "$4" = "$1" ] && [ "$2" != Z ] && [ "$2" != X ]; then
            set -f
            return 0
        fi
    done
    set -f
    return 1
}

parent_of() {
    read_stat "$1" || return 1
    # shellcheck disable=SC2086 # split into fields: state, parent
    set -- $stat_line
    parent_pid=$2
}
