import { readFileSync } from "node:fs";
import { join } from "node:path";
import { timing } from "../../base/timing";

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

type Mode = "check" | "freeze" | "recover";

export interface GuardParams {
    /** `check` touches nothing. `recover` thaws what the execution of this id may have left frozen. */
    mode: Mode;
    /** Without sudo when the login is root's, or when the hooks need no privilege. */
    sudo: boolean;
    /** Answered as the first line. Letters, digits and `-`. */
    nonce: string;
    /** Letters, digits and `-`. */
    executionId: string;
    /**
     * Whose freeze it is: letters, digits and `-`, empty for nobody's. What an execution of the same owner left frozen is
     * also tried with the present post-thaw.
     */
    owner: string;
    /** Someone has made sure that what this execution froze is awake: its marker is removed, and nothing is run. */
    confirmedAwake: string;
    instanceId: string;
    /** false: the identity is `unverified`, whatever the host says, but for `recover`, which tells it all the same. */
    verifyIdentity: boolean;
    preFreeze: Hook;
    postThaw: Hook;
    verbs: HookVerbs;
    /** Passed to both hooks, beside ACS_EXECUTION_ID, ACS_INSTANCE_ID and ACS_PRE_FREEZE_SECONDS. Secret. */
    environment: Readonly<Record<string, string>>;
    limits: GuardLimits;
    /** `freeze`: run post-thaw once before anything is frozen. It has to find its way then as well. */
    rehearse: boolean;
    /** Send the last 2 KiB of a failed hook's standard error. */
    showHookOutput: boolean;
}

/** What to run, and what to write to its standard input. */
export interface GuardProgram {
    command: string;
    /** Secret. The controller's words follow it, on lines of their own. */
    stdin: Buffer;
}

/**
 * The guard as one text: everything secret is on standard input, which nobody else on the host can read.
 * @throws TypeError for what no shell can hold: a NUL, or a name that is not a variable's. Never with a value in it.
 */
export function composeGuard(params: GuardParams): GuardProgram {
    return programOf(assignments(guardVariables(params)) + guardText(params.mode), params.sudo);
}

/** The text of a shell program as what to run, and what to write to its standard input. */
export function programOf(text: string, sudo: boolean): GuardProgram {
    const program = Buffer.from(text.replace(/\n+$/, ""));
    // Nothing that fish, csh, bash and dash read differently. dd takes the program and not a byte of the words: at one go,
    // or where it does not know how to, byte by byte, which takes a tenth of a second.
    const size = program.length;
    const read = `{ dd bs=${size} count=1 iflag=fullblock || dd bs=1 count=${size}; } 2>/dev/null`;
    const shell = `sh -c 'p=$(${read}) && eval "$p"'`;
    // A busybox login shell that becomes its last command hands on its ignored SIGQUIT: let it have another.
    return { command: `${sudo ? "sudo -n -u root " : ""}${shell} && true`, stdin: program };
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
    if (!match) {
        return { interpreter: "/bin/sh", argument: "" };
    }
    return { interpreter: match[1] ?? "", argument: (match[2] ?? "").trimEnd() };
}

/** What check mode has no use for, it does not get: environment and inline scripts are secret. */
function guardVariables(given: GuardParams): Record<string, string> {
    const params = given.mode === "check" ? { ...given, environment: {} } : given;
    const { executionId, instanceId, limits, mode, nonce, verbs } = params;
    assertPlain(params);
    const post = hookVariables("post", params.postThaw, mode);
    return {
        mode,
        nonce,
        sudo: yesOrNo(params.sudo),
        execution: executionId,
        owner: params.owner,
        confirmed_awake: params.confirmedAwake,
        instance: instanceId,
        verify_identity: yesOrNo(params.verifyIdentity),
        ...hookVariables("pre", params.preFreeze, mode),
        ...post,
        verb_freeze: verbs.freeze,
        verb_thaw: verbs.thaw,
        verb_failed: verbs.freezeFailed,
        verb_check: verbs.check ?? "",
        environment: environmentText(params),
        rehearse: yesOrNo(params.rehearse),
        limit_lock: hundredths(limits.lock),
        limit_wait: hundredths(limits.wait),
        limit_pre: hundredths(limits.preFreeze),
        limit_freeze: hundredths(limits.freeze),
        limit_post: hundredths(limits.postThaw),
        last_try_pause: hundredths(timing.lastTryPauseMs / 1000),
        show_output: yesOrNo(params.showHookOutput),
        marker: mode === "freeze" ? markerText(params, post) : "",
    };
}

