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
import type { Project } from "../../lab/engine/project";
import { needsRoot } from "../../lab/hosts/sshHost";

const FROZEN = ["pre freeze"];
const FROZEN_AND_THAWED = ["pre freeze", "post thaw", "thawed thaw"];

/** Two stacks, such as of two teams, that do not know of each other. */
describe("two writers of the same server", function () {
    this.timeout(300_000);
    let lab: Lab;
    let first: Project;
    let second: Project;
    let trigger = 0;

    before(async function () {
        needsRoot(this);
        lab = await startLab();
        first = await lab.project({ program: "" });
        second = await lab.project({ program: "" });
    });
    after(() => lab.stop());
    beforeEach(() => {
        lab.server.host.writeHooks();
        lab.server.host.exec(`rm -f ${lab.server.host.eventsPath}`);
        // Held for as long as the second takes, on whatever machine.
        next(first, "ours", { timeouts: { freeze: 120 } });
        next(second, "theirs");
    });
    afterEach(() => lab.cloud.reset());

    /** The project's next `up` takes a set. */
    function next(project: Project, name: string, changes: object = {}): void {
        trigger += 1;
        project.setProgram(programOf({ ...hooksOf(lab.server), ...changes, triggers: [trigger] }, { name }));
    }

    /** An `up` of the first that holds the server frozen until it is let go. */
    async function freeze(): Promise<{ executionId: string; letGo: () => Promise<void> }> {
        const gate = await lab.cloud.gate("CreateSnapshots");
        const running = first.spawn("up");
        const call = await gate.reached({ limitMs: 60_000 });
        const executionId = /acs-[0-9a-f-]{36}/.exec(JSON.stringify(call.parameters))?.[0] ?? "";
        return {
            executionId,
            letGo: async () => {
                expect(lab.server.host.frozen, "still frozen").to.equal(true);
                await gate.release();
                succeeded(await running.result);
                const { id, consistencyLevel, evidence } = outputsOf(await first.outputs());
                expect({ id, consistencyLevel, held: evidence.held }).to.deep.equal({
                    id: executionId,
                    consistencyLevel: "application",
                    held: true,
                });
            },
        };
    }

    it("the second fails at once, names the first, and touches nothing", async () => {
        const { executionId, letGo } = await freeze();
        const { diagnostics } = failed(await second.up());
        expect(diagnostics).to.include("[HOST_BUSY]").and.to.include(executionId);
        expect(lab.server.host.events).to.deep.equal(FROZEN);
        await letGo();
        expect(lab.server.host.events).to.deep.equal(FROZEN_AND_THAWED);
        expect(executionsIn(await lab.cloud.snapshots())).to.deep.equal([executionId]);
        succeeded(await second.up());
    });

    it("the second takes a plain set where that will do, and leaves the first's freeze alone", async () => {
        next(second, "theirs", { minimumLevel: "crash" });
        const { executionId, letGo } = await freeze();
        succeeded(await second.up());
        const { consistencyLevel, evidence } = outputsOf(await second.outputs());
        expect(consistencyLevel).to.equal("crash");
        expect(evidence.message).to.include("[HOST_BUSY]").and.to.include(executionId);
        await letGo();
        expect(lab.server.host.events).to.deep.equal(FROZEN_AND_THAWED);
    });

    it("the second, which has to heal a freeze of its own, does not thaw the first's", async () => {
        const { host } = lab.server;
        // Healing waits for the lock for as long as a freeze of its own could last: shorter than the first's.
        next(second, "theirs", { timeouts: { preFreeze: 5, freeze: 5, postThaw: 5 } });
        host.writeHooks({ post: "exit 1" });
        expect(failed(await second.up()).diagnostics).to.include("THAW_PENDING");
        expect(host.frozen).to.equal(true);
        host.writeHooks();
        host.exec(`rm -f ${host.eventsPath}`);

        const { executionId, letGo } = await freeze();
        // What the second had left was thawed first, under the lock.
        const healedAndFrozen = ["post thaw", "thawed thaw", ...FROZEN];
        expect(host.events).to.deep.equal(healedAndFrozen);
        const { diagnostics } = failed(await second.up());
        expect(diagnostics).to.include("[HOST_BUSY]").and.to.include(executionId);
        expect(host.events).to.deep.equal(healedAndFrozen);
        await letGo();
        expect(host.events).to.deep.equal([...healedAndFrozen, "post thaw", "thawed thaw"]);
        expect(host.stateLeft).to.deep.equal([]);
        succeeded(await second.up());
    });
});
