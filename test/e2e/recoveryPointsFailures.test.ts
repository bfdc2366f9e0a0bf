import { expect } from "chai";
import { contentsOf } from "../../lab/cloud/cloudContents";
import { defaultNetwork } from "../../lab/cloud/cloudNetwork";
import { OLDEST_SDK } from "../../lab/setup/setupInstall.mjs";
import { failed, type Lab, startLab, succeeded } from "../../lab/engine/e2e";
import type { EngineResult, InstallKind, Project } from "../../lab/engine/project";

const REGION = "us-east-1";
const KEEP = 2;

/** A night's chain, and a resource that has nothing to do with it but an output beside the list. */
const programOf = (instanceId: string, network: { subnetId: string; securityGroupId: string }): string => `
const { Config, dynamic } = require("@pulumi/pulumi");
const { AppConsistentReplica, AppConsistentSnapshot, recoveryPoints } = require("pulumi-app-consistent-snapshot");
const config = new Config();
class Unrelated extends dynamic.Resource {
    constructor(name, kind) {
        const provider = {
            create: async (inputs) => {
                if (inputs.kind === "broken") throw new Error("it is broken");
                if (inputs.kind === "slow") await new Promise((resolve) => setTimeout(resolve, 3000));
                return { id: "made", outs: { value: "made" } };
            },
        };
        super(provider, name, { kind, value: undefined });
    }
}
module.exports = async () => {
    const run = config.get("run");
    // Several nights in one run, which is what is tested by others.
    const made = config.get("seed") ? JSON.parse(config.get("seed")) : undefined;
    const points = made
        ? { labels: made, optionsOf: () => ({}), listAfter: () => made }
        : await recoveryPoints({ run, keep: ${KEEP} });
    const replicas = points.labels.map((label) => {
        const snapshot = new AppConsistentSnapshot(
            \`db-\${label}\`,
            { instanceId: "${instanceId}", quiesce: { method: "none" } },
            points.optionsOf(label),
        );
        return new AppConsistentReplica(\`db-\${label}\`, {
            snapshot,
            launch: {
                instanceType: "m5.large",
                subnetId: "${network.subnetId}",
                vpcSecurityGroupIds: ["${network.securityGroupId}"],
            },
        });
    });
    const broken = config.get("broken");
    const others = broken ? [new Unrelated(\`unrelated-\${broken}\`, "broken")] : [];
    if (config.getBoolean("late")) {
        // Made long after the night has failed.
        new Unrelated("slow", "slow").value.apply(() => new Unrelated("late", "late"));
    }
    return { recoveryPoints: points.listAfter(replicas), other: others.map(({ value }) => value) };
};
`;

/** The operation that is refused in a night; none: the resource that has nothing to do with it fails. */
const FAILURES: Readonly<Record<string, string | undefined>> = {
    snapshot: "CreateSnapshots",
    image: "RegisterImage",
    replica: "CopyImage",
    "resource that has nothing to do with it": undefined,
};

const SDKS: readonly { sdk: string; install: InstallKind; parts: readonly string[] }[] = [
    { sdk: "newest", install: "pack-npm", parts: Object.keys(FAILURES) },
    // Where the engine goes on, and where it does not.
    { sdk: "oldest", install: OLDEST_SDK, parts: ["replica", "resource that has nothing to do with it"] },
];

for (const { sdk, install, parts } of SDKS) {
    describe(`recovery points with the ${sdk} SDK`, function () {
        this.timeout(600_000);
        let lab: Lab;
        let project: Project;
        let nights = 0;
        before(async () => {
            lab = await startLab();
            const network = await defaultNetwork(lab.cloud, REGION);
            const program = programOf(lab.server.instanceId, network);
            project = await lab.project({ program, install, main: "index.js" });
            await project.setConfig({ seed: JSON.stringify(Array.from({ length: KEEP }, newLabel)) });
            succeeded(await up(""));
            await project.setConfig({ seed: "" });
        });
        after(() => lab.stop());

        const newLabel = (): string => `n${(nights += 1)}`;
        async function up(run: string, { args = [] as string[], broken = "" } = {}): Promise<EngineResult> {
            await project.setConfig({ run, broken });
            return await project.up({ args });
        }
        async function failingNight(operation: string | undefined, args: string[]): Promise<string> {
            const tonight = newLabel();
            if (operation === undefined) {
                failed(await up(tonight, { args, broken: tonight }));
                return tonight;
            }
            const refusal = { kind: "error", code: "UnauthorizedOperation", status: 403 } as const;
            const fault = await lab.cloud.fault(operation, refusal);
            failed(await up(tonight, { args }));
            await fault.reached();
            return tonight;
        }
        const list = (): unknown =>
            project.state().resources.find(({ type }) => type === "pulumi:pulumi:Stack")?.outputs?.[
                "recoveryPoints"
            ];
        /** The points of which the snapshots, the image and its copy are there. */
        async function whole(): Promise<string[]> {
            const owners = (await lab.cloud.snapshots()).map(
                ({ tags }) => tags["app-consistent-snapshot:owner"],
            );
            const { images } = await contentsOf(lab.cloud, REGION);
            return Array.from({ length: nights }, (_, night) => `n${night + 1}`).filter(
                (label) =>
                    owners.some((owner) => owner?.endsWith(`::db-${label}`)) &&
                    images.filter(({ Name }) => Name?.startsWith(`db-${label}-`)).length === 2,
            );
        }

        for (const part of parts) {
            const operation = FAILURES[part];
            it(`lose nothing by nights whose ${part} fails`, async () => {
                const before = list() as string[];
                expect(await whole()).to.include.members(before);

                const first = await failingNight(operation, []);
                expect(list()).to.deep.equal(before);
                expect(await whole()).to.include.members(before);

                const second = await failingNight(operation, ["--continue-on-error"]);
                // What has nothing to do with the night does not keep it from being taken.
                const now = operation === undefined ? [...before, second].slice(-KEEP) : before;
                expect(list(), `after ${first}`).to.deep.equal(now);
                expect(await whole()).to.include.members(now);
            });
        }

        it("lose nothing by a merge after all of these nights, which clears up what they have left", async () => {
            const before = list();
            succeeded(await up(""));
            expect(list()).to.deep.equal(before);
            expect(await whole()).to.deep.equal(before);
        });

        it("go on with the same night, or with the next, and keep nothing else from being made", async () => {
            const before = list() as string[];
            await project.setConfig({ late: "true" });
            const tonight = await failingNight("CreateSnapshots", ["--continue-on-error"]);
            expect(project.state().resources.map(({ urn }) => urn.split("::").at(-1))).to.include("late");
            succeeded(await up(tonight, { args: ["--continue-on-error"] }));
            expect(list()).to.deep.equal([...before, tonight].slice(-KEEP));

            await failingNight("RegisterImage", ["--continue-on-error"]);
            const next = newLabel();
            succeeded(await up(next, { args: ["--continue-on-error"] }));
            expect(list()).to.deep.equal([...before, tonight, next].slice(-KEEP));
            expect(await whole()).to.deep.equal(list());
        });
    });
}
