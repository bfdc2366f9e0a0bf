import { assert, expect } from "chai";
import { timing } from "../../../provider/base/timing";
import type { Phase } from "../../../lab/cloud/localCloud";
import { needsRoot } from "../../../lab/hosts/sshHost";
import type { RestoreProcess } from "../../../lab/scenes/restoreProcess";
import type { RestoreOutcome } from "../../../lab/scenes/restoreOutcome";
import { LONG_VERIFY, RestoreScene, SHORT_LIMITS, stateAfter } from "../../../lab/scenes/restoreScene";
import { rejection } from "../../../lab/rejection";

/** The provider is ended while a request waits, and the request is carried out all the same. */
interface AtRequest {
    readonly operation: string;
    readonly phase?: Phase;
    /** So many of the same come before it. */
    readonly skip?: number;
    readonly what: string;
}

/** Those of a whole run that are before, or after, something changes; the others of a run only look. */
const REQUESTS: readonly AtRequest[] = [
    { operation: "RunInstances", what: "RunInstances is sent" },
    { operation: "RunInstances", phase: "after", what: "RunInstances is carried out, and not answered" },
    { operation: "DescribeInstances", skip: 1, what: "it waits until EC2 says `running`" },
    { operation: "GetConsoleOutput", what: "it waits for the copy to boot" },
    { operation: "TerminateInstances", what: "TerminateInstances is sent" },
    {
        operation: "TerminateInstances",
        phase: "after",
        what: "the copy is terminated, and its volume is there",
    },
    { operation: "DeleteVolume", what: "DeleteVolume is sent" },
    { operation: "DeleteVolume", phase: "after", what: "the volume is deleted" },
];

