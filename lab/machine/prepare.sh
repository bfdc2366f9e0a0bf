# In a machine, as root: PostgreSQL on an LVM stripe over two volumes, its WAL and plain files on a partition of a third.
# Usage: sh -s FIRST SECOND THIRD, the disks' serial numbers.
set -eu
disk() { lsblk -dnpo NAME,SERIAL | awk -v serial="$1" '$2 == serial { print $1 }'; }
first=$(disk "$1") second=$(disk "$2") third=$(disk "$3")
PATH=$PATH:$(ls -d /usr/lib/postgresql/*/bin)
# Debian's own psql is a program in Perl that looks for a version: emulated, it takes seconds each time.
ln -s "$(command -v pg_ctl | sed 's/pg_ctl$/psql/')" /usr/local/bin/psql
as_postgres() { setpriv --reuid postgres --regid postgres --init-groups "$@"; }

vgcreate -q -s 4m data "$first" "$second"
lvcreate -q -n data -i 2 -I 64 -l 100%FREE data
printf 'label: gpt\nstart=2048, type=linux\n' | sfdisk -q "$third"
udevadm settle
partition=$(lsblk -lnpo NAME,TYPE "$third" | awk '$2 == "part" { print $1 }')
mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0 /dev/data/data
mkfs.xfs -q "$partition"
mkdir -p /mnt/data /mnt/log
cat >>/etc/fstab <<END
/dev/data/data /mnt/data ext4 defaults 0 2
UUID=$(blkid -o value -s UUID "$partition") /mnt/log xfs defaults 0 2
END
systemctl daemon-reload
mount /mnt/data
mount /mnt/log
chown postgres /mnt/data /mnt/log

cd /
as_postgres initdb -N -k -A trust -U postgres -D /mnt/data/postgresql -X /mnt/log/wal >/dev/null
cat >/etc/systemd/system/database.service <<END
[Unit]
RequiresMountsFor=/mnt/data /mnt/log
[Service]
Type=notify
User=postgres
RuntimeDirectory=postgresql
StandardError=file:/run/postgresql/log
ExecStart=$(command -v postgres) -D /mnt/data/postgresql -c listen_addresses= -c unix_socket_directories=/run/postgresql -c shared_buffers=32MB -c log_line_prefix=
KillMode=mixed
KillSignal=SIGINT
TimeoutSec=600
[Install]
WantedBy=multi-user.target
END
systemctl daemon-reload
systemctl -q enable database
systemctl start database
psql -X -q -U postgres -d postgres -c 'create table numbers (writer int, n int, primary key (writer, n))'
touch /mnt/data/first /mnt/log/second