function assertPlain({ nonce, executionId, instanceId, owner, confirmedAwake }: GuardParams): void {
    for (const [name, id] of Object.entries({ nonce, executionId, instanceId })) {
        if (!/^[A-Za-z0-9-]+$/.test(id)) {
            throw new TypeError(`\`${name}\` has other than letters, digits and -`);
        }
    }
    for (const [name, id] of Object.entries({ owner, confirmedAwake })) {
        if (!/^[A-Za-z0-9-]*$/.test(id)) {
            throw new TypeError(`\`${name}\` has other than letters, digits and -`);
        }
    }
}

export function yesOrNo(value: boolean): string {
    return value ? "yes" : "no";
}

/** The clock that the guard reads counts hundredths of a second (proc(5), /proc/uptime). */
function hundredths(seconds: number): string {
    return String(Math.round(seconds * 100));
}

/** Checking asks for the interpreter of an inline script. Only what freezes needs pre-freeze's text. */
function hookVariables(which: "pre" | "post", hook: Hook, mode: Mode): Record<string, string> {
    if ("path" in hook) {
        return {
            [`${which}_path`]: hook.path,
            [`${which}_text`]: "",
            [`${which}_interpreter`]: "",
            [`${which}_argument`]: "",
        };
    }
    const { interpreter, argument } = interpreterOf(hook.script);
    const runs = mode === "freeze" || (mode === "recover" && which === "post");
    return {
        [`${which}_path`]: "",
        [`${which}_text`]: runs ? hook.script : "",
        [`${which}_interpreter`]: interpreter,
        [`${which}_argument`]: argument,
    };
}

function environmentText(params: GuardParams): string {
    const all = {
        ...params.environment,
        ACS_EXECUTION_ID: params.executionId,
        ACS_INSTANCE_ID: params.instanceId,
        ACS_PRE_FREEZE_SECONDS: String(Math.floor(params.limits.preFreeze)),
    };
    return Object.entries(all)
        .map(([name, value]) => {
            if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
                throw new TypeError("`environment` has a name that no shell variable can have");
            }
            // Some shells keep some names for themselves; `command` keeps that from ending them (dash(1), bash POSIX mode).
            return `command export ${name}=${shellQuote(value)} || printf ' %s' ${name}`;
        })
        .join("\n");
}

/** What a later connection needs to thaw. The guard adds the boot id. */
function markerText(params: GuardParams, post: Record<string, string>): string {
    return assignments({
        marker_execution: params.executionId,
        marker_owner: params.owner,
        marker_post_path: post["post_path"] ?? "",
        marker_post_interpreter: post["post_interpreter"] ?? "",
        marker_post_argument: post["post_argument"] ?? "",
        marker_verb_thaw: params.verbs.thaw,
        marker_limit_post: String(params.limits.postThaw),
    }).trimEnd();
}

export function assignments(variables: Record<string, string>): string {
    return Object.entries(variables)
        .map(([name, value]) => {
            if (value.includes("\0")) {
                throw new TypeError("a NUL cannot be part of a script or its environment");
            }
            return `${name}=${shellQuote(value)}\n`;
        })
        .join("");
}

/** The parts of the guard's text that a mode needs, in order. */
const PARTS: Record<Mode | "verify", readonly string[]> = {
    check: ["base", "host", "state", "inspect", "entry"],
    freeze: [
        "base",
        "host",
        "state",
        "hooks",
        "company",
        "decide",
        "thaw",
        "freeze",
        "watch",
        "start",
        "entry",
    ],
    recover: [
        "base",
        "host",
        "state",
        "hooks",
        "company",
        "decide",
        "thaw",
        "recover",
        "watch",
        "start",
        "entry",
    ],
    // No guard: nothing is frozen on a copy.
    verify: ["base", "host", "hooks", "inspect", "verify"],
};

/** Without the lines that are comments only: they are for those who read it here. */
export function guardText(mode: keyof typeof PARTS): string {
    return PARTS[mode]
        .map((part) => readFileSync(join(__dirname, "guard", `${part}.sh`), "utf8"))
        .join("")
        .replaceAll(/^\s*#.*\n/gm, "");
}
