// The demo: a real `pulumi up` of the repository's own Pulumi.yaml. `npm run demo` sets up what it needs first.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { text as textOf } from "node:stream/consumers";
import { endProcessesOf, engineEnvironment, findEngine, ROOT } from "../test/support/engine";
import { type CloudInstance, type LocalCloud, startLocalCloud } from "../test/support/localCloud";
import { type SshHost, startSshHost } from "../test/support/sshHost";
import { labelMachine, runInNamespace } from "./demoNamespace";

const STACK = "demo";
/** Long enough to see snapshots on their way; real ones take minutes to hours. */
const SNAPSHOT_DURATION_MS = 1500;
/** Several times what a slow machine needs for one command. */
const COMMAND_LIMIT_MS = 300_000;

const say = (line = "") => console.log(line);

interface Stage {
    readonly cloud: LocalCloud;
    readonly instance: CloudInstance;
    readonly host: SshHost;
    /** The host can say which instance it is. */
    readonly labelled: boolean;
    readonly pulumi: Pulumi;
}

async function demo(signal: AbortSignal, atEnd: (stop: () => unknown) => void): Promise<void> {
    say("\nAn application-consistent snapshot of a server, by `pulumi up`, on this machine alone");
    say();
    say("  real:       the Pulumi engine, this package, sshd and SSH, the guard, the server's scripts");
    say("  simulated:  EC2's API, by a local cloud; and the label that tells which instance the server is");

    const stage = await setTheStage(signal, atEnd);
    showServer(stage);

    say("\n2. pulumi up\n");
    say(
        "   The program is examples/quickstart/index.ts. In this order: check everything, freeze the server by its own",
    );
    say(
        "   script, one CreateSnapshots for all volumes, thaw, and only then wait until the snapshots are complete.\n",
    );
    await stage.pulumi.show(["up"]);
    await showSnapshots(stage);

    say("\n4. pulumi up, once more: the snapshots are there, so nothing is to be done\n");
    await stage.pulumi.show(["up", "--expect-no-changes"]);
    say(`\n   The server was left alone: its scripts' log still has ${stage.host.events.length} lines.`);
    say("\n5. pulumi destroy: the snapshots go\n");
    await stage.pulumi.show(["destroy"]);
    const left = await stage.cloud.snapshots(stage.instance);
    say(
        `\n   Snapshots left in the cloud: ${left.length}. Files left on the server: ${stage.host.stateLeft.length}.`,
    );
}

async function setTheStage(signal: AbortSignal, atEnd: (stop: () => unknown) => void): Promise<Stage> {
    const home = mkdtempSync(join(tmpdir(), "acs-demo-"));
    atEnd(() => rmSync(home, { recursive: true, force: true, maxRetries: 5 }));
    const cloud = await startLocalCloud({ snapshotDurationMs: SNAPSHOT_DURATION_MS });
    atEnd(() => cloud.stop());
    signal.throwIfAborted();
    const instance = await cloud.createInstance({ volumes: 3 });
    const labelled = process.getuid?.() === 0 || labelMachine(instance.instanceId);
    const host = await startSshHost({ instanceId: instance.instanceId });
    atEnd(() => host.stop());
    writeScripts(host);
    // Whatever still runs of it, such as a provider that has lost its engine.
    atEnd(() => endProcessesOf(home));
    const pulumi = new Pulumi(home, cloud, signal);
    await pulumi.makeStack();
    await pulumi.configure(settings(instance, host, labelled), host.clientKey);
    return { cloud, instance, host, labelled, pulumi };
}

/** Stand-ins for what an administrator has there: they only tell that they ran. */
function writeScripts(host: SshHost): void {
    const script = (name: string, what: string) =>
        `#!/bin/sh\necho "$(date +%T.%3N)  ${name} $1: ${what}" >>${host.eventsPath}\n`;
    host.writeScript(host.preFreezePath, script("pre-freeze-script", "the applications are quiesced"));
    host.writeScript(host.postThawPath, script("post-thaw-script", "the applications go on"));
}

function settings(instance: CloudInstance, host: SshHost, labelled: boolean): Record<string, string> {
    const own = {
        sudo: host.sudo,
        scripts: { preFreeze: { path: host.preFreezePath }, postThaw: { path: host.postThawPath } },
        verifyInstanceIdentity: labelled,
    };
    return {
        instanceId: instance.instanceId,
        host: host.address,
        port: String(host.port),
        user: host.user,
        hostKey: host.hostKeyLines[0] ?? "",
        // As root the server is as a user's: standard paths, sudo.
        ...(host.sudo ? {} : { hooks: JSON.stringify(own) }),
        ...(labelled ? {} : { minimumLevel: "crash" }),
    };
}

function showServer({ instance, host, labelled }: Stage): void {
    say("\n1. A server\n");
    say(`   In the cloud:  instance ${instance.instanceId}, with volumes`);
    for (const [device, volumeId] of Object.entries(instance.devices))
        say(`                  ${volumeId}  ${device}`);
    say(
        `   On the net:    sshd at ${host.address}:${host.port}, account "${host.user}"${host.sudo ? ", with sudo" : ""}`,
    );
    say(`   Its scripts:   ${host.preFreezePath}`);
    say(`                  ${host.postThawPath}`);
    say("                  Here they only write a line into a log; yours would quiesce a database.");
    if (!labelled) {
        say(
            "\n   This account may not label the machine as that instance (no user namespaces here). So the identity of",
        );
        say(
            '   the server cannot be proven, and without proof no level above "crash" is claimed, whatever the scripts do.',
        );
    }
}

