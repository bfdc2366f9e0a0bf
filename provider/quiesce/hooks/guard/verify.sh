# --------------------------------------------------------------------------------------------- verify
# A script on a copy of a server, of which nothing matters any more: it is terminated when the script has ended.

# The script ends with us, and when the input ends: then nobody waits for it any more.
run_verify() {
    set --
    [ -z "$verify_interpreter" ] || set -- "$verify_interpreter"
    [ -z "$verify_argument" ] || set -- "$@" "$verify_argument"
    set -- "$@" "${verify_path:-$folder/verify}" verify
    exec 3<&0
    (
        umask 022
        exec env -i PATH="$PATH" LC_ALL=C HOME="$home" USER="$account" LOGNAME="$account" SHELL="$shell" \
            ACS_EXECUTION_ID="$execution" ACS_INSTANCE_ID="$instance" setsid "$@"
    ) </dev/null 2>&1 3<&- &
    script=$!
    {
        while read -r _; do :; done
        kill -KILL "-$script" "$script"
    } <&3 >/dev/null 3<&- &
    listener=$!
    exec 3<&-
    wait "$script"
    code=$?
    kill -KILL "$listener"
    wait "$listener"
}

say "$nonce"
[ "$sudo" != yes ] || [ "$uid" = 0 ] || refuse NOT_ROOT "$uid"
if cloud_init_runs; then say booting; fi
identify
[ "$identity" != other ] || refuse WRONG_INSTANCE "$found_instance"
if [ -n "$verify_path" ]; then
    problems=$(script_problems "$verify_path")
else
    problems=$(command -v "$verify_interpreter" >/dev/null || printf ' no-interpreter')
fi
[ -z "$problems" ] || refuse "SCRIPT$problems"
folder=$(mktemp -d "$state_parent/restore-test.XXXXXX") || refuse HOST_UNSUITABLE "no folder can be made in $state_parent"
printf '%s' "$verify_text" >"$folder/verify" || refuse HOST_UNSUITABLE "nothing can be written in $state_parent"
read_account
say started
run_verify
rm -rf "$folder"
say
say "ended $nonce $code"
