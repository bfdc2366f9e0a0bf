# PostgreSQL. See postgresql.ts.

postgresql_client() {
    set -- psql -X -w -q -A -t -v ON_ERROR_STOP=1 -v VERBOSITY=terse -d "$database" -p "$port" -f -
    [ -z "$host" ] || set -- "$@" -h "$host"
    [ -z "$role" ] || set -- "$@" -U "$role"
    as "$account" "$@"
}

postgresql_prepare() {
    :
}

# What is set for the server, the database or the role holds for this session too: it waits for a checkpoint, and then for
# the snapshot. Which limits there are depends on the version.
no_limits="select set_config(name, '0', false) from pg_settings where name in ('statement_timeout', 'lock_timeout',
    'idle_in_transaction_session_timeout', 'idle_session_timeout', 'transaction_timeout');"

postgresql_freeze() {
    start_session postgresql_client || return 1
    ask "$no_limits
checkpoint;" postgresql_culprit
}

# A checkpoint waits for no statement, but for the disk, or for the one that is under way.
postgresql_culprit() {
    ask_beside postgresql_client "select 'the checkpointer ' || coalesce('waits for ' || wait_event, 'works')
from pg_stat_activity where backend_type = 'checkpointer';"
}

# Does the log of changes stand still since all of the recipe is frozen? Then nothing was committed since.
postgresql_check() {
    flushed || return 1
    if [ ! -e "$folder/flushed" ]; then
        await_standstill || return 1
        printf '%s\n' "$answer" >"$folder/flushed"
    fi
    read -r first <"$folder/flushed"
    [ "$answer" = "$first" ] && return 0
    say "PostgreSQL went on to write: from $first to $answer"
    return 1
}

flushed() {
    ask 'select case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_flush_lsn() end;'
}

# A process may have been about to note what it had written before the freeze.
await_standstill() {
    same=0
    while [ "$same" -lt 3 ]; do
        before=$answer
        blink
        flushed || return 1
        if [ "$answer" = "$before" ]; then same=$((same + 1)); else same=0; fi
        in_time 'PostgreSQL goes on to write; are all its file systems in the recipe?' || return 1
    done
}

postgresql_thaw() {
    end_session
}
