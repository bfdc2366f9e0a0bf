import type { SourceVolume } from "../../aws/instance";
import type { Failure } from "../../base/errors";
import { notRoot, refusal, staleRemedy } from "./guardFailures";
import { aggregates, ebsVolumeId } from "./aggregates";
import type { HostDevice, HostReport, ScriptProblem } from "./hostReport";

/** What the report is held against. */
export interface Expectations {
    readonly instanceId: string;
    /** The guard was started by sudo. */
    readonly sudo: boolean;
    /** An execution that has left nothing frozen, by the user's word; or "". */
    readonly confirmedAwake: string;
    readonly verifyIdentity: boolean;
    /** Paths of the scripts; undefined for one that is deployed. */
    readonly preFreezePath: string | undefined;
    readonly postThawPath: string | undefined;
    /** Seconds that a lock is waited for; 0: a held lock is a failure. */
    readonly lock: number;
    /** A level above crash is asked for. */
    readonly levelNeeded: boolean;
    readonly excluded: readonly SourceVolume[];
}

/** Everything about the host that stands against quiescing it. */
export function hostFailures(report: HostReport, expected: Expectations): Failure[] {
    const failures = ownFailures(report, expected);
    // What the guard would thaw before it freezes stays frozen when it does not come to that.
    return failures.length === 0 ? [] : [...staleFailures(report, expected), ...failures];
}

function ownFailures(report: HostReport, expected: Expectations): Failure[] {
    return [
        ...identityFailures(report, expected),
        ...privilegeFailures(report, expected),
        ...suitabilityFailures(report, expected),
        ...scriptFailures("pre-freeze", expected.preFreezePath, report.scripts.pre),
        ...scriptFailures("post-thaw", expected.postThawPath, report.scripts.post),
        ...lockFailures(report, expected),
        ...splitFailures(report, expected),
    ];
}

function identityFailures({ identity }: HostReport, expected: Expectations): Failure[] {
    if (identity.kind === "other") {
        return [refusal("WRONG_INSTANCE", identity.instanceId, expected.instanceId)];
    }
    if (identity.kind === "unverified" && expected.levelNeeded && !expected.verifyIdentity) {
        return [
            {
                code: "IDENTITY_UNVERIFIED",
                message: "With verifyInstanceIdentity: false no level above crash can be proven.",
                remedy: 'Leave verifyInstanceIdentity out, or set minimumLevel: "crash".',
            },
        ];
    }
    if (identity.kind === "unverified" && expected.levelNeeded) {
        return [
            {
                code: "IDENTITY_UNVERIFIED",
                message:
                    "It is not known which instance the host is, because it has no DMI asset tag and the metadata service does not answer.",
                remedy: 'Allow IMDSv2 on the instance (HttpEndpoint enabled), or set minimumLevel: "crash".',
            },
        ];
    }
    return [];
}

/** What is not root freezes nothing, and finds other things than the hooks would. */
function privilegeFailures({ uid }: HostReport, { sudo }: Expectations): Failure[] {
    return sudo && uid !== undefined && uid !== 0 ? [notRoot(uid)] : [];
}

function suitabilityFailures(report: HostReport, { excluded, instanceId }: Expectations): Failure[] {
    const problems: string[] = [];
    if (!report.complete) {
        problems.push("it could not be examined to the end");
    }
    // Without lsblk nobody knows what spans an excluded volume.
    const missing = report.missingTools.filter((tool) => tool !== "lsblk" || excluded.length > 0);
    if (missing.length > 0) {
        problems.push(`it has no ${missing.join(", ")}`);
    }
    if (report.complete && report.runFileSystem !== "tmpfs") {
        problems.push(`/run is ${report.runFileSystem}, not a tmpfs`);
    }
    if (report.roomProblem !== undefined) {
        problems.push(report.roomProblem);
    }
    if (report.stateDirectoryProblem !== undefined) {
        problems.push(`/run/app-consistent-snapshot ${report.stateDirectoryProblem}`);
    }
    return problems.map((problem) => refusal("HOST_UNSUITABLE", problem, instanceId));
}

function scriptFailures(
    name: string,
    path: string | undefined,
    problems: readonly ScriptProblem[],
): Failure[] {
    const what = path ?? `The ${name} script`;
    return problems.map((problem) => ({
        code: problem.kind === "missing" ? "SCRIPT_MISSING" : "SCRIPT_UNSAFE",
        message: `${what} ${scriptProblemText(problem)}.`,
        remedy: scriptRemedy(problem, name, what),
    }));
}

export function scriptProblemText(problem: ScriptProblem): string {
    switch (problem.kind) {
        case "missing":
            return "does not exist";
        case "not-regular":
            return "is not a regular file";
        case "not-executable":
            return "is not executable";
        case "owner":
            return `is not owned by root but by uid ${problem.uid}`;
        case "writable":
            return "can be written by others than its owner";
        case "folder-writable":
            return `can be replaced by others than root, who can write to the folder ${problem.path} on the way to it`;
        case "folder-owner":
            return `can be replaced by uid ${problem.uid}, who owns the folder ${problem.path} on the way to it`;
        case "no-interpreter":
            return "names an interpreter that is not there";
        case "carriage-return":
            return "has lines that end with a carriage return, as Windows editors write them; a shell takes it for a part of the line";
        case "byte-order-mark":
            return "begins with a byte order mark, as Windows editors write it; the system then does not see its #! line";
    }
}

