import { DescribeImagesCommand, EC2Client, type Image } from "@aws-sdk/client-ec2";
import { join } from "node:path";
import type { VssEvidence } from "../../provider/base/evidence";
import { ROOT } from "../../lab/engine/engine";
import type { CloudInstance, LocalCloud } from "../../lab/cloud/localCloud";
import { type CloudCommand, LocalSystemsManager } from "../../lab/cloud/localSystemsManager";
import { say, saySnapshots, sayVolumes } from "./narration";
import type { Ends, Scenario } from "./scenario";
import { type Stack, makeStack, startCloud } from "./stack";

/** The example for SQL Server: a Windows server, through Systems Manager. */
export const windows: Scenario = { prepare, show };

const PROGRAM = "examples/windows-sqlserver/index.ts";

interface Stage {
    readonly cloud: LocalCloud;
    readonly systemsManager: LocalSystemsManager;
    readonly instance: CloudInstance;
    readonly stack: Stack;
}

/** Types as in the program's exports. */
interface Outputs {
    readonly imageId: string;
    readonly snapshotIds: string[];
    readonly level: string;
    readonly vss: VssEvidence;
}

function prepare(): Promise<undefined> {
    if (process.platform !== "linux") {
        throw new Error(
            "the demo looks after its processes by Linux's /proc: run it on Linux, or in a container",
        );
    }
    return Promise.resolve(undefined);
}

async function show(ends: Ends): Promise<void> {
    say("\nAn application-consistent snapshot of a Windows server, and an image of it, by `pulumi up`");
    say();
    say("  real:       the Pulumi engine, this package");
    say(
        "  simulated:  EC2 and Systems Manager, by a local cloud that answers as AWS documents; and Windows with",
    );
    say("              its VSS, of which there is nothing here but those answers");

    const stage = await setTheStage(ends);
    const { cloud, instance, stack, systemsManager } = stage;
    await showServer(stage);

    say("\n2. pulumi up\n");
    say(`   The program is ${PROGRAM}. In this order: check everything, install AWS's VSS`);
    say(
        "   components as they are missing, run AWS's document that has VSS freeze the server and takes snapshots and",
    );
    say("   image, remove the components again, and only then wait until the snapshots are complete.\n");
    await stack.show(["up"]);
    const commands = await systemsManager.commands();
    await showResult(stage, commands);

    say("\n4. pulumi up, once more: the snapshots and the image are there, so nothing is to be done\n");
    await stack.show(["up", "--expect-no-changes"]);
    const more = (await systemsManager.commands()).length - commands.length;
    say(`\n   The server was left alone: commands sent to it this time: ${more}.`);
    say("\n5. pulumi destroy: the image and the snapshots go\n");
    await stack.show(["destroy"]);
    const snapshots = await cloud.snapshots(instance);
    const images = await imagesIn(cloud);
    say(`\n   Snapshots left in the cloud: ${snapshots.length}. Images left: ${images.length}.`);
    say(`   AwsVssComponents on the server: ${await componentsOf(stage)}.`);
}

async function setTheStage({ interruption, atEnd }: Ends): Promise<Stage> {
    const { home, cloud } = await startCloud(interruption, atEnd);
    const systemsManager = new LocalSystemsManager(cloud);
    const instance = await cloud.createInstance({ platform: "windows", volumes: 3 });
    await systemsManager.manage(instance.instanceId);
    const stack = await makeStack({
        home,
        cloud,
        project: projectOf(PROGRAM),
        folder: home,
        interruption,
        atEnd,
    });
    await stack.configure({ instanceId: instance.instanceId });
    return { cloud, systemsManager, instance, stack };
}

/** The program stays where it is: there it finds this package. */
function projectOf(program: string): string {
    return JSON.stringify({
        name: "app-consistent-snapshot-windows",
        runtime: { name: "nodejs", options: { packagemanager: "npm" } },
        main: join(ROOT, program),
    });
}

async function showServer(stage: Stage): Promise<void> {
    const { instance, systemsManager } = stage;
    const { pingStatus, agentVersion } = await systemsManager.managed(instance.instanceId);
    say("\n1. A server\n");
    say(`   In the cloud:  Windows instance ${instance.instanceId}, with volumes`);
    sayVolumes(instance.devices);
    say(`   Its agent:     Systems Manager's, ${agentVersion}, ${pingStatus}`);
    say(`   Components:    AwsVssComponents: ${await componentsOf(stage)}`);
}

async function showResult(stage: Stage, commands: CloudCommand[]): Promise<void> {
    const { stack, cloud, instance } = stage;
    const { imageId, snapshotIds, level, vss } = (await stack.outputs()) as unknown as Outputs;
    const image = (await imagesIn(cloud)).find(({ ImageId }) => ImageId === imageId);
    const snapshots = await cloud.snapshots(instance);
    const vouchedFor = Object.values(vss.appConsistent).filter(Boolean).length;
    say("\n3. What came of it\n");
    say(`   image          ${imageId}  ${image?.Name ?? "?"}  ${image?.State ?? "?"}`);
    saySnapshots(snapshotIds, snapshots);
    say(
        `   level          ${level}: VSS vouches for ${vouchedFor} of ${snapshots.length}, by AWS's tag AppConsistent${vss.byImage ? " on the image" : ""}`,
    );
    say(
        `   components     for the snapshots: ${vss.componentsVersion}${vss.installedByUs ? ", installed for this" : ""}`,
    );
    say(`                  now: ${await componentsOf(stage)}`);
    say("\n   What Systems Manager ran on the server:\n");
    for (const { document, parameters, comment, status } of commands) {
        const what = [document, ...(parameters["action"] ?? [])].join(" ");
        say(`   > ${what.padEnd(35)}  ${comment}  ${status}`);
    }
}

async function componentsOf({ systemsManager, instance }: Stage): Promise<string> {
    const { componentsVersion } = await systemsManager.managed(instance.instanceId);
    return componentsVersion ?? "not installed";
}

async function imagesIn(cloud: LocalCloud): Promise<Image[]> {
    const client = new EC2Client(cloud.clientConfig());
    try {
        const { Images = [] } = await client.send(new DescribeImagesCommand({ Owners: ["self"] }));
        return Images;
    } finally {
        client.destroy();
    }
}
