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
    const byKernelName = Map.groupBy(report.devices, ({ kernelName }) => kernelName);
    const byName = new Map(report.devices.toReversed().map((device) => [device.name, device]));
    const layered = new Set(report.devices.filter(({ type }) => type !== "disk").map(({ name }) => name));
    for (const name of layered) {
        const device = byName.get(name);
        const disks = device === undefined ? [] : disksUnder(byKernelName, [device.kernelName]);
        if (device !== undefined && disks.length > 1) {
            found.push({ kind: device.type, name, disks });
        }
    }
    for (const paths of report.btrfs) {
        const members = paths.map((path) => path.slice(path.lastIndexOf("/") + 1));
        const disks = disksUnder(
            byKernelName,
            members.map((name) => (byKernelName.has(name) ? name : (byName.get(name)?.kernelName ?? ""))),
        );
        if (disks.length > 1) {
            found.push({ kind: "btrfs", name: paths[0] ?? "", disks });
        }
    }
    return found;
}

/** Looks at each device once: what a host says need not be a tree, nor end. */
function disksUnder(
    byKernelName: ReadonlyMap<string, readonly HostDevice[]>,
    kernelNames: readonly string[],
): HostDevice[] {
    const disks: HostDevice[] = [];
    const seen = new Set(kernelNames);
    for (const kernelName of seen) {
        const rows = byKernelName.get(kernelName) ?? [];
        const parents = rows.map(({ parent }) => parent).filter((parent) => parent !== "");
        for (const parent of parents) {
            seen.add(parent);
        }
        if (parents.length === 0) {
            disks.push(...rows.slice(0, 1));
        }
    }
    return disks;
}

/** The EBS volume behind a disk, where the disk tells (Nitro instances). */
export function ebsVolumeId(disk: HostDevice): string | undefined {
    const match = /^vol-?([0-9a-f]+)$/.exec(disk.serial);
    return match ? `vol-${match[1] ?? ""}` : undefined;
}