async function showSnapshots({ pulumi, cloud, instance, host, labelled }: Stage): Promise<void> {
    const outputs = await pulumi.outputs();
    const { snapshotIds, level, freezeWindowMs } = outputs as {
        snapshotIds: string[];
        level: string;
        freezeWindowMs: number;
    };
    const snapshots = await cloud.snapshots(instance);
    say("\n3. What came of it\n");
    for (const [index, id] of snapshotIds.entries()) {
        const { volumeId = "?", state = "?" } = snapshots.find(({ snapshotId }) => snapshotId === id) ?? {};
        say(`   ${index === 0 ? "snapshots" : "         "}      ${id}  of ${volumeId}  ${state}`);
    }
    say(
        `   level          ${level}${labelled ? ": proven, as the server confirmed after CreateSnapshots that it was still frozen" : ""}`,
    );
    say(`   freeze window  ${freezeWindowMs} ms`);
    say("\n   What the server's own scripts wrote down:\n");
    for (const event of host.events) say(`   > ${event}`);
}

/** The engine, with a home, a backend and a stack's config file outside of the repository. */
class Pulumi {
    readonly #configFile: string;
    readonly #env: Record<string, string>;
    readonly #color = process.stdout.isTTY && process.env.NO_COLOR === undefined ? "always" : "never";

    constructor(
        readonly home: string,
        cloud: LocalCloud,
        readonly signal: AbortSignal,
    ) {
        this.#configFile = join(home, `Pulumi.${STACK}.yaml`);
        this.#env = engineEnvironment(home, cloud.env);
        mkdirSync(join(home, "backend"));
    }

    /** Beside a copy of the project's file, as the engine writes the stack's config there. */
    async makeStack(): Promise<void> {
        cpSync(join(ROOT, "Pulumi.yaml"), join(this.home, "Pulumi.yaml"));
        await this.#quiet(["stack", "init", STACK]);
    }

    async configure(plain: Record<string, string>, privateKey: string): Promise<void> {
        const pairs = Object.entries(plain).flatMap(([key, value]) => ["--plaintext", `${key}=${value}`]);
        await this.#quiet(["config", "set-all", "--stack", STACK, ...pairs]);
        await this.#quiet(["config", "set", "--stack", STACK, "--secret", "privateKey"], privateKey);
    }

    async outputs(): Promise<Record<string, unknown>> {
        return JSON.parse(await this.#quiet(["stack", "output", "--json", "--stack", STACK])) as Record<
            string,
            unknown
        >;
    }

    /** Runs the repository's own project; what the engine says is shown as it comes. */
    async show(args: string[]): Promise<void> {
        const options = ["--yes", "--skip-preview", "--suppress-progress", "--suppress-permalink=true"];
        const stack = ["--stack", STACK, "--config-file", this.#configFile];
        const child = this.#spawn([...args, ...options, ...stack], ROOT);
        const lines = [child.stdout, child.stderr].map((stream) => showLines(stream));
        await ended(child, args, this.signal);
        await Promise.all(lines);
    }

    async #quiet(args: string[], input = ""): Promise<string> {
        const child = this.#spawn(args, this.home);
        child.stdin.end(input);
        const output = Promise.all([textOf(child.stdout), textOf(child.stderr)]);
        await ended(child, args, this.signal).catch(async (error: unknown) => {
            throw new Error((await output).join(""), { cause: error });
        });
        return (await output)[0];
    }

    #spawn(args: string[], cwd: string) {
        this.signal.throwIfAborted();
        const command = join(findEngine(), "pulumi");
        // In a group of its own: a terminal's Ctrl-C is for the demo, which ends it.
        return spawn(command, [...args, "--non-interactive", "--color", this.#color], {
            cwd,
            env: this.#env,
            detached: true,
        });
    }
}

async function showLines(stream: Readable): Promise<void> {
    for await (const line of createInterface({ input: stream })) say(`   | ${line}`.trimEnd());
}

async function ended(child: ChildProcess, args: string[], signal: AbortSignal): Promise<void> {
    const limit = AbortSignal.timeout(COMMAND_LIMIT_MS);
    const exit = once(child, "exit", { signal: AbortSignal.any([signal, limit]) });
    const [code] = (await exit.catch((cause: unknown) => {
        throw new Error(`"pulumi ${args.join(" ")}" did not end`, { cause });
    })) as [number | null];
    if (code !== 0) throw new Error(`"pulumi ${args.join(" ")}" ended with ${code ?? "a signal"}`);
}

async function stopAll(stops: (() => unknown)[]): Promise<void> {
    for (const stop of stops.reverse()) {
        try {
            await stop();
        } catch (error) {
            console.error(error);
            process.exitCode = 1;
        }
    }
}

async function main(): Promise<void> {
    if (process.platform !== "linux") {
        throw new Error(
            "the server of this demo is a Linux host on this machine: run it on Linux, or in a container",
        );
    }
    const code = await runInNamespace();
    if (code !== undefined) {
        process.exitCode = code;
        return;
    }
    const interrupted = new AbortController();
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
        process.on(signal, () => interrupted.abort());
    const stops: (() => unknown)[] = [];
    try {
        await demo(interrupted.signal, (stop) => stops.push(stop));
    } catch (error) {
        process.exitCode = interrupted.signal.aborted ? 130 : 1;
        say(interrupted.signal.aborted ? "\ninterrupted" : `\nthe demo failed: ${String(error)}`);
    } finally {
        await stopAll(stops);
        say("\nEverything that the demo started is stopped.");
    }
}

void main();
