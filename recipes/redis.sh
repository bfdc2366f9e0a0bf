# Redis and Valkey. See redis.ts.

# Usage: await_fact NAME VALUE COMPLAINT
await_fact() {
    while read_fact "$1" || return 1; [ "$value" != "$2" ]; do
        in_time "$3" || return 1
        blink
    done
}

# All that can be refused is refused here, before anything is paused: by the password, by the rights, by a server that
# speaks TLS, that is another program, or that is still loading.
redis_prepare() {
    command -v "$program" >/dev/null || { say 'neither redis-cli nor valkey-cli is installed'; return 1; }
    require_fact loading 0 'Redis is still loading its data' || return 1
    # Whoever may pause need not have the right to unpause. It ends a pause of somebody else's, as the thaw would.
    redis client unpause
    [ "$answer" = OK ] && return 0
    say "Redis would not let its writers go on: $said"
    return 1
}

redis_freeze() {
    read_uptime
    printf '%s\n' "$uptime" >"$folder/pausing" || return 1
    redis client pause "$((longest_hold * 1000))" write
    if [ "$answer" != OK ]; then
        # After an answer that is an error nothing is paused. Without an answer it may be.
        case $answer in '(error) '*) rm -f "$folder/pausing" ;; esac
        say "Redis does not pause its writers: $said"
        return 1
    fi
    read_fact aof_enabled || return 1
    if [ "$value" = 1 ]; then redis_await_log; else redis_dump; fi
}

# What is written to the file is as good as on the disk when the file system is frozen.
redis_await_log() {
    await_fact aof_buffer_length 0 'Redis does not write its append-only file' &&
        require_fact aof_last_write_status ok 'Redis cannot write its append-only file'
}

redis_dump() {
    await_fact rdb_bgsave_in_progress 0 'an earlier dump of Redis does not end' || return 1
    redis bgsave
    case $answer in '(error) '*) say "Redis makes no dump: $said"; return 1 ;; esac
    await_fact rdb_bgsave_in_progress 0 'the dump of Redis does not end' &&
        require_fact rdb_last_bgsave_status ok 'the dump of Redis failed' &&
        require_fact rdb_changes_since_last_save 0 'the dump of Redis is not of all its data'
}

# The same server, and not a change since.
redis_check() {
    read_fact run_id || return 1
    now=$value
    read_fact rdb_changes_since_last_save || return 1
    now="$now $value"
    [ -e "$folder/changes" ] || printf '%s\n' "$now" >"$folder/changes"
    read -r first <"$folder/changes"
    [ "$now" = "$first" ] && return 0
    say "Redis went on to write: from $first to $now"
    return 1
}

redis_thaw() {
    { read -r paused <"$folder/pausing"; } 2>/dev/null || return 205
    redis client unpause
    case $answer in
    OK) return 0 ;;
    'Could not connect to '*'Connection refused' | 'Could not connect to '*'No such file or directory')
        # It is no more, and its pause with it.
        return 205
        ;;
    esac
    # The pause has ended by itself.
    read_uptime
    [ $((uptime - paused)) -le "$longest_hold" ] || return 205
    say "Redis does not let its writers go on: $said"
    return 1
}
