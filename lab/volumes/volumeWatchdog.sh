#!/bin/bash
# Thaws the file systems of a test's host. Outside of the host's processes and of the test's, in the host's mounts.
# Usage: volumeWatchdog.sh PROCESS_OF_THE_HOST MOUNT_POINT...
#
# Each line on standard input is the number of seconds after which it thaws, again and again, unless another line has
# come; 0 is never. When its input ends, whoever told it is gone: it thaws until the host is gone as well, whose mounts
# and loop devices end with it.
host=$1
shift
cd / || exit

thaw() {
    for mount_point in "$@"; do fsfreeze --unfreeze "$mount_point" 2>/dev/null; done
}

limit=0
while :; do
    if [ "$limit" = 0 ]; then read -r line; else read -r -t "$limit" line; fi
    told=$?
    if [ "$told" -gt 128 ]; then
        thaw "$@"
        limit=1
    elif [ "$told" = 0 ]; then
        limit=$line
        echo "$limit"
    else
        break
    fi
done
while kill -0 "$host" 2>/dev/null; do
    thaw "$@"
    sleep 0.2
done
thaw "$@"
