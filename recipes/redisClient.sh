# How Redis and Valkey are asked, by the recipe and by the script for restore tests. Both bring in_seconds and say.

answer_limit=10
program=redis-cli
command -v redis-cli >/dev/null || program=valkey-cli
line_end='
'
# Settings that a recipe need not have.
host='' user='' tls='' ca='' certificate='' key=''

# Sets `said` to what the client says of a command, and `answer` to its last line: before that it may have complained of a
# password that the server does not want. Formatted, an answer that is an error begins with `(error)`.
redis() {
    if [ -n "$socket" ]; then
        set -- -s "$socket" "$@"
    else
        [ -z "$key" ] || set -- --key "$key" "$@"
        [ -z "$certificate" ] || set -- --cert "$certificate" "$@"
        [ -z "$ca" ] || set -- --cacert "$ca" "$@"
        [ -z "$tls" ] || set -- --tls "$@"
        [ -z "$host" ] || set -- -h "$host" "$@"
        set -- -p "$port" "$@"
    fi
    [ -z "$user" ] || set -- --user "$user" "$@"
    set -- "$program" --no-raw "$@"
    # A server that has been stopped takes connections, and answers nothing.
    said=$(in_seconds "$answer_limit" "$@" 2>&1) || true
    [ -n "$said" ] || said='no answer'
    answer=${said##*"$line_end"}
}

# Sets `value` to what a line of INFO tells. Usage: read_fact NAME. Fails when there is none.
read_fact() {
    redis info
    value=$(printf '%s\n' "$said" | tr -d '\r' | sed -n "s/^$1://p")
    [ -n "$value" ] && return 0
    say "Redis does not tell its state: $answer"
    return 1
}

# Usage: require_fact NAME VALUE COMPLAINT
require_fact() {
    read_fact "$1" || return 1
    [ "$value" = "$2" ] && return 0
    say "$3"
    return 1
}
