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

# Usage: select_value STATEMENT
select_value() {
    postgresql_tool psql -X -q -A -t -v ON_ERROR_STOP=1 -v VERBOSITY=terse -d "$database" -c "$1" 2>"$errors"
}

# Sets `value`. Usage: read_value STATEMENT
read_value() {
    value=$(select_value "$1") || fail "PostgreSQL does not answer a question: $(complaint)"
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
    require_writable
    read_value "select setting from pg_config where name = 'BINDIR'"
    # The server's own tools: they are of its version, and need not be in the PATH.
    PATH=$value:$PATH
    read_everything
    print_numbers
}

require_writable() {
    read_value 'select pg_is_in_recovery()'
    [ "$value" = f ] || fail 'PostgreSQL is in recovery: the copy is a standby, which takes no writes'
    read_value "select current_setting('transaction_read_only')"
    [ "$value" = off ] || fail 'PostgreSQL is read-only: default_transaction_read_only is on'
    select_value 'create temporary table app_consistent_snapshot_verify as select 1 as n' ||
        fail "PostgreSQL cannot write: $(complaint)"
}

# pg_amcheck looks at tables and their B-tree indexes. It is part of PostgreSQL since 14, and needs an extension, which
# is made on the copy.
read_everything() {
    read_value "select count(*) from pg_available_extensions where name = 'amcheck'
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

print_numbers() {
    read_value 'select count(*) from pg_database where datallowconn'
    printf 'databases: %s\n' "$value"
    read_value 'select sum(pg_database_size(oid)) from pg_database where datallowconn'
    printf 'bytes: %s\n' "$value"
    read_value "select current_setting('data_checksums')"
    printf 'checksums of pages: %s\n' "$value"
}
