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
    /** Passed to both hooks, beside ACS_EXECUTION_ID, ACS_INSTANCE_ID and ACS_PRE_FREEZE_SECONDS. Secret. */
    environment: Readonly<Record<string, string>>;
    limits: GuardLimits;
    /** Send the last 2 KiB of a failed hook's standard error. */
    showHookOutput: boolean;
    /** freeze: run post-thaw once with `thaw`, before anything is frozen. */
    rehearse: boolean;
    /** An execution whose marker is removed without running its post-thaw: its user says that the host is awake. Or "". */
    confirmedAwake: string;
    /** Digest of the resource's URN, kept in the marker; or "". Letters, digits and `-`. */
    owner: string;
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
    if (!match) {
        return { interpreter: "/bin/sh", argument: "" };
    }
    return { interpreter: match[1] ?? "", argument: (match[2] ?? "").trimEnd() };
}

/** What a mode has no use for, it does not get: environment and inline scripts are secret. */
function guardVariables(given: GuardParams): Record<string, string> {
    const params = given.mode === "freeze" ? given : { ...given, environment: {} };
    const { executionId, instanceId, limits, nonce, verbs } = params;
    for (const [name, id] of Object.entries({ nonce, executionId, instanceId })) {
        if (!/^[A-Za-z0-9-]+$/.test(id)) {
            throw new TypeError(`\`${name}\` has other than letters, digits and -`);
        }
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
        ACS_PRE_FREEZE_SECONDS: String(Math.floor(params.limits.preFreeze)),
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
            if (value.includes("\0")) {
                throw new TypeError("a NUL cannot be part of a script or its environment");
            }
            return `${name}=${shellQuote(value)}\n`;
        })
        .join("");
}

let cachedText: string | undefined;

function guardText(): string {
    cachedText ??= readFileSync(join(__dirname, "guard.sh"), "utf8");
    return cachedText;
}
