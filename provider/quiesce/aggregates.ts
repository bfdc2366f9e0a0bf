import type { HostDevice, HostReport } from "./hostReport";

/** Something that is made of several disks, so that a snapshot of a part of them is worthless. */
export interface Aggregate {
    /** `lvm`, `raid1`, ... as lsblk calls it, or `btrfs`. */
    kind: string;
    name: string;
    /** The disks under it, as lsblk shows them. */
    disks: HostDevice[];
}

/** All that spans more than one disk: volume groups' volumes, md arrays, btrfs file systems. */
export function aggregates(report: HostReport): Aggregate[] {
    const found: Aggregate[] = [];
    const names = new Set(report.devices.filter((device) => device.type !== "disk").map((d) => d.name));
    for (const name of names) {
        const device = report.devices.find((candidate) => candidate.name === name);
        if (!device) continue;
        const disks = disksUnder(report, device.kernelName);
        if (disks.length > 1) found.push({ kind: device.type, name, disks });
    }
    for (const paths of report.btrfs) {
        const disks = unique(
            paths.flatMap((path) => {
                const name = path.slice(path.lastIndexOf("/") + 1);
                const device = report.devices.find((d) => d.kernelName === name || d.name === name);
                return device ? disksUnder(report, device.kernelName) : [];
            }),
        );
        if (disks.length > 1) found.push({ kind: "btrfs", name: paths[0] ?? "", disks });
    }
    return found;
}

function disksUnder(report: HostReport, kernelName: string): HostDevice[] {
    const rows = report.devices.filter((device) => device.kernelName === kernelName);
    const parents = rows.map((row) => row.parent).filter((parent) => parent !== "");
    if (parents.length === 0) return rows.slice(0, 1);
    return unique(parents.flatMap((parent) => disksUnder(report, parent)));
}

function unique(devices: HostDevice[]): HostDevice[] {
    return [...new Map(devices.map((device) => [device.kernelName, device])).values()];
}

/** The EBS volume behind a disk, where the disk tells (Nitro instances). */
export function ebsVolumeId(disk: HostDevice): string | undefined {
    const match = /^vol-?([0-9a-f]+)$/.exec(disk.serial);
    return match ? `vol-${match[1] ?? ""}` : undefined;
}
