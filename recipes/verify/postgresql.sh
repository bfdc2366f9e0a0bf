# PostgreSQL. See postgresql.ts.

# A tool of PostgreSQL's with how the server is reached, which all of them are told in the same way.
postgresql_tool() {
    tool=$1
    shift
    set -- "$tool" -w -p "$port" "$@"
    [ -z "$host" ] || set -- "$@" -h "$host"
    [ -z "$role" ] || set -- "$@" -U "$role"
    as "$account" "$@"
}

# Usage: postgresql_select STATEMENT [DATABASE]
postgresql_select() {
    postgresql_tool psql -X -q -A -t -v ON_ERROR_STOP=1 -v VERBOSITY=terse -d "${2:-$database}" -c "$1" 2>"$errors"
}

# Sets `value`. Usage: postgresql_read STATEMENT [DATABASE]
postgresql_read() {
    value=$(postgresql_select "$@") || fail "PostgreSQL does not answer a question: $(complaint)"
}

postgresql_answers() {
    postgresql_tool psql -X -q -A -t -d "$database" -c 'select 1' >/dev/null
}

postgresql_verify() {
    # An answer may take its time, but a connection comes at once. Limits of the server or the role are lifted.
    PGCONNECT_TIMEOUT=10 PGOPTIONS='-c statement_timeout=0 -c lock_timeout=0'
    export PGCONNECT_TIMEOUT PGOPTIONS
    command -v psql >/dev/null || fail 'psql is not installed'
    wait_for 'PostgreSQL is not up' postgresql_answers
    printf 'PostgreSQL answered after %s s\n' "$waited"
    postgresql_require_writable
    postgresql_read "select setting from pg_config where name = 'BINDIR'"
    # The server's own tools: they are of its version, and need not be in the PATH.
    PATH=$value:$PATH
    postgresql_read_everything
    postgresql_print_numbers
}

# A table of 1 MB, committed: neither its file nor the WAL may be out of room.
postgresql_require_writable() {
    postgresql_read 'select pg_is_in_recovery()'
    [ "$value" = f ] || fail 'PostgreSQL is in recovery: the copy is a standby, which takes no writes'
    postgresql_read "select current_setting('transaction_read_only')"
    [ "$value" = off ] || fail 'PostgreSQL is read-only: default_transaction_read_only is on'
    for statement in "create table app_consistent_snapshot_verify as
            select n, repeat('x', 1000) as filling from generate_series(1, 1000) n" \
        checkpoint 'drop table app_consistent_snapshot_verify'; do
        postgresql_select "$statement" || fail "PostgreSQL cannot write: $(complaint)"
    done
}

# pg_amcheck looks at tables and their B-tree indexes. It is part of PostgreSQL since 14, and needs an extension, which
# is made on the copy.
postgresql_read_everything() {
    postgresql_read "select count(*) from pg_available_extensions where name = 'amcheck'
        and current_setting('server_version_num')::int >= 140000"
    read_uptime
    began=$uptime
    if [ "$value" = 1 ] && command -v pg_amcheck >/dev/null; then
        reader=pg_amcheck
        postgresql_tool pg_amcheck --all --install-missing --maintenance-db="$database" >"$errors" 2>&1 ||
            fail "pg_amcheck finds damage, or cannot look: $(complaint 4)"
    else
        command -v pg_dumpall >/dev/null || fail 'neither pg_amcheck nor pg_dumpall is installed'
        reader=pg_dumpall
        postgresql_tool pg_dumpall -l "$database" 2>"$errors" >/dev/null ||
            fail "pg_dumpall cannot read everything: $(complaint 4)"
    fi
    read_uptime
    printf 'read whole by %s in %s s\n' "$reader" "$((uptime - began))"
}

postgresql_print_numbers() {
    postgresql_read 'select datname from pg_database where datallowconn'
    printf '%s\n' "$value" >"$work/databases"
    databases=0 tables=0
    while IFS= read -r name; do
        postgresql_read "select count(*) from pg_class where relkind in ('r', 'p', 'm') and oid >= 16384" "$name"
        databases=$((databases + 1)) tables=$((tables + value))
    done <"$work/databases"
    printf 'databases: %s\ntables: %s\n' "$databases" "$tables"
    # Some systems make a new cluster when they start, where the folder is empty because nothing is mounted there.
    [ "$tables" -gt 0 ] || fail 'PostgreSQL has no table that anybody made: see whether its data is mounted'
    postgresql_read 'select sum(pg_database_size(oid)) from pg_database where datallowconn'
    printf 'bytes: %s\n' "$value"
    postgresql_read "select current_setting('data_checksums')"
    printf 'checksums of pages: %s\n' "$value"
}
