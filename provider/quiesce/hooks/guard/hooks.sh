# ---------------------------------------------------------------------------------------------- hooks

# The account's surroundings, as a login would have them.
read_account() {
    entry=$(getent passwd "$uid" || grep "^[^:]*:[^:]*:$uid:" /etc/passwd)
    IFS=:
    # shellcheck disable=SC2086 # split into fields
    set -- $entry
    unset IFS
    account=$1 home=$6 shell=$7
    read -r oom_score </proc/self/oom_score_adj
}

# When memory ends the kernel kills somebody else first. As root only; hooks, and the daemons that they start, get
# back what was there.
protect_from_oom() {
    printf '%s\n' -1000 >/proc/self/oom_score_adj
}

# shellcheck disable=SC2016 # for the hook's shell to expand
# What a hook's shell does before it becomes the hook. Its arguments: 1 name, 2 verb, 3 where to wait for a verb,
# 4 file of the environment, 5 where its standard error goes, 6 OOM score, 7 interpreter, 8 its argument. The script is in
# `hook_script` and no argument: a hook that looks for others of its name (pgrep -f, pkill -f) must not find one that waits.
# It waits here, so that running the hook takes no new process. The environment is tried before that, and names that
# cannot be set are reported; it is set last, for it may have any name. All that it needs is open before it waits, as
# 3, 4 and 8: somebody may remove the folder meanwhile. Its standard error may have lost who reads it: opening must not
# wait for one.
# busybox ignores SIGQUIT for itself and lets what it execs inherit that, unless it is caught.
launch='umask 077
set -f
script=$hook_script
unset -v hook_script
read -r pid _ </proc/self/stat
read -r stat </proc/self/stat
started() { started=${20}; }
started ${stat##*) }
if [ -p "$3" ]; then exec 3<>"$3"; fi
if [ -r "$4" ]; then exec 4<"$4"; fi
if [ -n "$7" ] && [ -r "$script" ]; then exec 8<"$script"; fi
printf "%s\n" "$1 $pid $started" >>"${3%/*}/company"
member="member $1 $pid $started$(. "$4")"
printf "%s\n" "$member" >&5
printf "%s\n" "$member" >&6
printf "%s\n" "$member" >&7
verb=$2
[ -n "$verb" ] || IFS= read -r verb <&3 || exit 126
if [ -p "$5" ]; then exec 2<>"$5" 3>"$5" 2>&3; fi
exec 3<&- 5>&- 6>&- 7>&- 9>&-
printf "%s\n" "$6" >/proc/self/oom_score_adj
if [ -n "$7" ] && [ ! -e "$script" ]; then script=/proc/self/fd/8; else exec 8<&-; fi
set -- "$verb" "$7" "$8" "$script"
unset -v pid stat started member verb script
umask 022
cd /
trap : QUIT
if [ -r /proc/self/fd/4 ]; then . /proc/self/fd/4; fi
exec 4<&-
unset -v OLDPWD
if [ -n "$3" ]; then exec "$2" "$3" "$4" "$1"; elif [ -n "$2" ]; then exec "$2" "$4" "$1"; else exec "$4" "$1"; fi'

# In the foreground, for dash and busybox start everything with `&` with SIGINT and SIGQUIT ignored, which a shell
# cannot take back, and which a hook would inherit. `setsid` makes no process, as ours leads no group.
# Usage: run_hook NAME pre|post VERB
run_hook() {
    case $2 in
    pre) interpreter=$pre_interpreter argument=$pre_argument script=${pre_path:-$scripts/pre} ;;
    post) interpreter=$post_interpreter argument=$post_argument script=${post_path:-$scripts/post} ;;
    esac
    errors=''
    # Nobody collects what a check says.
    [ "$show_output" != yes ] || [ "$1" = check ] || errors=$run_directory/errors.$1
    env -i PATH="$PATH" LC_ALL=C HOME="$home" USER="$account" LOGNAME="$account" SHELL="$shell" hook_script="$script" \
        setsid sh -c "$launch" sh "$1" "$3" "$run_directory/go.$1" "$scripts/environment" "$errors" "$oom_score" \
        "$interpreter" "$argument" </dev/null >/dev/null 3<&- 4>&- 8>&- 9>&-
}

# Puts the environment and inline scripts into the folder `scripts`.
place_scripts() {
    printf '%s\n' "$environment" >"$scripts/environment" || return 1
    [ -n "$pre_path" ] || printf '%s' "$pre_text" >"$scripts/pre" || return 1
    [ -n "$post_path" ] || printf '%s' "$post_text" >"$scripts/post"
}

# Takes the post-thaw of the execution that left the marker for our own.
adopt_marker() {
    scripts=$state_directory/$marker_execution
    post_path=$marker_post_path
    post_interpreter=$marker_post_interpreter
    post_argument=$marker_post_argument
}
