import { readFileSync } from "node:fs";
import { join } from "node:path";

/** A hook: a script that lies on the host, or one that is put into its /run for the run. */
export type Hook = { path: string } | { script: string };

/** What pre-freeze and post-thaw get as their only argument. */
export interface HookVerbs {
    freeze: string;
    thaw: string;
    /** Post-thaw's, when freezing did not succeed. */
    freezeFailed: string;
    /** Pre-freeze's, before letting go: does it still hold? Only of scripts that know it. */
    check?: string;
}

/** VMware's convention, which administrators' scripts already follow. */
export const VMWARE_VERBS: HookVerbs = { freeze: "freeze", thaw: "thaw", freezeFailed: "freezeFail" };

/** The guard's limits, in seconds. */
export interface GuardLimits {
    /** How long to wait for another execution that holds the host. Whole seconds; 0: not at all. */
    lock: number;
    /** From `ready` to the word `freeze`. */
    wait: number;
    preFreeze: number;
    /** From pre-freeze's exit to letting go. */
    freeze: number;
    /** Of each of up to three tries. */
    postThaw: number;
}

export interface GuardParams {
    /** `check` touches nothing. `recover` thaws what the execution of this id may have left frozen. */
    mode: "check" | "freeze" | "recover";
    /** Without sudo when the login is root's, or when the hooks need no privilege. */
    sudo: boolean;
    /** Answered as the first line. Letters, digits and `-`. */
    nonce: string;
    /** Letters, digits and `-`. */
    executionId: string;
    instanceId: string;
    /** false: the identity is `unverified`, whatever the host says, but for `recover`, which tells it all the same. */
    verifyIdentity: boolean;
    preFreeze: Hook;
    postThaw: Hook;
    verbs: HookVerbs;
    /** Passed to both hooks, beside ACS_EXECUTION_ID and ACS_INSTANCE_ID. Secret. */
    environment: Readonly<Record<string, string>>;
    limits: GuardLimits;
    /** Send the last 2 KiB of a failed hook's standard error. */
    showHookOutput: boolean;
}

/** What to run, and what to write to its standard input. */
export interface GuardProgram {
    command: string;
    /** Secret. The controller's words follow it, on lines of their own. */
    stdin: Buffer;
}

/** The longest time that the guard needs to kill a process that can be killed, in seconds. */
const KILL_SECONDS = 3;

/** The guard looks five times a second whether its timer has ended: it ends that much before the limit. */
const NOTICE_SECONDS = 0.25;

/**
 * The guard as one text: everything secret is on standard input, which nobody else on the host can read.
 * @throws TypeError for what no shell can hold: a NUL, or a name that is not a variable's. Never with a value in it.
 */
export function composeGuard(params: GuardParams): GuardProgram {
    const text = assignments(guardVariables(params)) + guardText();
    const program = Buffer.from(text.replace(/\n+$/, ""));
    // Nothing that fish, csh, bash and dash read differently. dd takes the program and not a byte of the words.
    const shell = `sh -c 'p=$(dd bs=1 count=${program.length} 2>/dev/null) && eval "$p"'`;
    // A busybox login shell that becomes its last command hands on its ignored SIGQUIT: let it have another.
    return { command: `${params.sudo ? "sudo -n " : ""}${shell} && true`, stdin: program };
}

