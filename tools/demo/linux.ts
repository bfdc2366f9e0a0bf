import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../lab/engine/engine";
import type { CloudInstance, LocalCloud } from "../../lab/cloud/localCloud";
import { type SshHost, startSshHost } from "../../lab/hosts/sshHost";
import { labelMachine, runInNamespace } from "./namespace";
import { say, saySnapshots, sayVolumes } from "./narration";
import type { Ends, Scenario } from "./scenario";
import { type Stack, makeStack, startCloud } from "./stack";

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

async function show(ends: Ends): Promise<void> {
    say("\nAn application-consistent snapshot of a server, by `pulumi up`, on this machine alone");
    say();
    say("  real:       the Pulumi engine, this package, sshd and SSH, the guard, the server's scripts");
    say("  simulated:  EC2's API, by a local cloud; and the label that tells which instance the server is");

    const stage = await setTheStage(ends);
    showServer(stage);

    say("\n2. pulumi up\n");
    say(
        "   The program is examples/quickstart/index.ts. In this order: check everything, freeze the server by its own",
    );
    say(
        "   script, one CreateSnapshots for all volumes, thaw, and only then wait until the snapshots are complete.\n",
    );
    await stage.stack.show(["up"]);
    await showSnapshots(stage);

    say("\n4. pulumi up, once more: the snapshots are there, so nothing is to be done\n");
    await stage.stack.show(["up", "--expect-no-changes"]);
    say(`\n   The server was left alone: its scripts' log still has ${stage.host.events.length} lines.`);
    say("\n5. pulumi destroy: the snapshots go\n");
    await stage.stack.show(["destroy"]);
    const left = await stage.cloud.snapshots(stage.instance);
    say(
        `\n   Snapshots left in the cloud: ${left.length}. Files left on the server: ${stage.host.stateLeft.length}.`,
    );
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
    say("\n3. What came of it\n");
    saySnapshots(snapshotIds, await cloud.snapshots(instance));
    say(
        `   level          ${level}${labelled ? ": proven, as the server confirmed after CreateSnapshots that it was still frozen" : ""}`,
    );
    say(`   freeze window  ${freezeWindowMs} ms`);
    say("\n   What the server's own scripts wrote down:\n");
    for (const event of host.events) {
        say(`   > ${event}`);
    }
}
