# Redis. See redis.ts.

answer_limit=10
# In our own process group, so that it ends with us; busybox knows no other way.
foreground=''
! timeout --foreground 5 true 2>/dev/null || foreground=--foreground

redis() {
    set -- redis-cli --raw -p "$port" "$@"
    if [ -n "$socket" ]; then
        shift 4
        set -- redis-cli --raw -s "$socket" "$@"
    fi
    # A server that has been stopped takes connections, and answers nothing.
    timeout ${foreground:+"$foreground"} -s KILL "$answer_limit" "$@" 2>&1
}

# Usage: fact SECTION NAME. A line of INFO.
fact() {
    redis info "$1" | tr -d '\r' | sed -n "s/^$2://p"
}

redis_prepare() {
    :
}

redis_freeze() {
    : >"$folder/pausing" || return 1
    said=$(redis client pause "$((longest_hold * 1000))" write)
    if [ "$said" != OK ]; then
        say "Redis does not pause its writers: $said"
        return 1
    fi
    if [ "$(fact persistence aof_enabled)" = 1 ]; then redis_await_log; else redis_dump; fi
}

# What is written to the file is as good as on the disk when the file system is frozen.
redis_await_log() {
    until [ "$(fact persistence aof_buffer_length)" = 0 ]; do
        in_time 'Redis does not write its append-only file' || return 1
        blink
    done
    [ "$(fact persistence aof_last_write_status)" = ok ] && return 0
    say 'Redis cannot write its append-only file'
    return 1
}

redis_dump() {
    until [ "$(fact persistence rdb_bgsave_in_progress)" = 0 ]; do
        in_time 'an earlier dump of Redis does not end' || return 1
        blink
    done
    redis bgsave >/dev/null
    until [ "$(fact persistence rdb_bgsave_in_progress)" = 0 ]; do
        in_time 'the dump of Redis does not end' || return 1
        blink
    done
    [ "$(fact persistence rdb_last_bgsave_status)" = ok ] &&
        [ "$(fact persistence rdb_changes_since_last_save)" = 0 ] && return 0
    say 'the dump of Redis failed'
    return 1
}

# The same server, and not a change since.
redis_check() {
    now="$(fact server run_id) $(fact persistence rdb_changes_since_last_save)"
    case $now in *[0-9a-f]' '[0-9]*) ;; *) say 'Redis does not answer'; return 1 ;; esac
    [ -e "$folder/changes" ] || printf '%s\n' "$now" >"$folder/changes"
    read -r first <"$folder/changes"
    [ "$now" = "$first" ] && return 0
    say "Redis went on to write: from $first to $now"
    return 1
}

redis_thaw() {
    [ -e "$folder/pausing" ] || return 205
    said=$(redis client unpause)
    [ "$said" = OK ] && return 0
    case $said in
    *'Connection refused'* | *'No such file'*)
        # It is no more, and its pause with it.
        return 205
        ;;
    esac
    say "Redis does not let its writers go on: $said"
    return 1
}