/** The shell's spelling of a text, whatever is in it. */
export function shellQuote(text: string): string {
    return `'${text.replaceAll("'", `'\\''`)}'`;
}

/**
 * How a script without an executable bit is started: by its `#!` line as the kernel reads it, else by sh.
 */
export function interpreterOf(script: string): { interpreter: string; argument: string } {
    const match = /^#![ \t]*([^ \t\n]+)[ \t]*([^\n]*)/.exec(script);
    if (!match) return { interpreter: "/bin/sh", argument: "" };
    return { interpreter: match[1] ?? "", argument: (match[2] ?? "").trimEnd() };
}

/** What a mode has no use for, it does not get: environment and inline scripts are secret. */
function guardVariables(given: GuardParams): Record<string, string> {
    const params = given.mode === "freeze" ? given : { ...given, environment: {} };
    const { executionId, instanceId, limits, nonce, verbs } = params;
    for (const [name, id] of Object.entries({ nonce, executionId, instanceId })) {
        if (!/^[A-Za-z0-9-]+$/.test(id))
            throw new TypeError(`\`${name}\` has other than letters, digits and -`);
    }
    const post = hookVariables("post", params.postThaw, params.mode);
    return {
        mode: params.mode,
        nonce,
        execution: executionId,
        instance: instanceId,
        verify_identity: params.verifyIdentity ? "yes" : "no",
        ...hookVariables("pre", params.preFreeze, params.mode),
        ...post,
        verb_freeze: verbs.freeze,
        verb_thaw: verbs.thaw,
        verb_failed: verbs.freezeFailed,
        verb_check: verbs.check ?? "",
        environment: environmentText(params),
        limit_lock: String(Math.ceil(limits.lock)),
        limit_wait: String(limits.wait),
        limit_pre: String(limits.preFreeze),
        limit_freeze: String(limits.freeze),
        timer_freeze: (limits.freeze - NOTICE_SECONDS).toFixed(2),
        limit_post: String(limits.postThaw),
        limit_post_whole: String(Math.ceil(limits.postThaw)),
        limit_total: String(longestRun(limits)),
        show_output: params.showHookOutput ? "yes" : "no",
        marker: params.mode === "freeze" ? markerText(params, post) : "",
    };
}

/** After this the guard itself must be stuck. Whole seconds, from the start of pre-freeze. */
function longestRun(limits: GuardLimits): number {
    const tries = 3 * (limits.postThaw + KILL_SECONDS);
    return Math.ceil(limits.preFreeze + KILL_SECONDS + limits.freeze + tries + 5);
}

/** Checking asks for the interpreter of an inline script; recovering takes all that it needs from the marker. */
function hookVariables(which: "pre" | "post", hook: Hook, mode: GuardParams["mode"]): Record<string, string> {
    if ("path" in hook) {
        return {
            [`${which}_path`]: hook.path,
            [`${which}_text`]: "",
            [`${which}_interpreter`]: "",
            [`${which}_argument`]: "",
        };
    }
    const { interpreter, argument } =
        mode === "recover" ? { interpreter: "", argument: "" } : interpreterOf(hook.script);
    return {
        [`${which}_path`]: "",
        [`${which}_text`]: mode === "freeze" ? hook.script : "",
        [`${which}_interpreter`]: interpreter,
        [`${which}_argument`]: argument,
    };
}

function environmentText(params: GuardParams): string {
    const all = {
        ...params.environment,
        ACS_EXECUTION_ID: params.executionId,
        ACS_INSTANCE_ID: params.instanceId,
    };
    return Object.entries(all)
        .map(([name, value]) => {
            if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
                throw new TypeError("`environment` has a name that no shell variable can have");
            }
            return `export ${name}=${shellQuote(value)}`;
        })
        .join("\n");
}

/** What a later connection needs to thaw. The guard adds the boot id. */
function markerText(params: GuardParams, post: Record<string, string>): string {
    return assignments({
        marker_execution: params.executionId,
        marker_post_path: post["post_path"] ?? "",
        marker_post_interpreter: post["post_interpreter"] ?? "",
        marker_post_argument: post["post_argument"] ?? "",
        marker_verb_thaw: params.verbs.thaw,
        marker_limit_post: String(params.limits.postThaw),
    }).trimEnd();
}

function assignments(variables: Record<string, string>): string {
    return Object.entries(variables)
        .map(([name, value]) => {
            if (value.includes("\0"))
                throw new TypeError("a NUL cannot be part of a script or its environment");
            return `${name}=${shellQuote(value)}\n`;
        })
        .join("");
}

let cachedText: string | undefined;

function guardText(): string {
    cachedText ??= readFileSync(join(__dirname, "guard.sh"), "utf8");
    return cachedText;
}

/** A hook's exit code (128 + n: killed by signal n), or why there is none. */
export type HookEnd = number | "timeout" | "lost";

export type RefusalCode = "HOST_BUSY" | "WRONG_INSTANCE" | "STALE_FREEZE" | "HOST_UNSUITABLE";

/** How the guard knows which instance it runs on. */
export type Identity = "dmi" | "imds" | "unverified";

const RELEASE_REASONS = ["asked", "eof", "expired", "lost", "unheld"] as const;
export type ReleaseReason = (typeof RELEASE_REASONS)[number];

/** What the guard says in `freeze` and `recover` mode, after the nonce. */
export type GuardLine =
    | { kind: "refused"; code: RefusalCode; text: string }
    /** An earlier execution had left the host frozen; its post-thaw has succeeded. */
    | { kind: "recovered"; executionId: string; end: HookEnd }
    | { kind: "ready"; identity: Identity; bootId: string }
    | { kind: "freezing" }
    | { kind: "frozen" }
    /** Pre-freeze did not succeed; post-thaw follows. eof: the connection ended, or a signal came. */
    | { kind: "unfrozen"; why: HookEnd | "eof" }
    /**
     * Only the first of a run counts. asked: the host was still held when the word came. unheld: by us, but not by the
     * scripts, by their own word.
     */
    | { kind: "releasing"; why: ReleaseReason }
    /** Awake when 0 or 205 (already thawed). */
    | { kind: "thawed"; end: HookEnd }
    /** The end of a failed hook's standard error. May hold secrets. */
    | { kind: "output"; hook: "pre" | "post"; bytes: Buffer }
    | { kind: "cleaned"; ok: boolean; left: string }
    /** recover: nothing of this execution is there. */
    | { kind: "gone"; identity: Identity | "other"; bootId: string }
    | { kind: "unknown"; line: string };

