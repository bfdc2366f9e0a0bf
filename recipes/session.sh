# A database client that stays, for what it holds ends with it. It has its input in a FIFO that it keeps open itself.

# Seconds that a client may take. A session that stays has no limit.
within=''

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
# Usage: ask STATEMENTS [CULPRIT]. CULPRIT prints what they wait for.
ask() {
    read -r end </proc/sys/kernel/random/uuid
    read_uptime
    look_again=$((uptime + 1)) behind=''
    say_in_session "$1
select '$end';"
    while ! grep -q -x -F -e "$end" "$folder/answers"; do
        [ -z "$2" ] || read_behind
        if ! session_lives; then
            say "the session ended: $(tail -n 3 "$folder/errors")${behind:+ ($behind)}"
            return 1
        fi
        in_time 'the database did not answer' "$behind" || return 1
        [ -z "$2" ] || look_behind "$2"
        blink
    done
    answer=$(grep -x -F -B 1 -e "$end" "$folder/answers")
    answer=${answer%%
*}
}

# What is waited for, kept in `behind`, on one line, without what is in quotes: that may be anybody's data.
look_behind() {
    [ "$uptime" -ge "$look_again" ] || return 0
    look_again=$((uptime + 2))
    found=$("$1" | sed "s/'[^']*'/'...'/g; s/\"[^\"]*\"/\"...\"/g" | head -n 1 | cut -c 1-200)
    [ -z "$found" ] || printf '%s\n' "$found" >"$folder/behind"
}

# Prints what a statement gives in a session of its own, which has a few seconds. Usage: ask_beside CLIENT STATEMENT
ask_beside() {
    printf '%s\n' "$2" | limited "$1" 2>/dev/null 4>&-
}

# Usage: limited CLIENT. Clients run their program by `client`.
limited() {
    within=5
    "$1"
}

client() {
    [ -z "$within" ] || set -- timeout ${foreground:+"$foreground"} -s KILL "$within" "$@"
    exec "$@"
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
    if [ "$account" = "$(id -un)" ]; then client "$@"; fi
    client setpriv --reuid "$account" --regid "$(id -g "$account")" --init-groups "$@"
}
