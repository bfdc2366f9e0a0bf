# Redis and Valkey. See redis.ts.

redis_verify() {
    command -v "$program" >/dev/null || fail 'neither redis-cli nor valkey-cli is installed'
    redis_take_password
    wait_for 'Redis is not up' redis_is_loaded
    printf 'Redis had loaded its data after %s s\n' "$waited"
    redis_require_writable
    redis_require_keys
    redis_require_whole_log
    redis_dump
    redis_print_numbers
}

redis_take_password() {
    [ -n "$password_file" ] || return 0
    { IFS= read -r REDISCLI_AUTH <"$password_file"; } 2>/dev/null || [ -n "$REDISCLI_AUTH" ] ||
        fail "$password_file has no password in it, or cannot be read"
    export REDISCLI_AUTH
}

redis_is_loaded() {
    require_fact loading 0 'it is still loading its data'
}

# Usage: redis_fact NAME. Sets `value`.
redis_fact() {
    read_fact "$1" || exit 1
}

# Usage: redis_require NAME VALUE COMPLAINT
redis_require() {
    require_fact "$@" || exit 1
}

# Sets `value`. Formatted, an answer is `1) "name"` and `2) "value"`. Usage: redis_setting NAME
redis_setting() {
    redis config get "$1"
    case $answer in
    '2) "'*'"') value=${answer#'2) "'} value=${value%'"'} ;;
    *) fail "Redis does not tell its setting $1: $said" ;;
    esac
}

redis_require_writable() {
    redis_require role master 'Redis is a replica, which takes no writes of its own'
    redis set app-consistent-snapshot-verify 1
    [ "$answer" = OK ] || fail "Redis cannot write: $answer"
    redis del app-consistent-snapshot-verify
    [ "$answer" = '(integer) 1' ] || fail "Redis cannot write: $answer"
}

# It starts without any where its files are missing, and says nothing. Keys that have expired since were there.
redis_require_keys() {
    redis info
    keys=$(printf '%s\n' "$said" | tr -d '\r' | sed -n 's/^db[0-9]*:keys=\([0-9]*\),.*/\1/p' | redis_sum)
    expired=$(printf '%s\n' "$said" | tr -d '\r' |
        sed -n -e 's/^expired_keys://p' -e 's/^rdb_last_load_keys_expired://p' | redis_sum)
    [ "$((keys + expired))" -gt 0 ] || fail 'Redis has no key at all: see whether its data is mounted'
}

redis_sum() {
    sum=0
    while read -r number; do
        sum=$((sum + number))
    done
    printf '%s\n' "$sum"
}

# Only its log tells that it has cut off a log that was not whole.
redis_require_whole_log() {
    redis_fact aof_enabled
    log='none, only dumps'
    [ "$value" = 1 ] || return 0
    redis_require aof_last_write_status ok 'Redis cannot write its append-only file'
    redis_setting aof-load-truncated
    log='whole, as Redis would not have started otherwise'
    [ "$value" != no ] || return 0
    redis_read_last_start
    cut=$(grep -i -e 'loaded anyway because aof-load' -e 'Truncating the AOF' -e 'short read while loading' \
        "$work/start" | tail -n 1)
    [ -z "$cut" ] || fail "the append-only file was not whole, and Redis has cut it off: $cut"
    log='whole, as Redis has logged'
}

redis_read_last_start() {
    advice='set aof-load-truncated no, with which Redis does not start on an append-only file that is cut off'
    redis_setting dir
    folder=$value
    redis_setting logfile
    [ -n "$value" ] ||
        fail "whether the append-only file was whole, nobody can tell, because Redis has no logfile: $advice"
    case $value in /*) file=$value ;; *) file=$folder/$value ;; esac
    begins=$(grep -n oO0OoO0OoO0Oo "$file" 2>"$errors" | tail -n 1 | cut -d : -f 1)
    [ -n "$begins" ] || fail "whether the append-only file was whole, nobody can tell," \
        "because $file does not have Redis's last start ($(complaint)): $advice"
    tail -n "+$begins" "$file" >"$work/start" || fail "$file cannot be read"
}

# All that it has loaded, to its own disk and back.
redis_dump() {
    checker=redis-check-rdb
    command -v "$checker" >/dev/null || checker=valkey-check-rdb
    command -v "$checker" >/dev/null || fail 'neither redis-check-rdb nor valkey-check-rdb is installed'
    read_uptime
    began=$uptime
    wait_for 'Redis does not begin to dump its data' redis_begins_dump
    while redis_fact rdb_bgsave_in_progress; [ "$value" != 0 ]; do
        sleep 1
    done
    redis_require rdb_last_bgsave_status ok 'Redis cannot dump its data to its disk'
    redis_setting dir
    folder=$value
    redis_setting dbfilename
    "$checker" "$folder/$value" >"$errors" 2>&1 || fail "$checker finds damage in a new dump: $(complaint 4)"
    read_uptime
    printf 'read whole, and dumped, in %s s\n' "$((uptime - began))"
}

# Another dump, or a rewriting, may be on its way.
redis_begins_dump() {
    redis bgsave
    [ "$answer" = 'Background saving started' ] || { say "$answer"; return 1; }
}

redis_print_numbers() {
    printf 'keys: %s\n' "$keys"
    redis_fact used_memory_dataset
    printf 'bytes in memory: %s\n' "$value"
    printf 'append-only file: %s\n' "$log"
    redis_setting rdbchecksum
    printf 'checksums of dumps: %s\n' "$value"
}