/** Is the host awake after a post-thaw that ended so? */
export function isAwake(end: HookEnd): boolean {
    return end === 0 || end === 205;
}

/** Reads a line of the guard. What it does not know is `unknown`: never a throw. */
export function parseGuardLine(line: string): GuardLine {
    const [word = "", ...rest] = line.split(" ");
    const [first = "", second = ""] = rest;
    const parsed = PARSERS[word]?.(first, second, rest.slice(1).join(" "));
    return parsed ?? { kind: "unknown", line };
}

type LineParser = (first: string, second: string, tail: string) => GuardLine | undefined;

const PARSERS: Readonly<Record<string, LineParser | undefined>> = {
    __proto__: null as never,
    refused: (code, _, text) => (isRefusalCode(code) ? { kind: "refused", code, text } : undefined),
    recovered: (executionId, exit) => {
        const end = parseHookEnd(exit);
        return end === undefined ? undefined : { kind: "recovered", executionId, end };
    },
    ready: (identity, bootId) =>
        isIdentity(identity) && bootId !== "" ? { kind: "ready", identity, bootId } : undefined,
    freezing: () => ({ kind: "freezing" }),
    frozen: () => ({ kind: "frozen" }),
    unfrozen: (why) => {
        const end = why === "eof" ? why : parseHookEnd(why);
        return end === undefined ? undefined : { kind: "unfrozen", why: end };
    },
    releasing: (word) => {
        const why = RELEASE_REASONS.find((one) => one === word);
        return why === undefined ? undefined : { kind: "releasing", why };
    },
    thawed: (exit) => {
        const end = parseHookEnd(exit);
        return end === undefined ? undefined : { kind: "thawed", end };
    },
    output: (hook, base64) =>
        hook === "pre" || hook === "post"
            ? { kind: "output", hook, bytes: Buffer.from(base64, "base64") }
            : undefined,
    cleaned: (how, _, left) =>
        how === "ok" || how === "failed" ? { kind: "cleaned", ok: how === "ok", left } : undefined,
    gone: (identity, bootId) =>
        (isIdentity(identity) || identity === "other") && bootId !== ""
            ? { kind: "gone", identity, bootId }
            : undefined,
};

function parseHookEnd(text: string): HookEnd | undefined {
    if (text === "timeout" || text === "lost") return text;
    return /^\d{1,3}$/.test(text) ? Number(text) : undefined;
}

function isRefusalCode(text: string): text is RefusalCode {
    return ["HOST_BUSY", "WRONG_INSTANCE", "STALE_FREEZE", "HOST_UNSUITABLE"].includes(text);
}

function isIdentity(text: string): text is Identity {
    return ["dmi", "imds", "unverified"].includes(text);
}

export type ScriptProblem =
    | {
          kind:
              | "missing"
              | "not-regular"
              | "not-executable"
              | "writable"
              | "folder-writable"
              | "no-interpreter";
      }
    | { kind: "owner"; uid: number };

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
        if (!addFact(report, word, rest)) report.unknown.push(line);
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
            if (!isIdentity(first) && first !== "other") return false;
            report.identity = { kind: first, instanceId: second };
            return true;
        case "boot":
            report.bootId = first;
            return true;
        case "run":
            report.runFileSystem = first;
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
    if (which !== "pre" && which !== "post") return false;
    for (const word of words) {
        if (word === "ok") continue;
        const problem = parseScriptProblem(word);
        if (!problem) return false;
        report.scripts[which].push(problem);
    }
    return true;
}

function parseScriptProblem(word: string): ScriptProblem | undefined {
    switch (word) {
        case "missing":
        case "not-regular":
        case "not-executable":
        case "writable":
        case "folder-writable":
        case "no-interpreter":
            return { kind: word };
        default: {
            const owner = /^owner:(\d+)$/.exec(word)?.[1];
            return owner === undefined ? undefined : { kind: "owner", uid: Number(owner) };
        }
    }
}

/** `lsblk -P`: KEY="value", with \x20 for what would not be readable. */
function parseDevice(text: string): HostDevice {
    const fields = new Map<string, string>();
    for (const [, key = "", value = ""] of text.matchAll(/([A-Z:_-]+)="([^"]*)"/g)) {
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
    if (/^Label:/.test(text)) report.btrfs.push([]);
    const device = /^devid\b.*\bpath (\S+)/.exec(text)?.[1];
    if (device !== undefined) report.btrfs.at(-1)?.push(device);
}

/** /proc/mounts writes blanks in octal. */
function unescapeMount(text: string): string {
    return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
}

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
