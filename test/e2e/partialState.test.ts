import { expect } from "chai";
import {
    executionsIn,
    failed,
    hooksOf,
    type Lab,
    outputsOf,
    programOf,
    startLab,
    succeeded,
} from "../../lab/engine/e2e";
import { tagKeys } from "../../provider/aws/tags";
import type { Project, ResourceState } from "../../lab/engine/project";

/** Where the post-thaw script of these tests looks whether it is to fail. */
const THAW_FAILS = "/run/thaw-fails";

describe("a run that did not end, through the engine", function () {
    this.timeout(300_000);
    let lab: Lab;
    let project: Project;
    const args = (): ReturnType<typeof hooksOf> => ({ ...hooksOf(lab.server), timeouts: { postThaw: 5 } });

    before(async function () {
        lab = await startLab();
        project = await lab.project({ program: programOf(args()) });
    });
    after(() => lab.stop());
    beforeEach(() => {
        lab.server.host.writeHooks({ post: `[ ! -e ${THAW_FAILS} ] || exit 1` });
    });
    afterEach(async () => {
        lab.server.host.exec(`rm -f ${THAW_FAILS}`);
        await lab.cloud.reset();
        await lab.cloud.configureSnapshots({ durationMs: 0 });
        project.setProgram(programOf(args()));
    });

    const thawFails = (): void => lab.server.host.writeScript(THAW_FAILS, "");
    const thawWorks = (): unknown => lab.server.host.exec(`rm ${THAW_FAILS}`);
    const resources = (): ResourceState[] =>
        project.state().resources.filter(({ type }) => type.endsWith("AppConsistentSnapshot"));
    const sets = async (): Promise<string[]> => executionsIn(await lab.cloud.snapshots());
    const thawTags = async () => [
        ...new Set((await lab.cloud.snapshots()).map(({ tags }) => tags[tagKeys.thaw])),
    ];
    const created = async (): Promise<number> =>
        (await lab.cloud.calls()).filter((call) => call.operation === "CreateSnapshots" && !call.dryRun)
            .length;

    it("goes on waiting for completion, and takes no new set", async () => {
        await lab.cloud.configureSnapshots({ durationMs: 600_000 });
        project.setProgram(programOf({ ...args(), timeouts: { completion: 1 } }));
        const { diagnostics } = failed(await project.up());
        expect(diagnostics).to.match(/COMPLETION_PENDING.*the instance is awake; the set snap-.* is kept/s);
        const [half] = resources();
        expect(half?.initErrors?.[0]).to.match(/COMPLETION_PENDING/);
        expect(half?.outputs).to.have.nested.property("evidence.completion", "pending");
        expect(half?.outputs?.["snapshotIds"]).to.have.length(3);

        await lab.cloud.clearCalls();
        failed(await project.up());
        const snapshots = await lab.cloud.snapshots();
        await lab.cloud.completeSnapshots(snapshots.map((one) => one.snapshotId));
        succeeded(await project.up());
        const outputs = outputsOf(await project.outputs());
        expect(outputs.id).to.equal(half?.id);
        expect(outputs.evidence.completion).to.equal("completed");
        expect(await created()).to.equal(0);
        expect(await sets()).to.deep.equal([outputs.id]);
        expect(succeeded(await project.up()).summary).to.deep.equal({ same: 2 });
    });

    it("destroys a set that is not completed yet", async () => {
        await lab.cloud.configureSnapshots({ durationMs: 600_000 });
        project.setProgram(programOf({ ...args(), timeouts: { completion: 1 }, triggers: ["pending"] }));
        failed(await project.up());
        expect(await lab.cloud.snapshots()).not.to.be.empty;
        succeeded(await project.destroy());
        expect(await lab.cloud.snapshots()).to.deep.equal([]);
    });

    it("heals an instance that could not be thawed, and keeps the set", async () => {
        thawFails();
        const { diagnostics } = failed(await project.up());
        expect(diagnostics).to.match(
            /THAW_PENDING.*THE INSTANCE MAY STILL BE FROZEN; the set snap-.* is kept/s,
        );
        expect(lab.server.host.frozen).to.be.true;
        const [half] = resources();
        expect(half?.outputs).to.include({ thawPending: true, consistencyLevel: "application" });
        expect(await thawTags()).to.deep.equal(["pending"]);

        thawWorks();
        await lab.cloud.clearCalls();
        succeeded(await project.up());
        expect(lab.server.host.frozen).to.be.false;
        expect(lab.server.host.stateLeft).to.deep.equal([]);
        const outputs = outputsOf(await project.outputs());
        expect(outputs).to.include({ id: half?.id, thawPending: false });
        expect(await thawTags()).to.deep.equal(["done"]);
        expect(await created()).to.equal(0);
        expect(await sets()).to.deep.equal([outputs.id]);
    });

    it("keeps old and new when a replacement does not end, and sorts it out in the next run", async () => {
        const { id: old } = outputsOf(await project.outputs());
        thawFails();
        project.setProgram(programOf({ ...args(), triggers: ["second"] }));
        failed(await project.up());
        expect(resources()).to.have.length(2);
        expect(await sets())
            .to.have.length(2)
            .and.to.include(old);

        thawWorks();
        succeeded(await project.up());
        const { id, thawPending } = outputsOf(await project.outputs());
        expect(thawPending).to.be.false;
        expect(id).not.to.equal(old);
        expect(await sets()).to.deep.equal([id]);
        expect(resources().map((one) => one.id)).to.deep.equal([id]);
        expect(lab.server.host.frozen).to.be.false;
        succeeded(await project.destroy());
    });

    it("heals, and takes a set, where there was none", async () => {
        thawFails();
        await lab.cloud.fault("CreateSnapshots", {
            kind: "error",
            code: "InvalidParameterValue",
            status: 400,
        });
        const { diagnostics } = failed(await project.up());
        expect(diagnostics).to.match(/SNAPSHOT_REFUSED.*THE INSTANCE MAY STILL BE FROZEN/s);
        const [half] = resources();
        expect(half?.outputs).to.deep.include({ thawPending: true, snapshotIds: [] });

        thawWorks();
        succeeded(await project.up());
        const { id, consistencyLevel, thawPending } = outputsOf(await project.outputs());
        expect({ consistencyLevel, thawPending }).to.deep.equal({
            consistencyLevel: "application",
            thawPending: false,
        });
        expect(lab.server.host.frozen).to.be.false;
        expect(resources().map((one) => one.id)).to.deep.equal([id]);
        expect(await sets()).to.deep.equal([id]);
        succeeded(await project.destroy());
    });
});