/** Real processes and real signals. What is simulated: that a copy boots (lab/hosts/copies.ts). */
describe("a restore test whose process is ended", function () {
    this.timeout(120_000);
    const usual = { ...timing };
    const processes: RestoreProcess[] = [];
    let scene: RestoreScene;

    before(async function () {
        needsRoot(this);
        scene = await RestoreScene.start();
    });
    beforeEach(() => Object.assign(timing, SHORT_LIMITS));
    afterEach(async () => {
        processes.splice(0).forEach((process) => process.kill("SIGKILL"));
        Object.assign(timing, usual);
        try {
            await scene.assertNothingLeft();
        } finally {
            await scene.reset();
        }
    });
    after(() => scene.stop());

    const start = async (inputs = scene.inputs()): Promise<RestoreProcess> => {
        const process = await scene.start(inputs);
        processes.push(process);
        return process;
    };
    const running = async () => (await scene.instances()).map(({ InstanceId }) => InstanceId);

    /** Ends a run there. */
    async function endAt(
        { operation, phase = "before", skip = 0 }: AtRequest,
        end: (process: RestoreProcess) => void,
    ): Promise<RestoreProcess> {
        const { accessKeyId } = scene.cloud;
        const gate = await scene.cloud.gate(operation, { phase, skip, accessKeyId });
        const process = await start();
        await process.until(gate.reached({ limitMs: 60_000 }));
        end(process);
        await process.ended;
        await gate.release();
        await scene.cloud.reset();
        return process;
    }

    /** Of the same resource, as the next `pulumi up` makes it. */
    async function nextRun({ inputs }: RestoreProcess): Promise<RestoreOutcome> {
        const next = await scene.create({ ...inputs, verify: { script: "#!/bin/sh\ntrue\n" } });
        expect(stateAfter(next)).to.include({ passed: true, left: false });
        expect(next.lines.filter((line) => line.includes("warning"))).to.deep.equal([]);
        return next;
    }

    for (const request of REQUESTS) {
        it(`by SIGKILL when ${request.what}: the next run leaves nothing of it`, async () => {
            await nextRun(await endAt(request, (process) => process.kill("SIGKILL")));
        });
    }

    it("by SIGKILL while it logs in: the next run leaves nothing of it", async () => {
        const process = await start();
        await process.said.waitForLine(/connecting to/);
        process.kill("SIGKILL");
        await process.ended;
        await nextRun(process);
    });

    it("by SIGKILL while verify runs: the next run leaves nothing of it", async () => {
        const process = await start(scene.inputs({ verify: LONG_VERIFY }));
        await process.until(scene.untilVerifying());
        process.kill("SIGKILL");
        await process.ended;
        const { lines } = await nextRun(process);
        expect(lines.join("\n")).to.match(
            /terminating the copy i-\w+, vol-\w+, vol-\w+ .* of a run that died/,
        );
    });

    /** A copy of a run that was killed, of a resource that has passed before. */
    async function leftBeside(): Promise<{ before: RestoreOutcome; copy: string }> {
        const inputs = scene.inputs();
        const before = await scene.create(inputs);
        const process = await start({ ...inputs, verify: LONG_VERIFY });
        const { instanceId } = await process.until(scene.untilVerifying());
        process.kill("SIGKILL");
        await process.ended;
        return { before, copy: instanceId };
    }

    it("leaves what `refresh` tells of, and the `up` after it terminates", async () => {
        const { before, copy } = await leftBeside();
        const { props, lines } = await scene.refreshed(before);
        expect(props).to.include({ passed: true, left: true });
        expect(lines.join("\n")).to.contain(copy);
        expect(await running()).to.deep.equal([copy]);
        const refreshed = { ...before, state: props };
        expect(stateAfter(await scene.update(refreshed))).to.include({ passed: true, left: false });
    });

    it("leaves what `destroy` terminates", async () => {
        const { before } = await leftBeside();
        await scene.remove(before);
    });

    it("is named by `destroy` when it cannot be terminated", async () => {
        const { before, copy } = await leftBeside();
        await scene.protect(copy, true);
        const error = await rejection(scene.remove(before));
        expect(error.message)
            .to.match(/^COPY_LEFT/)
            .and.contain(copy);
        await scene.protect(copy, false);
        await scene.remove(before);
    });

    for (const request of REQUESTS.slice(0, 5)) {
        it(`by SIGINT when ${request.what}: at once, or by the next run, nothing is left`, async () => {
            const process = await endAt(request, (one) => one.kill("SIGINT"));
            assert.equal((await process.ended).code, 130);
            await nextRun(process);
        });
    }

    for (const signal of ["SIGINT", "SIGTERM"] as const) {
        it(`by ${signal} while verify runs: terminates the copy`, async () => {
            const process = await start(scene.inputs({ verify: LONG_VERIFY }));
            await process.until(scene.untilVerifying());
            process.kill(signal);
            expect(await process.ended).to.include({ code: 130 });
            expect(await running()).to.deep.equal([]);
            expect((await process.outcome())?.error?.message)
                .to.match(/^INTERRUPTED/)
                .and.contain("EC2 was told to terminate the copy");
            await nextRun(process);
        });
    }

    it("by SIGINT while EC2 launches the copy: waits for its name, and terminates it", async () => {
        await scene.cloud.setLatency("RunInstances", { after: 700 });
        const process = await start();
        const gate = await scene.cloud.gate("RunInstances", { phase: "before" });
        await process.until(gate.reached());
        await gate.release();
        process.kill("SIGINT");
        expect(await process.ended).to.include({ code: 130 });
        expect(await running()).to.deep.equal([]);
        await nextRun(process);
    });

    it("by SIGINT before EC2 tells of the copy: says that it may run", async () => {
        await scene.cloud.hideLaunches(60_000);
        await scene.cloud.fault("RunInstances", { kind: "never", phase: "after" }, { times: null });
        const process = await start();
        await process.until(scene.copyLaunched());
        process.kill("SIGINT");
        expect((await process.outcome())?.error?.message)
            .to.match(/^INTERRUPTED/)
            .and.match(/THE COPY \(tag \S+=acs-\S+\) MAY STILL RUN/);
        await scene.cloud.reset();
        await nextRun(process);
    });

    it("by SIGINT before EC2 knows the copy that it has named: says that it may run", async () => {
        await scene.cloud.hideLaunches(60_000);
        const process = await start();
        await process.said.waitForLine(/the copy is i-/);
        process.kill("SIGINT");
        expect((await process.outcome())?.error?.message)
            .to.match(/^INTERRUPTED/)
            .and.match(/THE COPY i-\w+ MAY STILL RUN/);
        await scene.cloud.reset();
        await nextRun(process);
    });

    it("because the engine is gone, while verify runs: leaves nothing", async () => {
        const process = await start(scene.inputs({ verify: LONG_VERIFY }));
        await process.until(scene.untilVerifying());
        await process.stopEngine();
        expect(await process.ended).to.include({ code: 1 });
        expect(await running()).to.deep.equal([]);
    });

    it("because the engine is gone, while EC2 launches the copy: leaves nothing", async () => {
        const gate = await scene.cloud.gate("RunInstances", { phase: "after" });
        const process = await start();
        await process.until(gate.reached());
        await process.stopEngine();
        expect(await process.ended).to.include({ code: 1 });
        await gate.release();
        expect(await running()).to.deep.equal([]);
    });

    it("is nobody's but its own resource's", async () => {
        const killed = await start(scene.inputs({ verify: LONG_VERIFY }));
        const { instanceId } = await killed.until(scene.untilVerifying());
        killed.kill("SIGKILL");
        await killed.ended;
        const [one, other] = await Promise.all([scene.create(), scene.start().then((run) => run.outcome())]);
        assert(other !== undefined);
        expect([stateAfter(one).passed, stateAfter(other).passed]).to.deep.equal([true, true]);
        expect(await running()).to.deep.equal([instanceId]);
        await nextRun(killed);
    });

    it("is not touched while its run lives, however long that takes", async () => {
        const inputs = scene.inputs({ verify: LONG_VERIFY });
        const living = await start(inputs);
        const host = await living.until(scene.untilVerifying());
        const { lines, state } = await scene.create({ ...inputs, verify: { script: "#!/bin/sh\ntrue\n" } });
        expect(state).to.include({ passed: true });
        expect(lines.join("\n")).to.match(/belongs to another run of this resource, which still lives/);
        scene.goOn(host);
        expect((await living.outcome())?.state).to.include({ passed: true, left: false });
    });
});
