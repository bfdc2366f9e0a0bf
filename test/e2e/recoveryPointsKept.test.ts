import { expect } from "chai";
import { failed, type Lab, startLab, succeeded } from "../../lab/engine/e2e";
import type { EngineResult, Project } from "../../lab/engine/project";

const NO_INSTANCE = "i-00000000000000000";

/** A nightly program without a replica: what is tested is which snapshots the engine takes, keeps and deletes. */
const programOf = (instanceId: string, drop = ""): string => `
import { Config } from "@pulumi/pulumi";
import { AppConsistentSnapshot, recoveryPoints } from "pulumi-app-consistent-snapshot";
export = async () => {
    const run = new Config().get("run");
    const points = await recoveryPoints({ run, keep: 2, drop: ${JSON.stringify(drop)} });
    const snapshots = points.labels.map((label) => new AppConsistentSnapshot(
        label,
        { instanceId: ${JSON.stringify(instanceId)}, quiesce: { method: "none" } },
        points.optionsOf(label),
    ));
    return { recoveryPoints: points.listAfter(snapshots) };
};
`;

describe("recovery points in a real stack", function () {
    this.timeout(400_000);
    let lab: Lab;
    let project: Project;
    before(async () => {
        lab = await startLab();
        project = await lab.project({ program: programOf(lab.server.instanceId) });
    });
    after(() => lab.stop());

    /** The points that there are in the cloud, with the instance that each is of, and the snapshots of each. */
    async function inCloud(): Promise<Map<string, { instanceId: string; snapshotIds: string[] }>> {
        const points = new Map<string, { instanceId: string; snapshotIds: string[] }>();
        for (const { tags, snapshotId } of await lab.cloud.snapshots()) {
            const label = tags["app-consistent-snapshot:owner"]?.split("::").at(-1) ?? "";
            const instanceId = tags["app-consistent-snapshot:instance"] ?? "";
            const { snapshotIds } = points.get(label) ?? { snapshotIds: [] };
            points.set(label, { instanceId, snapshotIds: [...snapshotIds, snapshotId] });
        }
        return points;
    }
    const night = async (run: string, args: string[] = []): Promise<EngineResult> => {
        await project.setConfig({ run });
        return await project.up({ args });
    };
    const listOf = ({ outputs }: EngineResult): unknown => outputs["recoveryPoints"];

    it("begins with none, takes one a night, and keeps the last ones", async () => {
        expect(listOf(succeeded(await project.up()))).to.deep.equal([]);
        expect(listOf(succeeded(await night("n1")))).to.deep.equal(["n1"]);
        expect(listOf(succeeded(await night("n2")))).to.deep.equal(["n1", "n2"]);
        const before = await inCloud();
        expect(listOf(succeeded(await night("n3")))).to.deep.equal(["n2", "n3"]);
        const after = await inCloud();
        expect([...after.keys()].sort()).to.deep.equal(["n2", "n3"]);
        expect(after.get("n2")).to.deep.equal(before.get("n2"));
    });

    it("changes nothing without a label, nor with one that exists", async () => {
        const before = await inCloud();
        await project.setConfig({ run: "" });
        succeeded(await project.preview({ args: ["--expect-no-changes"] }));
        const { summary, ...again } = succeeded(await night("n2"));
        expect(summary).to.have.all.keys("read", "same");
        expect(again.outputs["recoveryPoints"]).to.deep.equal(["n2", "n3"]);
        expect(await inCloud()).to.deep.equal(before);
    });

    it("leaves everything as it was after a night that failed", async () => {
        const before = await inCloud();
        project.setProgram(programOf(NO_INSTANCE));
        const result = failed(await night("n4", ["--continue-on-error"]));
        expect(result.diagnostics).to.match(/INSTANCE_NOT_FOUND/);
        expect(listOf(result)).to.deep.equal(["n2", "n3"]);
        expect(await inCloud()).to.deep.equal(before);
    });

    it("takes new points of another server, and leaves the old server's alone", async () => {
        const before = await inCloud();
        const other = await lab.cloud.createInstance({ volumes: 2 });
        project.setProgram(programOf(other.instanceId));
        expect(listOf(succeeded(await night("n4")))).to.deep.equal(["n3", "n4"]);
        const after = await inCloud();
        expect(after.get("n3")).to.deep.equal(before.get("n3"));
        expect(after.get("n4")).to.deep.include({ instanceId: other.instanceId });
    });

    it("does not take a point anew, of which a snapshot or all are gone; it can be dropped", async () => {
        const { instanceId, snapshotIds } = (await inCloud()).get("n4") ?? {
            instanceId: "",
            snapshotIds: [],
        };
        for (const [gone, run] of [
            [snapshotIds.slice(0, 1), () => project.preview()],
            [snapshotIds.slice(1), () => project.up()],
        ] as const) {
            await lab.cloud.deleteSnapshots(gone);
            succeeded(await project.refresh());
            expect(failed(await run()).diagnostics).to.match(/n4.*recovery point is not whole.*`drop`/);
        }
        project.setProgram(programOf(instanceId, "n4"));
        expect(listOf(succeeded(await night("")))).to.deep.equal(["n3"]);
        expect([...(await inCloud()).keys()]).to.deep.equal(["n3"]);
    });

    it("is destroyed as a whole", async () => {
        succeeded(await project.destroy());
        expect(await lab.cloud.snapshots()).to.deep.equal([]);
    });
});
