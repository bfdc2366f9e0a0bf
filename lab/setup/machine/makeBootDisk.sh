#!/bin/bash
# Makes the boot disk of the lab's virtual machines: Debian with what a server on EC2 has. See setupMachine.mjs.
# Usage: makeBootDisk.sh FOLDER, which is empty. Needs root. Run it in a mount namespace of its own.
set -eu
folder=$1
root=$folder/root
disk=$folder/boot.raw
size_mib=2048
# Of the root partition; the boot loader finds it by this, on whatever disk it is.
partition=9f1d3f0a-5c0e-4a57-8f57-6a1c0b1a7e11
packages=linux-image-cloud-amd64,systemd-sysv,udev,dbus,libpam-systemd,openssh-server,sudo,iproute2,kmod,procps
packages=$packages,postgresql,lvm2,xfsprogs,e2fsprogs,fdisk,cloud-init,ca-certificates

in_root() { chroot "$root" "$@"; }

make_root() {
    mmdebstrap --quiet --mode=root --variant=minbase --include="$packages" \
        --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' --aptopt='Apt::Install-Recommends "false"' \
        bookworm "$root"
}

# The keys of all machines of the lab: a copy bears its original's host keys, as a clone without cloud-init does.
make_accounts() {
    ssh-keygen -q -t ed25519 -N '' -C lab -f "$folder/key"
    in_root useradd --create-home --shell /bin/bash admin
    install -d -m 700 "$root/home/admin/.ssh"
    cp "$folder/key.pub" "$root/home/admin/.ssh/authorized_keys"
    in_root chown -R admin:admin /home/admin
    echo 'admin ALL=(ALL:ALL) NOPASSWD: ALL' >"$root/etc/sudoers.d/90-admin"
    chmod 440 "$root/etc/sudoers.d/90-admin"
    cp "$root/etc/ssh/ssh_host_ed25519_key.pub" "$folder/host_key.pub"
}

make_settings() {
    echo machine >"$root/etc/hostname"
    echo '127.0.0.1 localhost machine' >"$root/etc/hosts"
    : >"$root/etc/machine-id"
    # QEMU's user network.
    cat >"$root/etc/systemd/network/10-all.network" <<'END'
[Match]
Name=e*
[Network]
Address=10.0.2.15/24
Gateway=10.0.2.2
IPv6AcceptRA=no
LinkLocalAddressing=no
END
    echo "PARTUUID=$partition / ext4 rw,noatime 0 1" >"$root/etc/fstab"
    # An emulated machine on a busy one is slow.
    mkdir -p "$root/etc/systemd/system.conf.d"
    printf '[Manager]\nDefaultTimeoutStartSec=600s\nDefaultDeviceTimeoutSec=600s\n' >"$root/etc/systemd/system.conf.d/slow.conf"
    echo 'UseDNS no' >>"$root/etc/ssh/sshd_config"
    echo 'LoginGraceTime 600' >>"$root/etc/ssh/sshd_config"
    in_root systemctl --quiet enable systemd-networkd ssh
    in_root systemctl --quiet disable postgresql systemd-networkd-wait-online
    # What takes time and serves nobody here.
    in_root systemctl --quiet mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \
        e2scrub_reap.service fstrim.timer systemd-pstore.service getty@tty1.service serial-getty@ttyS0.service
}

# Runs only in a machine that is told to (machine.ts): by the serial number in its DMI. With its user data from here.
make_cloud_init() {
    # With one alone in the list it would run without looking whether there is any (cloud-init, tools/ds-identify).
    echo 'datasource_list: [ NoCloud, ConfigDrive ]' >"$root/etc/cloud/cloud.cfg.d/90-lab.cfg"
    mkdir -p "$root/var/lib/lab-seed"
    echo '{}' >"$root/var/lib/lab-seed/meta-data"
    echo '#cloud-config' >"$root/var/lib/lab-seed/user-data"
    # The hosts' keys are known.
    echo 'ssh_deletekeys: false' >"$root/etc/cloud/cloud.cfg.d/92-keys.cfg"
    echo 'network: {config: disabled}' >"$root/etc/cloud/cloud.cfg.d/91-network.cfg"
}

# Without an initrd: Debian's cloud kernel has NVMe and ext4 built in. A request to a disk may take for ever, as EC2's own
# images have it (EC2 user guide, "Set the I/O timeout for NVMe EBS volumes"). On a busy machine the kernel's look at the
# emulated timer takes too long, and it would stop (Linux, Documentation/admin-guide/kernel-parameters.txt, no_timer_check).
make_bootable() {
    rm -f "$root"/boot/initrd.img-* "$root"/initrd.img*
    kernel=$(cd "$root/boot" && ls vmlinuz-* | tail -n 1)
    mkdir -p "$root/boot/extlinux"
    cat >"$root/boot/extlinux/extlinux.conf" <<END
SERIAL 0 115200
DEFAULT linux
PROMPT 0
TIMEOUT 0
LABEL linux
  KERNEL /boot/$kernel
  APPEND root=PARTUUID=$partition rw console=ttyS0 nvme_core.io_timeout=4294967295 no_timer_check
END
}

make_disk() {
    rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
    truncate -s "${size_mib}M" "$disk"
    printf 'label: gpt\nstart=2048, type=linux, uuid=%s, attrs="LegacyBIOSBootable"\n' "$partition" | sfdisk --quiet "$disk"
    mkfs.ext4 -q -F -L root -E offset=1048576,lazy_itable_init=1 -d "$root" "$disk" "$(((size_mib - 2) * 1024))k"
    mkdir "$folder/mounted"
    mount -o loop,offset=1048576 "$disk" "$folder/mounted"
    extlinux --install "$folder/mounted/boot/extlinux"
    umount "$folder/mounted"
    rmdir "$folder/mounted"
    dd if=/usr/lib/EXTLINUX/gptmbr.bin of="$disk" bs=440 count=1 conv=notrunc status=none
}

make_root
make_accounts
make_settings
make_cloud_init
make_bootable
make_disk
rm -rf "$root"
