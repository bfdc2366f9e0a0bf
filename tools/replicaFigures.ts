// What replicas cost in engine time: `npm run bench:replicas [-- --replicas 1,20,100 --rounds 3]`.
import { defaultNetwork } from "../lab/cloud/cloudNetwork";
import { hooksOf, type Lab, startLab } from "../lab/engine/e2e";
import type { CloudCall } from "../lab/cloud/localCloud";
import { engineTime } from "./bench/engineTime";
import { median, ms, table } from "./bench/report";
import { INTERRUPTIONS } from "./interruptions";
import { ownOptions } from "./options";

const AWAY = "eu-west-1";

interface Figures {
    readonly replicas: number;
    /** Of a stack that is not there yet, in milliseconds. */
    readonly firstPreviewMs: number;
    readonly firstUpMs: number;
    /** When nothing has changed. */
    readonly previewMs: number;
    readonly upMs: number;
    readonly resources: number;
}

const options = ownOptions("npm run bench:replicas", { replicas: [1, 20, 100], rounds: 3 });

async function main(): Promise<void> {
    const lab = await startLab();
    const leave = () => void lab.stop().finally(() => process.exit(130));
    for (const signal of INTERRUPTIONS) {
        process.once(signal, leave);
    }
    try {
        const figures: Figures[] = [];
        for (const replicas of options.replicas) {
            figures.push(await figuresOf(lab, replicas));
            console.error(`replicas: ${replicas} done`);
        }
        console.log(figuresTable(figures));
        const toImage: number[] = [];
        for (let round = 0; round < options.rounds; round += 1) {
            toImage.push(await toImageMs(lab));
        }
        const spread = `${ms(Math.min(...toImage))} to ${ms(Math.max(...toImage))}`;
        console.log(
            `\nFrom \`up\` to the image, without the cloud's own time: ${ms(median(toImage))} (${spread})`,
        );
    } finally {
        await lab.stop();
    }
}

async function figuresOf(lab: Lab, replicas: number): Promise<Figures> {
    const { instanceId } = await lab.cloud.createInstance({ volumes: 1 });
    const { subnetId, securityGroupId } = await defaultNetwork(lab.cloud, AWAY);
    const program = `
import { AppConsistentReplica, AppConsistentSnapshot } from "pulumi-app-consistent-snapshot";
for (let index = 0; index < ${replicas}; index += 1) {
    const args = { instanceId: "${instanceId}", quiesce: { method: "none" as const } };
    const snapshot = new AppConsistentSnapshot(\`db-\${index}\`, args);
    const launch = { instanceType: "m5.large", subnetId: "${subnetId}", vpcSecurityGroupIds: ["${securityGroupId}"] };
    new AppConsistentReplica(\`db-\${index}\`, { snapshot, region: "${AWAY}", launch });
}
`;
    const project = await lab.project({ program });
    const firstPreviewMs = await engineTime(project, "preview");
    const firstUpMs = await engineTime(project, "up");
    const resources = project.state().resources.filter(({ type }) => !isFixed(type)).length;
    const previewMs = median(await repeated(() => engineTime(project, "preview")));
    const upMs = median(await repeated(() => engineTime(project, "up")));
    await engineTime(project, "destroy");
    return { replicas, firstPreviewMs, firstUpMs, previewMs, upMs, resources };
}

/** There however many replicas there are: the stack, and a provider for each plugin. */
function isFixed(type: string): boolean {
    return type.startsWith("pulumi:");
}

async function repeated(once: () => Promise<number>): Promise<number[]> {
    const results: number[] = [];
    for (let round = 0; round < options.rounds; round += 1) {
        results.push(await once());
    }
    return results;
}

/** From the start of `pulumi up` to the answer that the image is registered, freezing and thawing included. */
async function toImageMs(lab: Lab): Promise<number> {
    const program = `
import { AppConsistentAmi, AppConsistentSnapshot } from "pulumi-app-consistent-snapshot";
const snapshot = new AppConsistentSnapshot("db", ${JSON.stringify(hooksOf(lab.server))} as any);
new AppConsistentAmi("db", { snapshot });
`;
    const project = await lab.project({ program });
    await lab.cloud.clearCalls();
    const started = Number(process.hrtime.bigint()) / 1e6;
    await engineTime(project, "up");
    const calls = await lab.cloud.calls();
    const registered = calls.find(({ operation }) => operation === "RegisterImage");
    await engineTime(project, "destroy");
    const ended = registered?.answeredAt ?? NaN;
    return ended - started - busyMs(calls.filter(({ receivedAt }) => receivedAt < ended));
}

/** How long at least one request was being answered. */
function busyMs(calls: readonly CloudCall[]): number {
    let busy = 0;
    let until = 0;
    for (const { receivedAt, answeredAt } of calls) {
        const ended = Math.max(until, answeredAt ?? receivedAt);
        busy += ended - Math.max(until, receivedAt);
        until = ended;
    }
    return busy;
}

function figuresTable(figures: readonly Figures[]): string {
    return table(
        ["replicas", "resources", "preview, first", "up, first", "preview, no change", "up, no change"],
        figures.map((one) => [
            String(one.replicas),
            String(one.resources),
            ...[one.firstPreviewMs, one.firstUpMs, one.previewMs, one.upMs].map((value) => ms(value)),
        ]),
    );
}

void main();
