# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154,SC2317 # the settings come behind, and each script uses some of the helpers
# What the scripts for `verify` of a restore test share. verifyScript.ts puts this text first, then those of what is
# verified, and then for each a shell with its settings and a call of its function NAME_verify.

PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
# Where clients look for root's own files.
HOME=~root
export PATH LC_ALL HOME
umask 077
set -f
cd / || exit 1
newline='
'

# On the copy, which is terminated: for what the tools complain of.
work=$(mktemp -d /run/app-consistent-snapshot-verify.XXXXXX) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
errors=$work/errors
: >"$errors"

say() {
    printf 'verify: %s\n' "$*" >&2
}

fail() {
    say "$@"
    exit 1
}

# What a tool complained of last, on one line. Usage: complaint [LINES]
complaint() {
    tail -n "${1:-1}" "$errors" | sed 's/^verify: //' | tr '\n' ' ' | sed 's/ *$//' | cut -c 1-500
}

read_uptime() {
    read -r uptime _ </proc/uptime
    uptime=${uptime%.*}
}

# Has a command tried until it succeeds, and sets `waited` to the seconds that took. Usage: wait_for COMPLAINT COMMAND...
wait_for() {
    not_yet=$1
    shift
    read_uptime
    began=$uptime
    until "$@" 2>"$errors"; do
        read_uptime
        [ $((uptime - began)) -lt "$start_seconds" ] || fail "$not_yet within $start_seconds s: $(complaint)"
        sleep 1
    done
    read_uptime
    waited=$((uptime - began))
}

# Runs a command, and kills it when it takes longer. Usage: in_seconds SECONDS COMMAND...
in_seconds() {
    timeout -s KILL "$@"
}

# As another account, without a session of its own or a shell between. Usage: as ACCOUNT COMMAND...
as() {
    account=$1
    shift
    if [ "$account" = "$(id -un)" ]; then "$@"; return; fi
    setpriv --reuid "$account" --regid "$(id -g "$account")" --init-groups "$@"
}
