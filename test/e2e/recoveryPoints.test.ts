import { expect } from "chai";
import { contentsOf, countsOf } from "../../lab/cloud/cloudContents";
import { type CloudNetwork, defaultNetwork } from "../../lab/cloud/cloudNetwork";
import { failed, type Lab, startLab, succeeded } from "../../lab/engine/e2e";
import type { EngineResult, Project } from "../../lab/engine/project";

const HOME = "us-east-1";
const AWAY = "eu-west-1";
const KEEP = 2;
const NIGHTS = 9;

/** Operations that are refused in a night, once, by the point of the pipeline that fails with them. */
const FAILURES: Readonly<Record<number, string>> = {
    1: "CopyImage",
    4: "CreateSnapshots",
    5: "RegisterImage",
    7: "CreateLaunchTemplate",
    8: "DeregisterImage",
};

const labelOf = (night: number): string => `night-${String(night).padStart(2, "0")}`;

describe("recovery points, night by night", function () {
    this.timeout(600_000);
    let lab: Lab;
    let project: Project;
    let network: CloudNetwork;
    /** What the list has to be by now. */
    let wanted: string[] = [];

    before(async () => {
        lab = await startLab();
        network = await defaultNetwork(lab.cloud, AWAY);
        const { instanceId } = await lab.cloud.createInstance({ volumes: 1 });
        project = await lab.project({ program: program(instanceId) });
    });
    afterEach(async () => {
        await lab.cloud.reset();
        await lab.cloud.configureSnapshots({ durationMs: 0 });
    });
    after(() => lab.stop());

    function program(instanceId: string): string {
        return `import { Config } from "@pulumi/pulumi";
import { AppConsistentReplica, AppConsistentSnapshot, recoveryPoints } from "pulumi-app-consistent-snapshot";
const config = new Config();
const pin = config.get("activate");
export = async () => {
    const points = await recoveryPoints({ run: config.get("run"), keep: ${KEEP}, pin });
    const replicas = points.labels.map((label) => {
        const snapshot = new AppConsistentSnapshot(
            \`db-\${label}\`,
            { instanceId: "${instanceId}", quiesce: { method: "none" } },
            points.optionsOf(label),
        );
        return new AppConsistentReplica(\`db-\${label}\`, {
            snapshot,
            region: "${AWAY}",
            launch: {
                instanceType: "m5.large",
                subnetId: "${network.subnetId}",
                vpcSecurityGroupIds: ["${network.securityGroupId}"],
            },
            activate: label === pin,
        });
    });
    return {
        images: Object.fromEntries(replicas.map(({ imageId }, index) => [points.labels[index], imageId])),
        instances: replicas.map(({ instanceId }) => instanceId),
        recoveryPoints: points.listAfter(replicas),
    };
};
`;
    }

    const list = async (): Promise<unknown> => (await project.outputs())["recoveryPoints"] ?? [];
    /** The points of the list are there, whole; and in the cloud is nothing else, but what a failed night has left. */
    const expectPoints = async ({ exactly }: { exactly: boolean }): Promise<void> => {
        expect(await list()).to.deep.equal(wanted);
        const { images } = await contentsOf(lab.cloud, AWAY);
        for (const label of wanted) {
            expect(
                images.filter(({ Name }) => Name?.startsWith(`db-${label}-`)),
                label,
            ).to.have.length(1);
        }
        if (exactly) {
            const count = wanted.length;
            const here = await countsOf(lab.cloud, HOME);
            const there = await countsOf(lab.cloud, AWAY);
            expect(here).to.include({ snapshots: count, images: count, templates: 0 });
            expect(there).to.include({ snapshots: count, images: count, templates: count });
        }
    };
    const upOn = async (run: string, config: Record<string, string> = {}): Promise<EngineResult> => {
        await project.setConfig({ run, ...config });
        return await project.up();
    };

    it(`are the last ${KEEP} of ${NIGHTS} nights, however many fail`, async () => {
        for (let night = 1; night <= NIGHTS; night += 1) {
            const label = labelOf(night);
            const operation = FAILURES[night];
            if (operation === undefined) {
                wanted = [...wanted, label].slice(-KEEP);
                succeeded(await upOn(label));
                await expectPoints({ exactly: true });
            } else {
                const refusal = { kind: "error", code: "UnauthorizedOperation", status: 403 } as const;
                const fault = await lab.cloud.fault(operation, refusal);
                failed(await upOn(label));
                await fault.reached();
                if (operation === "DeregisterImage") {
                    // The night's own work was done: only what has been dropped is still there.
                    wanted = [...wanted, label].slice(-KEEP);
                }
                await expectPoints({ exactly: false });
            }
        }
    });

    it("stay as they are without a run, as in a pull request", async () => {
        const { summary } = succeeded(await upOn(""));
        expect(summary).to.have.all.keys("read", "same");
        await expectPoints({ exactly: true });
    });

    it("are not taken, and the active one is not dropped, while one is active", async () => {
        const [oldest = ""] = wanted;
        const { summary, outputs } = succeeded(await upOn("not-tonight", { activate: oldest }));
        expect(summary).to.include({ create: 1 });
        expect(summary).not.to.have.any.keys("replace", "delete");
        await expectPoints({ exactly: true });
        const { instances } = await contentsOf(lab.cloud, AWAY);
        expect(instances.map(({ ImageId }) => ImageId)).to.deep.equal([
            (outputs["images"] as Record<string, string>)[oldest],
        ]);

        const next = succeeded(await upOn("nor-the-next"));
        expect(next.summary).to.have.all.keys("read", "same");
        await expectPoints({ exactly: true });
    });

    it("refuse to activate a point that there is not", async () => {
        const { diagnostics } = failed(await upOn("", { activate: "night-01" }));
        expect(diagnostics).to.include(wanted.join(", "));
        expect((await contentsOf(lab.cloud, AWAY)).instances).to.have.length(1);
    });

    it("go on after fail-back", async () => {
        wanted = [...wanted, labelOf(NIGHTS + 1)].slice(-KEEP);
        succeeded(await upOn(labelOf(NIGHTS + 1), { activate: "" }));
        expect((await contentsOf(lab.cloud, AWAY)).instances).to.have.length(0);
        await expectPoints({ exactly: true });
    });

    it("all go when the stack is destroyed", async () => {
        succeeded(await project.destroy());
        expect(await countsOf(lab.cloud, HOME)).to.include({ snapshots: 0, images: 0 });
        expect(await countsOf(lab.cloud, AWAY)).to.deep.equal({
            snapshots: 0,
            images: 0,
            templates: 0,
            instances: 0,
        });
    });
});
