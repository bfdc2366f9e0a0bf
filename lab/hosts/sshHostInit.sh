#!/bin/sh
# The first process of a test's host: it has mount and process namespaces of its own. Takes the folder with
# what sshHost.ts prepared. Ends, and everything in the host with it, when its standard input does.
set -e
folder=$1

# Another user land: all of it is seen through an overlay in memory, and nothing of the machine's own is left.
if [ -e "$folder/land" ]; then
    mount -t tmpfs -o mode=755 host-land /mnt
    mkdir /mnt/upper /mnt/work /mnt/root
    mount -t overlay -o "lowerdir=$(cat "$folder/land"),upperdir=/mnt/upper,workdir=/mnt/work" host-land /mnt/root
    cd /mnt/root
    mkdir -p "./$folder" old
    mount --rbind "$folder" "./$folder"
    mount -t proc proc ./proc
    mount --rbind /dev ./dev
    mount --rbind /sys ./sys
    pivot_root . old
    umount -l /old
    rmdir /old
    mount -t tmpfs -o mode=1777 host /dev/shm
    cp -p "$folder/passwd" "$folder/shadow" "$folder/group" "$folder/sudoers" /etc
    cd /
fi

mount -t tmpfs -o mode=755 host-run /run
mkdir -m 755 /run/sshd /run/lock
mkdir -m 711 /run/sudo
if [ ! -e "$folder/land" ]; then
    mkdir -m 755 /run/host-overlay /run/host-overlay/upper /run/host-overlay/work
    mount -t overlay -o "lowerdir=/usr/sbin,upperdir=/run/host-overlay/upper,workdir=/run/host-overlay/work" host /usr/sbin
    for file in passwd shadow group sudoers hostname; do
        [ ! -e "$folder/$file" ] || mount --bind "$folder/$file" "/etc/$file"
    done
    mount -t tmpfs -o mode=755 host /etc/sudoers.d
fi
[ ! -d /etc/ssh ] || mount --bind "$folder/etc-ssh" /etc/ssh
[ ! -d /var/lib/sudo ] || mount -t tmpfs -o mode=700 host /var/lib/sudo
[ ! -d /mnt ] || mount -t tmpfs -o mode=700 host /mnt

mount -t tmpfs -o mode=755 host /sys/class
if [ -e "$folder/board_asset_tag" ]; then
    mkdir -p /sys/class/dmi/id
    cp "$folder/board_asset_tag" /sys/class/dmi/id/board_asset_tag
fi
mount --bind "$folder/boot_id" /proc/sys/kernel/random/boot_id

[ ! -e "$folder/network" ] || ip link set lo up
[ ! -e "$folder/metadata-address" ] || ip address add "$(cat "$folder/metadata-address")/32" dev lo

if [ -e "$folder/read-only" ]; then
    mount -o remount,bind,ro /
    # Whatever else of the machine's disks is mounted inside it.
    mount -t tmpfs -o mode=1777 host /dev/shm
fi

# Last: from here on, this is what `sh` means.
[ ! -e "$folder/sh" ] || mount --bind "$(cat "$folder/sh")" /bin/sh

[ ! -e "$folder/prepare" ] || sh -e "$folder/prepare"
if [ -e "$folder/dropbear_port" ]; then
    dropbear -F -E -p "127.0.0.1:$(cat "$folder/dropbear_port")" -r "$folder/dropbear_key" </dev/null &
else
    /usr/sbin/sshd -D -e -f "$folder/sshd_config" </dev/null &
fi
cat >/dev/null
