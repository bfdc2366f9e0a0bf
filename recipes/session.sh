# A database client that stays, for what it holds ends with it. It has its input in a FIFO that it keeps open itself.

# Usage: start_session COMMAND...
start_session() {
    mkfifo "$folder/input" || return 1
    : >"$folder/answers"
    # Open before anything is said: what nobody has open loses what is in it.
    exec 4<>"$folder/input"
    "$@" <&4 4>&- >"$folder/answers" 2>"$folder/errors" &
    remember "$folder/client" "$!"
}

session_lives() {
    still_runs "$folder/client"
}

# Usage: say_in_session TEXT. Opened for reading as well, so that it never waits for a reader.
say_in_session() {
    printf '%s\n' "$1" 1<>"$folder/input"
}

# Has statements carried out, and sets `answer` to the last line of what they gave. Each question has an end of its own.
# Usage: ask STATEMENTS
ask() {
    read -r end </proc/sys/kernel/random/uuid
    say_in_session "$1
select '$end';"
    while ! grep -q -x -F -e "$end" "$folder/answers"; do
        if ! session_lives; then
            say "the session ended: $(tail -n 3 "$folder/errors")"
            return 1
        fi
        in_time 'the database did not answer' || return 1
        blink
    done
    answer=$(grep -x -F -B 1 -e "$end" "$folder/answers")
    answer=${answer%%
*}
}

# Fails with 205 when it had ended by itself, and with it what it held.
end_session() {
    session_lives || return 205
    kill -TERM "$pid"
    wait_while "$limit" 'the client does not end' session_lives && return 0
    kill -KILL "$pid"
    return 1
}

# Runs a command as another account, without a session of its own or a shell between. Usage: as ACCOUNT COMMAND...
as() {
    account=$1
    shift
    if [ "$account" = "$(id -un)" ]; then exec "$@"; fi
    exec setpriv --reuid "$account" --regid "$(id -g "$account")" --init-groups "$@"
}
