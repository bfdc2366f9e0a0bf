import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";
import { awsAccess } from "../../provider/aws/awsAccess";
import { ClientCache } from "../../provider/aws/clientCache";
import { createSnapshots } from "../../provider/aws/createSnapshots";
import { findSet } from "../../provider/aws/snapshots";
import type { SnapshotInputs } from "../../provider/inputs/inputs";
import type { Run } from "../../provider/run/run";
import { setRequest } from "../../provider/run/setRequest";
import { type SshConnection, type SshSettings, connect } from "../../provider/transport/ssh/connection";
import { takeSnapshot } from "../../provider/run/takeSnapshots";
import { ROOT } from "../../lab/engine/engine";
import type { SshHost } from "../../lab/hosts/sshHost";
import { linesOf } from "../../lab/lines";
import { setupAwsCli } from "../../lab/setup/setupAwsCli.mjs";
import { inputsFor } from "./inputs";
import type { Lab, Server } from "./lab";
import { runOf } from "../../lab/scenes/run";

/** One snapshot, in milliseconds of this process's monotonic clock. */
export interface Sample {
    /** End of pre-freeze, as heard here, to the answer that post-thaw begins. */
    readonly windowMs: number;
    /** Start of pre-freeze to end of post-thaw. */
    readonly quiescedMs: number;
    /** CreateSnapshots alone, where it is seen. */
    readonly apiMs?: number;
}

export type Method = (lab: Lab, server: Server, roundTripMs: number) => Promise<Sample>;

const CONNECT_LIMIT_MS = 60_000;
const LINE_LIMIT_MS = 60_000;
const API_LIMIT_MS = 60_000;

/** As all runs of one `pulumi up` share their clients. */
const cache = new ClientCache();

async function runOn(server: Server, roundTripMs: number): Promise<Run> {
    return runWith(inputsFor(server, await server.port(roundTripMs)));
}

export async function runWith(inputs: SnapshotInputs): Promise<Run> {
    return runOf({ executionId: `acs-${randomUUID()}`, inputs, clients: await cache.for() });
}

/** What this package does. */
export const product: Method = async (_lab, server, roundTripMs) =>
    productOf(await runOn(server, roundTripMs));

export async function productOf(run: Run): Promise<Required<Sample>> {
    const state = await takeSnapshot(run);
    const { freezeWindowMs, quiescedMs, apiMs } = state.evidence;
    if (
        state.consistencyLevel !== "application" ||
        freezeWindowMs === undefined ||
        quiescedMs === undefined ||
        apiMs === undefined
    ) {
        throw new Error(`no application-consistent snapshot: ${JSON.stringify(state.evidence)}`);
    }
    return { windowMs: freezeWindowMs, quiescedMs, apiMs };
}

/**
 * The least that is possible with the same scripts and the same API: a shell that waits on an open connection, one
 * request on a warm one. Certain of nothing: when the connection ends, the host stays frozen.
 */
export const floor: Method = async (_lab, server, roundTripMs) =>
    floorOf(await runOn(server, roundTripMs), server.host);

/** @returns beside the sample, how long it took to log in */
export async function floorOf(run: Run, host: SshHost): Promise<Required<Sample> & { loginMs: number }> {
    const { clients, signal } = run;
    const connecting = performance.now();
    const connection = await connectTo(run);
    const loginMs = performance.now() - connecting;
    try {
        const channel = await connection.exec(asRoot(host.sudo, floorProgram(host)), { signal });
        const heard = async (word: string): Promise<number> => {
            const line = await channel.nextLine(LINE_LIMIT_MS);
            if (line !== word) {
                throw new Error(`"${word}" expected, not "${line ?? ""}"`);
            }
            return performance.now();
        };
        await findSet(clients, run.executionId, signal);
        await heard("ready");
        channel.write("freeze\n");
        const freezing = await heard("freezing");
        const frozen = await heard("frozen");
        const { apiMs } = await createSnapshots(
            clients,
            setRequest(run, { volumes: [] }),
            API_LIMIT_MS,
            signal,
        );
        channel.write("release\n");
        const releasing = await heard("releasing");
        const thawed = await heard("thawed");
        return { windowMs: releasing - frozen, quiescedMs: thawed - freezing, apiMs, loginMs };
    } finally {
        await connection.close();
    }
}

/** Logs in to the host of the run's inputs. */
export function connectTo({ inputs, clients, signal }: Run): Promise<SshConnection> {
    const { connection } = inputs.quiesce as { connection: SshSettings };
    return connect(connection, {
        timeoutMs: CONNECT_LIMIT_MS,
        signal,
        log: () => undefined,
        instanceId: inputs.instanceId,
        aws: awsAccess(clients),
    });
}

function floorProgram(host: SshHost): string {
    return [
        "echo ready; read -r _; echo freezing",
        `${host.preFreezePath} freeze </dev/null >/dev/null; echo frozen`,
        `read -r _; echo releasing; ${host.postThawPath} thaw </dev/null >/dev/null; echo thawed`,
    ].join("; ");
}

/** What people write: ssh, the AWS CLI, ssh. The rest of the script is to be heard of at the same moments. */
export const script: Method = async ({ cloud }, server, roundTripMs) => {
    const { host, instance } = server;
    const aws = setupAwsCli({ root: ROOT, log: (line) => console.error(`bench: ${line}`) });
    const child = spawn("sh", [join(__dirname, "script.sh")], {
        stdio: ["ignore", "pipe", "pipe"],
        env: {
            ...cloud.env,
            AWS_DEFAULT_REGION: cloud.region,
            PATH: `${aws}:${process.env.PATH ?? ""}`,
            PORT: String(await server.port(roundTripMs)),
            TARGET: `${host.user}@${host.address}`,
            KEY: host.clientKeyFile,
            INSTANCE: instance.instanceId,
            BEFORE: `echo freezing; ${asRoot(host.sudo, `${host.preFreezePath} freeze >/dev/null`)} && echo frozen`,
            AFTER: `echo releasing; ${asRoot(host.sudo, `${host.postThawPath} thaw >/dev/null`)} && echo thawed`,
        },
    });
    const ended = once(child, "exit");
    const heardAt = new Map<string, number>();
    const lines = linesOf([child.stdout, child.stderr], ended);
    lines.onLine((line) => heardAt.set(line, performance.now()));
    const [code] = (await ended) as [number | null];
    const at = (word: string): number => {
        const time = heardAt.get(word);
        if (code !== 0 || time === undefined) {
            throw new Error(`the script failed: ${lines.lines.join("\n")}`);
        }
        return time;
    };
    return { windowMs: at("releasing") - at("frozen"), quiescedMs: at("thawed") - at("freezing") };
};

function asRoot(sudo: boolean, program: string): string {
    return `${sudo ? "sudo -n " : ""}sh -c '${program}'`;
}
