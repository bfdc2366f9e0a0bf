import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Evidence } from "../../index";
import { ROOT } from "../../lab/engine/engine";
import type { CloudInstance, LocalCloud } from "../../lab/cloud/localCloud";
import { type SshHost, startSshHost } from "../../lab/hosts/sshHost";
import { labelMachine, runInNamespace } from "./namespace";
import { say, saySnapshots, sayVolumes } from "./narration";
import type { DemoOptions, Ends, Scenario } from "./scenario";
import { type Stack, makeStack, startCloud } from "./stack";
import { timelineOf, timelineText } from "./timeline";
import { timelineSvg } from "./timelineSvg";

/** The repository's own Pulumi.yaml: a Linux server, over SSH. */
export const linux: Scenario = { prepare, show };

interface Stage {
    readonly cloud: LocalCloud;
    readonly instance: CloudInstance;
    readonly host: SshHost;
    /** The host can say which instance it is. */
    readonly labelled: boolean;
    readonly stack: Stack;
}

async function prepare(): Promise<number | undefined> {
    if (process.platform !== "linux") {
        throw new Error(
            "the server of this demo is a Linux host on this machine: run it on Linux, or in a container",
        );
    }
    return await runInNamespace();
}

async function show(ends: Ends, options: DemoOptions): Promise<void> {
    say("\nAn application-consistent snapshot of a server, by `pulumi up`, on this machine alone");
    say();
    say("  real:       the Pulumi engine, this package, sshd and SSH, the guard, the server's scripts");
    say("  simulated:  EC2's API, by a local cloud; and the label that tells which instance the server is");

    const stage = await setTheStage(ends);
    showServer(stage);

    say("\n2. pulumi preview: what a reviewer of a pull request sees. Nothing is touched\n");
    await stage.stack.show(["preview"]);

    say("\n3. pulumi up\n");
    say("   The program is examples/quickstart/index.ts. In this order: check everything, freeze the server");
    say("   by its own script, one CreateSnapshots for all volumes, thaw, and only then wait until the");
    say("   snapshots are complete.\n");
    await stage.stack.show(["up"]);
    await showSnapshots(stage);
    await showTimeline(stage, options);

    say("\n5. pulumi up, once more: the snapshots are there, so nothing is to be done\n");
    await stage.stack.show(["up", "--expect-no-changes"]);
    say(`\n   The server was left alone: its scripts' log still has ${stage.host.events.length} lines.`);

    await killWhileFrozen(stage);

    say("\n7. pulumi up, again: the server is awake, so a set is taken as on any other night\n");
    say("   Pulumi warns of what was killed. There is nothing to repair, because EC2 made no snapshot.\n");
    await stage.stack.cancel();
    await stage.stack.show(["up"]);

    say("\n8. pulumi destroy: the snapshots go\n");
    await stage.stack.show(["destroy"]);
    const left = await stage.cloud.snapshots(stage.instance);
    say(
        `\n   Snapshots left in the cloud: ${left.length}. Files left on the server: ${stage.host.stateLeft.length}.`,
    );
}

/** What nobody else does: the client is gone without a word, and the server wakes by itself. */
async function killWhileFrozen({ stack, cloud, host }: Stage): Promise<void> {
    say("\n6. A new night, and everything on this side is killed while the server is frozen\n");
    await stack.configure({ run: "the next night" });
    // EC2 takes its time. Without that, the moment would be over too soon for people to see it.
    const gate = await cloud.gate("CreateSnapshots");
    let killedAt = 0;
    await stack.showKilled(["up"], async () => {
        await gate.reached();
        say(
            `\n   The server is ${host.frozen ? "FROZEN" : "awake"}, and EC2 has not answered yet. Now: kill -9`,
        );
        say("   to the Pulumi CLI, the language host, the program and the provider.\n");
        killedAt = Date.now();
    });
    await host.until(() => !host.frozen, { what: "the server to be awake" });
    // The request is cut, so it is not carried out: what EC2 had made all the same, a later run would delete.
    await cloud.reset();
    const [thaw = ""] = host.events.slice(-1);
    say(`   The server is ${host.frozen ? "FROZEN" : "awake"}. What its own script wrote down:\n`);
    say(`   > ${thaw}`);
    say(
        `\n   That is ${millisecondsAfter(killedAt, thaw)} ms after the kill. Nobody was left who could have asked for it:`,
    );
    say("   the guard on the server noticed that the connection had ended.");
}

/** From a moment to the time of day at the begin of a line of the scripts' log. Less than an hour lies between. */
function millisecondsAfter(moment: number, line: string): number {
    const [, minutes = "0", seconds = "0", ms = "0"] = /^\d+:(\d+):(\d+)\.(\d+)/.exec(line) ?? [];
    const hour = 3_600_000;
    const inHour = Number(minutes) * 60_000 + Number(seconds) * 1_000 + Number(ms);
    return (inHour - (moment % hour) + hour) % hour;
}

async function showTimeline({ stack, labelled }: Stage, { svg }: DemoOptions): Promise<void> {
    if (!labelled) {
        return;
    }
    const { evidence } = (await stack.outputsOf("AppConsistentSnapshot")) as { evidence: Evidence };
    const timeline = timelineOf(evidence);
    say("\n   The same in time, from the run's own evidence:\n");
    for (const line of timelineText(timeline)) {
        say(`   ${line}`);
    }
    if (svg !== undefined) {
        writeFileSync(svg, await timelineSvg(timeline));
        say(`\n   As a picture: ${svg}`);
    }
}

async function setTheStage({ interruption, atEnd }: Ends): Promise<Stage> {
    const { home, cloud } = await startCloud(interruption, atEnd);
    const instance = await cloud.createInstance({ volumes: 3 });
    const labelled = process.getuid?.() === 0 || labelMachine(instance.instanceId);
    const host = await startSshHost({ instanceId: instance.instanceId });
    atEnd(() => host.stop());
    writeScripts(host);
    const project = readFileSync(join(ROOT, "Pulumi.yaml"), "utf8");
    const stack = await makeStack({ home, cloud, project, folder: ROOT, interruption, atEnd });
    await stack.configure(settings(instance, host, labelled), { privateKey: host.clientKey });
    return { cloud, instance, host, labelled, stack };
}

/** Stand-ins for what an administrator has there: they only tell that they ran. */
function writeScripts(host: SshHost): void {
    const script = (name: string, what: string) =>
        `#!/bin/sh\necho "$(date +%T.%3N)  ${name} $1: ${what}" >>${host.eventsPath}\n`;
    const freeze = `: >${host.frozenPath}\n`;
    const thaw = `rm -f ${host.frozenPath}\n`;
    host.writeScript(
        host.preFreezePath,
        script("pre-freeze-script", "the applications are quiesced") + freeze,
    );
    host.writeScript(host.postThawPath, script("post-thaw-script", "the applications go on") + thaw);
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
    sayVolumes(instance.devices);
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

async function showSnapshots({ stack, cloud, instance, host, labelled }: Stage): Promise<void> {
    const outputs = await stack.outputs();
    const { snapshotIds, level, freezeWindowMs } = outputs as {
        snapshotIds: string[];
        level: string;
        freezeWindowMs: number;
    };
    say("\n4. What came of it\n");
    saySnapshots(snapshotIds, await cloud.snapshots(instance));
    const why = ": proven, as it was still frozen when EC2 had answered";
    say(`   level          ${level}${labelled ? why : ""}`);
    say(`   freeze window  ${freezeWindowMs} ms`);
    say("\n   What the server's own scripts wrote down:\n");
    for (const event of host.events) {
        say(`   > ${event}`);
    }
}