function scriptRemedy(problem: ScriptProblem, name: string, what: string): string {
    switch (problem.kind) {
        case "missing":
            return `Install the ${name} script (chown root, chmod 755), or give both as quiesce.scripts.`;
        case "folder-writable":
            return `As root: chmod go-w ${problem.path}. Nobody else may change a script that root runs.`;
        case "folder-owner":
            return `As root: chown root ${problem.path}. Nobody else may change a script that root runs.`;
        case "carriage-return":
            return `As root: sed -i 's/\\r$//' ${what}.`;
        case "byte-order-mark":
            return `As root: sed -i '1s/^\\xef\\xbb\\xbf//' ${what}.`;
        case "no-interpreter":
            return `Install the interpreter, or correct the first line of ${what}.`;
        default:
            return `As root: chown root ${what} and chmod 755 it, and its folder likewise. Nobody else may change a script that root runs.`;
    }
}

function lockFailures({ lock, marker }: HostReport, expected: Expectations): Failure[] {
    if (!lock.held || expected.lock > 0) {
        return [];
    }
    const busy = refusal("HOST_BUSY", lock.executionId, expected.instanceId);
    const frozen = `Another execution, ${lock.executionId}, holds the lock of the host, and has frozen it.`;
    return [marker === undefined ? busy : { ...busy, message: frozen }];
}

/** Whether what an earlier execution left on the host may still be frozen. */
export function isStale({ marker, lock, bootId }: HostReport, confirmedAwake: string): boolean {
    return (
        marker !== undefined &&
        !lock.held &&
        marker.bootId === bootId &&
        marker.executionId !== confirmedAwake
    );
}

function staleFailures(report: HostReport, { confirmedAwake }: Expectations): Failure[] {
    const { marker } = report;
    if (marker === undefined || !isStale(report, confirmedAwake)) {
        return [];
    }
    return [
        {
            code: "STALE_FREEZE",
            message: `An earlier execution, ${marker.executionId}, may have left the host frozen. This run has not tried its post-thaw.`,
            remedy: `Mend the other problems first. Then the next run thaws the host before anything else. ${staleRemedy(marker.executionId)}`,
        },
    ];
}

/** Rows of block devices, of which the work grows with the square; 127 volumes with partitions and LVM have hundreds. */
const MAX_DEVICES = 4_000;

function splitFailures(report: HostReport, { excluded, instanceId }: Expectations): Failure[] {
    if (excluded.length === 0) {
        return [];
    }
    if (report.devices.length > MAX_DEVICES) {
        const problem = `it has ${report.devices.length} block devices, too many to examine which of them span volumes`;
        return [refusal("HOST_UNSUITABLE", problem, instanceId)];
    }
    return aggregates(report).flatMap(({ kind, name, disks }) => {
        const out = disks.flatMap((disk) => excluded.find((volume) => isDisk(volume, disk)) ?? []);
        if (out.length === 0 || out.length === disks.length) {
            return [];
        }
        return [
            {
                code: "SPLIT_VOLUME_GROUP" as const,
                message: `${name} (${kind}) spans ${disks.length} volumes, of which ${out.map((v) => v.volumeId).join(", ")} is excluded. So its snapshots would be worthless.`,
                remedy: "Exclude all volumes that it spans, or none.",
            },
        ];
    });
}

/** On Nitro a disk's serial number is the volume; on Xen its name ends as the mapping's does (sdf, xvdf). */
function isDisk(volume: SourceVolume, disk: HostDevice): boolean {
    const id = ebsVolumeId(disk);
    if (id !== undefined) {
        return id === volume.volumeId;
    }
    const letters = (name: string) => name.replace(/^\/dev\//, "").replace(/^(sd|xvd)/, "");
    return letters(disk.name) === letters(volume.deviceName);
}

/** Mounted file systems that are in no snapshot: network file systems and instance store. */
export function notCovered({ mounts, devices }: HostReport): string[] {
    const stores = devices.filter((device) => /Instance Storage/.test(device.model));
    const above = devicesAbove(stores, devices);
    const onStore = devices.filter(
        ({ mountPoint, kernelName }) => mountPoint !== "" && above.has(kernelName),
    );
    const texts = [
        ...mounts.map((mount) => `${mount.target} (${mount.type})`),
        ...onStore.map((device) => `${device.mountPoint} (instance store)`),
    ];
    // A device is listed once for each of its parents.
    return [...new Set(texts)];
}

/** Kernel names of the disks and of all that stands on them. Each is looked at once: a host need not describe a tree. */
function devicesAbove(disks: readonly HostDevice[], all: readonly HostDevice[]): ReadonlySet<string> {
    const byParent = Map.groupBy(all, ({ parent }) => parent);
    const above = new Set(disks.map(({ kernelName }) => kernelName));
    for (const kernelName of above) {
        for (const child of byParent.get(kernelName) ?? []) {
            above.add(child.kernelName);
        }
    }
    return above;
}
