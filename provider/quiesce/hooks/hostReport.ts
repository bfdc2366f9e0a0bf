import { isIdentity, type Identity } from "./guardLine";

export type ScriptProblem =
    | {
          kind:
              | "missing"
              | "not-regular"
              | "not-executable"
              | "writable"
              | "no-interpreter"
              | "carriage-return"
              | "byte-order-mark";
      }
    | { kind: "owner"; uid: number }
    /** A folder on the way to it, of any hop of a link. */
    | { kind: "folder-writable"; path: string }
    | { kind: "folder-owner"; path: string; uid: number };

/** A block device, as lsblk shows it; once for each of its parents. */
export interface HostDevice {
    name: string;
    kernelName: string;
    /** disk, part, lvm, raid1, crypt, loop, ... */
    type: string;
    parent: string;
    fileSystem: string;
    mountPoint: string;
    /** Of an EBS volume on Nitro: its id without the hyphen. */
    serial: string;
    model: string;
}

export interface HostMount {
    type: string;
    source: string;
    target: string;
}

/** What check mode found. Decisions about it are the controller's. */
export interface HostReport {
    /** false: the guard was cut off, and what is missing below was not looked at. */
    complete: boolean;
    /** cloud-init has not finished: scripts and rights may still come. */
    booting: boolean;
    uid: number | undefined;
    missingTools: string[];
    identity: { kind: Identity | "other"; instanceId: string };
    bootId: string;
    /** Of /run. */
    runFileSystem: string;
    /** What keeps the guard from having its files in /run: a limit of the account, or a read-only /run. */
    roomProblem: string | undefined;
    /** Why the guard's directory in /run cannot be used, when it is there already. */
    stateDirectoryProblem: string | undefined;
    lock: { held: boolean; executionId: string; instanceId: string };
    /** The execution that may have left the host frozen. */
    marker: { executionId: string; bootId: string } | undefined;
    scripts: { pre: ScriptProblem[]; post: ScriptProblem[] };
    devices: HostDevice[];
    /** Devices of each btrfs file system. */
    btrfs: string[][];
    /** Network and shared file systems: in no snapshot. */
    mounts: HostMount[];
    /** Lines that this version does not know. */
    unknown: string[];
}

/** Reads check mode's lines, without the nonce. */
export function parseHostReport(lines: readonly string[]): HostReport {
    const report: HostReport = {
        complete: false,
        booting: false,
        uid: undefined,
        missingTools: [],
        identity: { kind: "unverified", instanceId: "" },
        bootId: "",
        runFileSystem: "",
        roomProblem: undefined,
        stateDirectoryProblem: undefined,
        lock: { held: false, executionId: "", instanceId: "" },
        marker: undefined,
        scripts: { pre: [], post: [] },
        devices: [],
        btrfs: [],
        mounts: [],
        unknown: [],
    };
    for (const line of lines) {
        const space = line.indexOf(" ");
        const word = space < 0 ? line : line.slice(0, space);
        const rest = space < 0 ? "" : line.slice(space + 1);
        if (!addFact(report, word, rest)) {
            report.unknown.push(line);
        }
    }
    return report;
}

function addFact(report: HostReport, word: string, rest: string): boolean {
    const [first = "", second = "", third = ""] = rest.split(" ");
    switch (word) {
        case "done":
            report.complete = true;
            return true;
        case "booting":
            report.booting = true;
            return true;
        case "user":
            report.uid = Number(first);
            return true;
        case "tool-missing":
            report.missingTools.push(first);
            return true;
        case "identity":
            if (!isIdentity(first) && first !== "other") {
                return false;
            }
            report.identity = { kind: first, instanceId: second };
            return true;
        case "boot":
            report.bootId = first;
            return true;
        case "run":
            report.runFileSystem = first;
            return true;
        case "room":
            report.roomProblem = rest;
            return true;
        case "state-directory":
            report.stateDirectoryProblem = rest;
            return true;
        case "lock":
            report.lock = { held: first === "held", executionId: second, instanceId: third };
            return true;
        case "marker":
            report.marker = first === "none" ? undefined : { executionId: first, bootId: second };
            return true;
        case "script":
            return addScript(report, first, rest.split(" ").slice(1));
        case "device":
            report.devices.push(parseDevice(rest));
            return true;
        case "btrfs":
            addBtrfs(report, rest);
            return true;
        case "mount":
            report.mounts.push({ type: first, source: unescapeMount(second), target: unescapeMount(third) });
            return true;
        default:
            return false;
    }
}

function addScript(report: HostReport, which: string, words: string[]): boolean {
    if (which !== "pre" && which !== "post") {
        return false;
    }
    for (const word of words) {
        if (word === "ok") {
            continue;
        }
        const problem = parseScriptProblem(word);
        if (!problem) {
            return false;
        }
        report.scripts[which].push(problem);
    }
    return true;
}

export function parseScriptProblem(word: string): ScriptProblem | undefined {
    const [kind = "", ...details] = word.split(":");
    switch (kind) {
        case "missing":
        case "not-regular":
        case "not-executable":
        case "writable":
        case "no-interpreter":
        case "carriage-return":
        case "byte-order-mark":
            return { kind };
        case "owner":
            return isNumber(details[0]) ? { kind, uid: Number(details[0]) } : undefined;
        case "folder-writable":
            return { kind, path: details.join(":") };
        case "folder-owner":
            return isNumber(details[0])
                ? { kind, uid: Number(details[0]), path: details.slice(1).join(":") }
                : undefined;
        default:
            return undefined;
    }
}

function isNumber(text: string | undefined): boolean {
    return /^\d+$/.test(text ?? "");
}

/** `lsblk -P`: KEY="value", with \x20 for what would not be readable. */
function parseDevice(text: string): HostDevice {
    const fields = new Map<string, string>();
    for (const [, key = "", value = ""] of text.matchAll(/(?<![A-Z:_-])([A-Z:_-]+)="([^"]*)"/g)) {
        fields.set(
            key,
            value.replace(/\\x([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16))),
        );
    }
    const field = (key: string) => fields.get(key) ?? "";
    return {
        name: field("NAME"),
        kernelName: field("KNAME"),
        type: field("TYPE"),
        parent: field("PKNAME"),
        fileSystem: field("FSTYPE"),
        mountPoint: field("MOUNTPOINT"),
        serial: field("SERIAL"),
        model: field("MODEL").trim(),
    };
}

/** `btrfs filesystem show`: a `Label:` line for each file system, a `devid` line for each of its devices. */
function addBtrfs(report: HostReport, text: string): void {
    if (/^Label:/.test(text)) {
        report.btrfs.push([]);
    }
    const device = /^devid\b.*\bpath (\S+)/.exec(text)?.[1];
    if (device !== undefined) {
        report.btrfs.at(-1)?.push(device);
    }
}

/** /proc/mounts writes blanks in octal. */
function unescapeMount(text: string): string {
    return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
}
