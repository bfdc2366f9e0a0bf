# MySQL and MariaDB. See mysql.ts.

mysql_client() {
    program=mysql
    command -v mariadb >/dev/null && program=mariadb
    # Without an option file of root's: what counts is in the recipe and in the environment.
    set -- "$program" --no-defaults --batch --skip-column-names --unbuffered --skip-reconnect --user="$user"
    [ -z "$socket" ] || set -- "$@" --socket="$socket"
    [ -z "$host" ] || set -- "$@" --protocol=tcp --host="$host" --port="$port"
    client "$@"
}

mysql_prepare() {
    :
}

mysql_freeze() {
    start_session mysql_client || return 1
    ask 'select connection_id();' && printf '%s\n' "$answer" >"$folder/connection" || return 1
    lift_limits || return 1
    # A lock that is waited for stops all writers: not for longer than our own time, even if we are killed. And a
    # server ends a session that has been idle for that long, and with it the lock.
    ask "set session lock_wait_timeout = $limit, wait_timeout = $longest_hold;
flush tables with read lock;
flush no_write_to_binlog engine logs;" mysql_culprit && : >"$folder/locked"
}

# The statement that has run for longest. The lock waits for it, and all that came later waits for the lock. It needs
# PROCESS to see what others do. The columns, in all versions: id, user, host, database, command, seconds, state, text.
mysql_culprit() {
    read -r own <"$folder/connection"
    ask_beside mysql_client 'show full processlist;' | tr '\t' '\001' | sort -t "$(printf '\001')" -k 6,6nr | longest_statement
}

longest_statement() {
    separator=$(printf '\001')
    while IFS=$separator read -r id account _ _ command seconds doing text _; do
        case $command,$text in
        Sleep,* | Daemon,* | Binlog*,* | *,NULL | *,'show full processlist') continue ;;
        esac
        # Those that wait for a lock themselves came later, or wait for the same statement.
        case $id,$doing in "$own",* | *,'Waiting for '*) continue ;; esac
        printf 'the lock waits for session %s of %s, which for %s s has run: %s\n' "$id" "$account" "$seconds" "$text"
        return
    done
    printf 'no statement runs; a session may hold LOCK TABLES\n'
}

# What is set for the server or the account holds for this session too, which may have to wait for the lock. Each of these
# limits is known to some servers only.
lift_limits() {
    for limited in max_statement_time max_execution_time; do
        ask "show session variables like '$limited';" || return 1
        case $answer in "$limited"*) ask "set session $limited = 0;" || return 1 ;; esac
    done
}

# The lock is the session's, and ends with it.
mysql_check() {
    ask 'select connection_id();' || return 1
    read -r first <"$folder/connection"
    [ "$answer" = "$first" ]
}

mysql_thaw() {
    end_session
    ended=$?
    [ -e "$folder/locked" ] || end_waiting
    return "$ended"
}

# A server does not notice that a client has gone that waits for the lock: it goes on to wait, and all writers behind it.
kill_limit=5
end_waiting() {
    { read -r connection <"$folder/connection"; } 2>/dev/null || return 0
    printf 'kill %s;\n' "$connection" | mysql_client >/dev/null 2>&1 &
    killer=$!
    wait_while "$kill_limit" 'the server does not end the session' is_alive "$killer" && return 0
    kill -KILL "$killer"
    return 1
}
