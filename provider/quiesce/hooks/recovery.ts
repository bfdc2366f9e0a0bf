import type { HookEnd } from "../../base/hookEnd";
import { type Failure, type HookOutput, messageOf } from "../../base/errors";
import type { Secret } from "../../base/maskSecrets";
import { pause } from "../../base/pause";
import type { SshConnection } from "../../transport/ssh/connection";
import { timing } from "../../base/timing";
import { lostConnection, ownGuardHolds, refusal, unknownHost } from "./guardFailures";
import { type GuardLine, isAwake } from "./guardLine";
import type { GuardParams } from "./guardProgram";
import { GuardSession } from "./guardSession";
import { hookOutput } from "./hold";
import { knownFailure } from "./knownFailure";
import type { NotAwake } from "../quiescer";
import { unlessDown } from "./unlessDown";

type GoneLine = Extract<GuardLine, { kind: "gone" }>;

/** What is needed to wake a host that an execution may have left frozen. */
export interface Recovery {
    readonly params: Omit<GuardParams, "nonce">;
    /** How long a guard may take, from its start to its last word. */
    readonly longestMs: number;
    readonly connect: (timeoutMs: number, signal: AbortSignal) => Promise<SshConnection>;
    /** For all tries to connect: the host may be booting. */
    readonly connectMs: number;
    readonly isDown: () => Promise<boolean>;
    /** Whether a host that has nothing of the execution is the one that was frozen. */
    readonly isFrozenHost: (gone: GoneLine) => boolean;
    readonly secrets: readonly Secret[];
    readonly signal: AbortSignal;
}

export interface Recovered {
    /** Why the host is not known to be awake. */
    readonly problem?: NotAwake;
    /** Nothing of the execution is left on the host. */
    readonly clean: boolean;
}

const AWAKE: Recovered = { clean: false };

/** Under the host's lock, and only if the marker of this very execution is there. */
export async function recoverHost(recovery: Recovery): Promise<Recovered> {
    const deadline = performance.now() + recovery.connectMs;
    for (;;) {
        const recovered = await tryOnce(recovery, deadline - performance.now());
        // One that is going down to boot may take connections, and cut them.
        const late = performance.now() + timing.bootPauseMs >= deadline;
        if (!mayPass(recovered) || late || recovery.signal.aborted) {
            return recovered;
        }
        await pause(timing.bootPauseMs, recovery.signal).catch(() => undefined);
    }
}

const PASSING: readonly string[] = ["CONNECTION_LOST", "SSH_UNREACHABLE"];

function mayPass({ problem }: Recovered): boolean {
    return PASSING.includes(problem?.obstacle?.code ?? "");
}

async function tryOnce(recovery: Recovery, connectMs: number): Promise<Recovered> {
    const { connect, isDown, signal } = recovery;
    let connection: SshConnection | undefined;
    try {
        connection = await unlessDown(isDown, signal, (limited) => connect(connectMs, limited));
        // Where nothing runs, nothing can be frozen.
        return connection === undefined ? AWAKE : await thawOver(connection, recovery);
    } catch (error) {
        return { problem: { obstacle: obstacleOf(error) }, clean: false };
    } finally {
        await connection?.close();
    }
}

async function thawOver(connection: SshConnection, recovery: Recovery): Promise<Recovered> {
    const { params, longestMs, secrets } = recovery;
    const signal = AbortSignal.timeout(longestMs);
    const guard = await GuardSession.start(connection, params, signal);
    let postThaw: HookEnd | undefined;
    let output: HookOutput = {};
    for (const { line } of await guard.all(longestMs, signal)) {
        const answer = answerOf(line, recovery);
        if (answer !== undefined) {
            return { ...answer, clean: answer.clean || (answer.problem === undefined && guard.clean) };
        }
        if (line.kind === "tried" || line.kind === "thawed") {
            postThaw = line.end;
        } else if (line.kind === "output") {
            output = { ...output, ...hookOutput(line, secrets) };
        }
    }
    const problem =
        postThaw === undefined ? { obstacle: lostConnection("while it was thawed") } : { postThaw, output };
    return { problem, clean: false };
}

/** What a line of the guard decides, if it does. */
function answerOf(line: GuardLine, { isFrozenHost, params }: Recovery): Recovered | undefined {
    switch (line.kind) {
        case "gone":
            return isFrozenHost(line)
                ? { clean: true }
                : { problem: { obstacle: unknownHost() }, clean: true };
        case "refused":
            return { problem: { obstacle: whyNotRecovered(line, params) }, clean: false };
        case "confirmed":
            return AWAKE;
        case "thawed":
            return isAwake(line.end) ? AWAKE : undefined;
        default:
            return undefined;
    }
}

/** @param line the guard's refusal; of HOST_BUSY it names the execution that holds the lock, and its instance */
export function whyNotRecovered(
    { code, text }: Pick<Extract<GuardLine, { kind: "refused" }>, "code" | "text">,
    { executionId, instanceId }: Pick<GuardParams, "executionId" | "instanceId">,
): Failure {
    const [holder] = text.split(" ");
    return code === "HOST_BUSY" && holder === executionId
        ? ownGuardHolds(executionId)
        : refusal(code, text, instanceId);
}

/** What keeps us from asking a host whether it is awake. */
function obstacleOf(error: unknown): Failure {
    return (
        knownFailure(error) ?? {
            code: "CONNECTION_LOST",
            message: `The host could not be asked: ${messageOf(error)}.`,
            remedy: "Check whether the host is overloaded.",
        }
    );
}
