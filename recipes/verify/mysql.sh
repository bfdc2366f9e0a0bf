# MySQL and MariaDB. See mysql.ts.

mysql_client() {
    program=mysql
    ! command -v mariadb >/dev/null || program=mariadb
    # What an option file says of how the answers look does not count.
    set -- "$program" --batch --skip-column-names --skip-reconnect --skip-force --skip-html --skip-xml --skip-vertical \
        --connect-timeout=10 --user="$user" "$@"
    [ -z "$socket" ] || set -- "$@" --socket="$socket"
    [ -z "$host" ] || set -- "$@" --protocol=tcp --host="$host" --port="$port"
    "$@"
}

# Of the server or the account. Each of them knows one of the two, and takes the other one for a comment.
mysql_no_limits='/*M!100100 set session max_statement_time = 0 */; /*!50708 set session max_execution_time = 0 */;'

# Usage: mysql_select STATEMENT
mysql_select() {
    mysql_client --raw -e "$mysql_no_limits $1" 2>"$errors"
}

# Sets `value`. Usage: mysql_read STATEMENT
mysql_read() {
    value=$(mysql_select "$1") || fail "the server does not answer a question: $(complaint)"
}

mysql_answers() {
    mysql_client -e 'select 1' >/dev/null </dev/null
}

# Tables and what is like one, and has its rows here. Those whose engine is not known are broken.
mysql_tables="from information_schema.tables where table_type not like '%VIEW%'
    and table_schema not in ('information_schema', 'performance_schema')
    and coalesce(engine, '') not in ('FEDERATED', 'CONNECT', 'SPIDER')"
mysql_name="concat('\`', replace(table_schema, '\`', '\`\`'), '\`.\`', replace(table_name, '\`', '\`\`'), '\`')"

mysql_verify() {
    command -v mariadb >/dev/null || command -v mysql >/dev/null || fail 'neither mariadb nor mysql is installed'
    wait_for 'the server is not up' mysql_answers
    mysql_read 'select version()'
    printf '%s answered after %s s\n' "$value" "$waited"
    mysql_require_writable
    read_uptime
    began=$uptime
    mysql_require_seen
    mysql_check_tables
    mysql_read_rows
    mysql_check_pages
    read_uptime
    printf 'checked and read whole in %s s\n' "$((uptime - began))"
    mysql_print_numbers
}

mysql_require_writable() {
    mysql_read 'select @@global.read_only'
    case $value in
    0 | OFF) ;;
    *) fail 'the server is read-only: read_only is on, as on a replica' ;;
    esac
    mysql_select "create database app_consistent_snapshot_verify;
        create table app_consistent_snapshot_verify.filling (filling longtext);
        insert into app_consistent_snapshot_verify.filling values (repeat('x', 500000));
        flush tables app_consistent_snapshot_verify.filling;
        drop database app_consistent_snapshot_verify" >/dev/null || fail "the server cannot write: $(complaint)"
}

# Without their folder, tables of InnoDB are not listed, and nothing complains. InnoDB itself knows them. MySQL 8 has all
# in one list. A name has no `#` of its own there; what has one is temporary, or a partition.
mysql_require_seen() {
    mysql_read "select count(*) from information_schema.tables where table_schema = 'information_schema'
        and table_name = 'INNODB_SYS_TABLES'"
    [ "$value" != 0 ] || return 0
    mysql_read "select count(distinct known.name), min(known.name) from (
            select substring_index(name, '#', 1) as name from information_schema.innodb_sys_tables
            where name like '%/%' and name not like '%/#%' and name not regexp '/FTS_[0-9a-f]{16}_'
        ) known left join (
            select concat(convert(convert(table_schema using filename) using binary), '/',
                convert(convert(table_name using filename) using binary)) as name
            from information_schema.tables where table_type not like '%VIEW%'
        ) seen on convert(known.name using binary) = seen.name where seen.name is null"
    case $value in
    0*) ;;
    *) fail "InnoDB knows tables that the server does not see, such as ${value#*	}: see whether their folder is mounted" ;;
    esac
}

# Each line: table, `check`, kind of message, message. A note is that an engine cannot check, or has nothing to check.
mysql_check_tables() {
    mysql_select "select concat('check table ', $mysql_name, ' extended;') $mysql_tables" >"$work/checks" ||
        fail "the tables cannot be listed: $(complaint)"
    { printf '%s\n' "$mysql_no_limits"; cat "$work/checks"; } | mysql_client >"$work/checked" 2>"$errors" ||
        fail "the server cannot check its tables: $(complaint)"
    tab='	'
    grep -v -e "${tab}status${tab}OK\$" -e "${tab}status${tab}Table is already up to date\$" -e "${tab}note${tab}" \
        "$work/checked" >"$errors"
    [ ! -s "$errors" ] || fail "CHECK TABLE finds damage: $(complaint 4)"
}

# CHECK TABLE does not read what InnoDB keeps outside of a row. A line is a row.
mysql_read_rows() {
    mysql_select "select concat('select * from ', $mysql_name, ';') $mysql_tables" >"$work/reads" ||
        fail "the tables cannot be listed: $(complaint)"
    rows=$(
        { { printf '%s\n' "$mysql_no_limits"; cat "$work/reads"; } | mysql_client --quick 2>"$errors" || : >"$work/unread"; } |
            wc -l
    )
    [ ! -e "$work/unread" ] || fail "not every row can be read: $(complaint)"
}

# Of a large column whose page is damaged, MariaDB gives what comes before it, and no error. So each page of each table's
# file is looked at. Not those of ibdata1, which has parts that innochecksum takes for damage in whole ones. Through a
# pipe, because innochecksum locks a file that it opens. A page may be written while it is read, so damage is what is
# found twice.
mysql_check_pages() {
    command -v innochecksum >/dev/null || fail 'innochecksum is not installed, which is part of the server'
    mysql_read 'select @@global.datadir'
    [ -e "$value/ibdata1" ] || fail "the server's files are not in $value on this host, so their pages cannot be looked at"
    find "${value%/}/" -name '*.ibd' -type f >"$work/spaces" 2>/dev/null
    while IFS= read -r space; do
        mysql_check_space || mysql_check_space || fail "innochecksum finds damage in $space: $(complaint 2)"
    done <"$work/spaces"
}

# A table may have been removed since.
mysql_check_space() {
    [ -e "$space" ] || return 0
    cat -- "$space" | innochecksum - >"$errors" 2>&1
}

mysql_print_numbers() {
    of_users="table_schema not in ('mysql', 'sys')"
    mysql_read "select count(*) $mysql_tables and $of_users"
    printf 'tables: %s\nrows, those of the server included: %s\n' "$value" "$rows"
    # Some systems make a new database when they start, where the folder is empty because nothing is mounted there.
    [ "$value" -gt 0 ] || fail 'the server has no table that anybody made: see whether its data is mounted'
    mysql_read "show global variables like 'innodb_checksum_algorithm'"
    printf 'checksums of pages: %s\n' "${value#*	}"
}
