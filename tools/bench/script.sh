#!/bin/sh
# What the benchmark compares with: a snapshot as a shell script takes it.
set -eu

on_host() {
    ssh -q -p "$PORT" -i "$KEY" -o IdentitiesOnly=yes -o BatchMode=yes -o StrictHostKeyChecking=no \
        -o UserKnownHostsFile=/dev/null "$TARGET" "$1"
}

on_host "$BEFORE"
aws ec2 create-snapshots --instance-specification "InstanceId=$INSTANCE" >/dev/null
on_host "$AFTER"
