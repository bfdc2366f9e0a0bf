import { assert } from "chai";
import { timing } from "../../../provider/base/timing";
import type { CommandCourse } from "../../../lab/cloud/localSystemsManager";
import {
    PACKAGE,
    SCRIPT,
    VSS,
    VSS_AND_INSTALL,
    type VssChanges,
    type VssOutcome,
    WindowsScene,
    plainError,
    sent,
    stateOf,
} from "../../../lab/scenes/windowsScene";

const INSTALL = { document: PACKAGE, parameters: { action: "Install" } };
const UNINSTALL = { document: PACKAGE, parameters: { action: "Uninstall" } };

/** What is tried again while somebody holds the package counts once. */
function sentOnce(outcome: VssOutcome): string[] {
    return sent(outcome).filter((what, index, all) => what !== all[index - 1]);
}

describe("faults of VSS", function () {
    this.timeout(120_000);
    let scene: WindowsScene;

    before(async () => {
        scene = await WindowsScene.start();
    });
    afterEach(() => scene.afterEach());
    after(() => scene.stop());

    interface Fault {
        readonly title: string;
        readonly arrange: () => unknown;
        readonly changes?: VssChanges;
        readonly code: string;
        /** In the error, behind the code. */
        readonly text: RegExp;
        /** What the commands are, in order; with `minimumLevel: "crash"` they are the same. */
        readonly sends: readonly string[];
        /** The set of VSS itself is kept when a crash-consistent one will do, and no plain one taken. */
        readonly keepsSet?: boolean;
        /** The document cannot be made to end: then nobody can say that nothing is left. */
        readonly mayRun?: boolean;
    }

    /** Each fault twice: it is an error that leaves nothing; or, where that will do, a crash-consistent set. */
    function both(fault: Fault): void {
        const { title, arrange, changes = {}, code, text, sends, keepsSet = false } = fault;
        it(`${title}: ${code}, and nothing is left`, async () => {
            await arrange();
            const outcome = await scene.create(changes);
            const { message } = plainError(outcome);
            assert.match(message, new RegExp(`^${code} \\(${scene.instanceId}\\): `));
            assert.match(message, text, message);
            assert.match(
                message,
                fault.mayRun
                    ? /next run deletes what could not be undone now \(delete the snapshots: the document has not ended yet, or /
                    : /State: (the instance is awake|nothing is frozen by this run); no snapshot was kept\./,
            );
            assert.match(message, /What to do: \S/);
            assert.deepEqual(sentOnce(outcome), sends);
        });

        it(`${title}: a crash-consistent set with ${code}, where that will do`, async () => {
            await arrange();
            const outcome = await scene.create({ ...changes, minimumLevel: "crash" });
            const { consistencyLevel, evidence, snapshotIds } = stateOf(outcome);
            assert.equal(consistencyLevel, "crash");
            assert.equal(evidence.method, "vss");
            assert.equal(evidence.reason, code);
            assert.match(evidence.message ?? "", text);
            assert.isFalse(evidence.held);
            assert.lengthOf(snapshotIds, 3);
            const plain = outcome.calls.filter(
                ({ operation, dryRun, byInstance }) =>
                    operation === "CreateSnapshots" && !dryRun && !byInstance,
            );
            assert.lengthOf(plain, keepsSet ? 0 : 1);
            assert.deepEqual(sentOnce(outcome), sends);
            const installs = sends.includes("Uninstall");
            const cleanup = fault.mayRun ? "failed" : installs ? "done" : "nothingToDo";
            assert.equal(evidence.cleanup, cleanup);
            for (const { tags } of await scene.cloud.snapshots(scene.instance)) {
                assert.equal(tags["app-consistent-snapshot:level"], "crash");
            }
        });
    }

    describe("a precondition", () => {
        both({
            title: "is not met: not managed",
            arrange: () => scene.unmanage(),
            code: "PRECONDITION_FAILED",
            text: /\[SSM_NOT_MANAGED\] .*AmazonSSMManagedInstanceCore/,
            sends: [],
        });
        both({
            title: "is not met: ping lost",
            arrange: () => scene.ssm.manage(scene.instanceId, { pingStatus: "ConnectionLost" }),
            code: "PRECONDITION_FAILED",
            text: /\[SSM_OFFLINE\] .*ConnectionLost/,
            sends: [],
        });
        both({
            title: "is not met: agent too old",
            arrange: () => scene.ssm.manage(scene.instanceId, { agentVersion: "3.0.501.9" }),
            code: "PRECONDITION_FAILED",
            text: /\[SSM_AGENT_TOO_OLD\] The SSM agent is 3\.0\.501\.9.*AWS-UpdateSSMAgent/,
            sends: [],
        });
        both({
            title: "is not met: Windows too old",
            arrange: () => scene.ssm.manage(scene.instanceId, { platformVersion: "6.3.9600" }),
            code: "PRECONDITION_FAILED",
            text: /\[VSS_UNSUPPORTED\] .*6\.3\.9600.*2016 or newer/,
            sends: [],
        });

        for (const [title, code, status, text] of [
            ["ails", "InternalServerError", 500, /\[SSM_OFFLINE\] .*InternalServerError/],
            ["does not know the instance", "InvalidInstanceId", 400, /\[SSM_NOT_MANAGED\] /],
        ] as const) {
            both({
                title: `cannot be looked at, as Systems Manager ${title}`,
                arrange: () => {
                    const fault = { kind: "error", code, status } as const;
                    return scene.cloud.fault("DescribeInstanceInformation", fault, { times: null });
                },
                code: "PRECONDITION_FAILED",
                text,
                sends: [],
            });
        }

        it("is not met, and others neither: all are told together, with remedies", async () => {
            await scene.ssm.manage(scene.instanceId, { pingStatus: "Inactive", agentVersion: "2.3.0.0" });
            const outcome = await scene.create();
            assert.match(
                plainError(outcome).message,
                /^PRECONDITION_FAILED .*\[SSM_OFFLINE\].*\[SSM_AGENT_TOO_OLD\].*What to do: .*AmazonSSMAgent.*AWS-UpdateSSMAgent/,
            );
            assert.deepEqual(sent(outcome), []);
        });

        it("is not met: a stopped instance", async () => {
            await scene.cloud.setInstanceState(scene.instanceId, "stopped");
            const outcome = await scene.create();
            assert.match(plainError(outcome).message, /\[INSTANCE_STATE\] .*stopped/);
            const plain = await scene.create({ minimumLevel: "crash" });
            assert.equal(stateOf(plain).consistencyLevel, "crash");
            assert.deepEqual([...sent(outcome), ...sent(plain)], []);
        });
    });

    describe("the components", () => {
        both({
            title: "cannot be installed",
            arrange: () => scene.ssm.setCourse({ outcome: "fail" }, INSTALL),
            code: "PRECONDITION_FAILED",
            text: /\[VSS_COMPONENTS\] Install of AwsVssComponents did not succeed: Failed: .*install status Failed/s,
            sends: [SCRIPT, "Install", "Uninstall"],
        });
        both({
            title: "are installed without an end",
            arrange: () => scene.ssm.setCourse({ outcome: "hang", executionTimeoutMs: 1_600 }, INSTALL),
            changes: { timeouts: { command: 1 } },
            code: "PRECONDITION_FAILED",
            text: /\[VSS_COMPONENTS\] Install of AwsVssComponents did not succeed: no end within the time limit \(command [\w-]+\)\..*timeouts\.command/,
            sends: [SCRIPT, "Install", "Uninstall"],
        });
        both({
            title: "are held by another installation for too long, which is then left alone",
            arrange: () => {
                timing.lockedPauseMs = 2_000;
                return scene.lock();
            },
            changes: { timeouts: { command: 2 } },
            code: "PRECONDITION_FAILED",
            text: /\[VSS_COMPONENTS\] Install of AwsVssComponents .*another installation or removal of it is under way/,
            sends: [SCRIPT, "Install"],
        });
        both({
            title: "cannot be asked for, as scripts do not run",
            arrange: () => scene.ssm.answerScripts(/AwsVss/, { errorOutput: "language mode", exitCode: 1 }),
            code: "PRECONDITION_FAILED",
            text: /could not find out which VSS components are installed: Failed: language mode/,
            sends: [SCRIPT],
        });
        both({
            title: "cannot be asked for, as what a script prints is something else",
            arrange: () => scene.ssm.answerScripts(/AwsVss/, { output: '{"versions":[]}' }),
            code: "PRECONDITION_FAILED",
            text: /could not find out which VSS components are installed/,
            sends: [SCRIPT],
        });
        both({
            title: "cannot be asked for, as the instance has just gone offline",
            arrange: () => scene.cloud.fault("SendCommand", { kind: "error", code: "InvalidInstanceId" }),
            code: "PRECONDITION_FAILED",
            text: /\[VSS_COMPONENTS\] ssm:SendCommand: InvalidInstanceId/,
            sends: [],
        });

        it("are held by another installation for a while: waited for", async () => {
            await scene.lock();
            const running = scene.create();
            await scene.ssm.reached({ ...INSTALL, skip: 1 });
            await scene.unlock();
            assert.equal(stateOf(await running).consistencyLevel, "application");
        });

        it("are held by somebody else who installs them: they are not ours, and stay", async () => {
            await scene.lock();
            const running = scene.create();
            await scene.ssm.reached(INSTALL);
            await scene.install("2.4.0");
            await scene.unlock();
            const outcome = await running;
            assert.deepInclude(stateOf(outcome).evidence.vss, {
                componentsVersion: "2.4.0",
                installedByUs: false,
            });
            assert.notInclude(sent(outcome), "Uninstall");
        });

        it("cannot be removed: the snapshot is good, and says so with the remedy", async () => {
            await scene.ssm.setCourse({ outcome: "fail" }, UNINSTALL);
            const outcome = await scene.create();
            const { consistencyLevel, evidence } = stateOf(outcome);
            assert.equal(consistencyLevel, "application");
            assert.equal(evidence.cleanup, "failed");
            const problem =
                /remove the VSS components: Uninstall of AwsVssComponents did not succeed: Failed/;
            assert.match(evidence.message ?? "", problem);
            assert.match(evidence.message ?? "", /next run removes them\. .*AWS-ConfigureAWSPackage/);
            assert.match(outcome.lines.join("\n"), new RegExp(`warning: .*${problem.source}`));
            scene.expectComponents("2.5.1");
        });

        it("are removed without an end: the snapshot is good, and it is told that it did not end", async () => {
            timing.removalMs = 1_000;
            await scene.ssm.setCourse({ outcome: "hang" }, UNINSTALL);
            const { consistencyLevel, evidence } = stateOf(await scene.create());
            assert.equal(consistencyLevel, "application");
            assert.equal(evidence.cleanup, "failed");
            assert.match(
                evidence.message ?? "",
                /Uninstall of AwsVssComponents did not succeed: no end within the time limit \(command [\w-]+\)/,
            );
            await scene.cloud.reset();
            scene.expectComponents("2.5.1");
        });

        it("cannot be removed, nor is there a set: a crash-consistent one tells of it", async () => {
            await scene.ssm.setCourse({ outcome: "fail" }, UNINSTALL);
            await scene.ssm.setCourse({ vss: "writerFailed" }, { document: VSS });
            const { evidence } = stateOf(await scene.create({ minimumLevel: "crash" }));
            assert.equal(evidence.cleanup, "failed");
            assert.match(evidence.message ?? "", /SqlServerWriter.*remove the VSS components/s);
            scene.expectComponents("2.5.1");
        });

        it("are removed when another removal has let them go", async () => {
            const gate = await scene.ssm.hold({ document: VSS });
            const running = scene.create();
            await gate.reached();
            await scene.lock("other");
            await gate.release();
            await scene.ssm.reached({ ...UNINSTALL, skip: 1 });
            await scene.unlock();
            assert.equal(stateOf(await running).evidence.cleanup, "done");
        });
    });

    const ALL = [SCRIPT, "Install", VSS, "Uninstall"];
    const course = (title: string, how: CommandCourse, code: string, text: RegExp, limitS?: number) =>
        both({
            title,
            mayRun: how.ignoresCancel ?? false,
            arrange: () => scene.ssm.setCourse(how, { document: VSS }),
            ...(limitS === undefined ? {} : { changes: { timeouts: { command: limitS } } }),
            code,
            text,
            sends: ALL,
        });

    describe("the document", () => {
        both({
            title: "is in this region by neither name",
            arrange: async () => {
                await scene.ssm.removeDocument(VSS);
                await scene.ssm.removeDocument(VSS_AND_INSTALL);
            },
            code: "VSS_FAILED",
            text: /AWSEC2-VssInstallAndSnapshot could not be started: .*InvalidDocument/,
            sends: [SCRIPT, "Install", "Uninstall"],
        });
        course(
            "is never delivered",
            { delivery: "never" },
            "VSS_TIMEOUT",
            /timeouts\.command \(1 s\): .*/,
            1,
        );
        course(
            "is not delivered in time",
            { delivery: "delayed", deliveryTimeoutMs: 300 },
            "VSS_TIMEOUT",
            /timed out: DeliveryTimedOut/,
        );
        course("is not deliverable", { delivery: "undeliverable" }, "VSS_FAILED", /Undeliverable/);
        course("is terminated", { delivery: "terminated" }, "VSS_FAILED", /Terminated/);
        course("never ends", { outcome: "hang" }, "VSS_TIMEOUT", /timeouts\.command \(1 s\)/, 1);
        course(
            "never ends, and cannot be cancelled",
            { outcome: "hang", ignoresCancel: true },
            "VSS_TIMEOUT",
            /timeouts\.command \(1 s\)/,
            1,
        );
        course(
            "ends by its own timeout",
            { outcome: "hang", executionTimeoutMs: 300 },
            "VSS_TIMEOUT",
            /timed out: ExecutionTimedOut/,
        );
        course(
            "never ends after it has taken the snapshots",
            { vss: "hangsAfterSnapshots" },
            "VSS_TIMEOUT",
            /timeouts\.command \(2 s\)/,
            2,
        );
        course(
            "cannot freeze in time",
            { vss: "freezeTimedOut" },
            "VSS_FAILED",
            /timeout waiting for VSS Freeze.*less load/s,
        );
        course(
            "has a writer that failed",
            { vss: "writerFailed" },
            "VSS_FAILED",
            /'SqlServerWriter' failed.*vssadmin list writers/s,
        );
        course(
            "does not thaw in time",
            { vss: "thawPipeTimedOut" },
            "VSS_FAILED",
            /Thaw pipe connection timed out.*Run again/s,
        );
        course("fails on thaw", { vss: "thawFailed" }, "VSS_FAILED", /error on thaw.*Run again/s);
        course("may not call methods", { vss: "languageMode" }, "VSS_FAILED", /language mode.*FullLanguage/s);
        course(
            "does not reach EC2",
            { vss: "endpointUnreachable" },
            "VSS_FAILED",
            /could not be resolved.*VPC endpoint/s,
        );
        course(
            "took snapshots but could not tag them",
            { vss: "taggingFailed" },
            "VSS_FAILED",
            /Failed to tag snapshot snap-/,
        );
        course(
            "fails with 24,000 characters of output: the end of it is told",
            { vss: "writerFailed", output: "x".repeat(24_000) },
            "VSS_FAILED",
            /x{100}\n?.*SqlServerWriter/s,
        );
        course(
            "says that it succeeded with half of the volumes",
            { vss: "halfOfVolumes" },
            "VSS_FAILED",
            /The document succeeded, but snapshots of 2 of 3 volumes could be found/,
        );
        both({
            title: "may not do what it must, by the instance's role",
            arrange: () => scene.ssm.allowInstance(scene.instanceId, ["ec2:DescribeInstanceAttribute"]),
            code: "VSS_FAILED",
            text: /UnauthorizedOperation.*AWSEC2VssSnapshotPolicy/s,
            sends: ALL,
        });
        both({
            title: "finds the components gone",
            arrange: () => scene.ssm.answerScripts(/AwsVss/, { output: '{"version":"2.5.1"}' }),
            code: "VSS_FAILED",
            text: /not installed.*Something removed the components during the run/s,
            sends: [SCRIPT, VSS],
        });

        for (const vss of ["oneNotConsistent", "notConsistent"] as const) {
            both({
                title: `says that it succeeded, but ${vss}`,
                arrange: () => scene.ssm.setCourse({ vss }, { document: VSS }),
                code: "VSS_NOT_CONSISTENT",
                text: /snap-[\w, -]+ does not carry AppConsistent = True/,
                sends: ALL,
                keepsSet: true,
            });
            both({
                title: `says that it succeeded, with an image, but ${vss}`,
                arrange: () => scene.ssm.setCourse({ vss, tagsSnapshotsOfImage: true }, { document: VSS }),
                changes: { quiesce: { createImage: true } },
                code: "VSS_NOT_CONSISTENT",
                text: /snap-[\w, -]+ does not carry AppConsistent = True/,
                sends: ALL,
                keepsSet: true,
            });
        }

        both({
            title: "installs, and cannot",
            arrange: async () => {
                await scene.install("2.5.1");
                await scene.ssm.removeDocument(VSS);
                await scene.ssm.setCourse(
                    { outcome: "fail", errorOutput: "no way to the package service" },
                    { document: VSS_AND_INSTALL },
                );
                await scene.ssm.answerScripts(/AwsVss/, { output: '{"version":"2.4.0"}' });
            },
            code: "VSS_FAILED",
            text: /AWSEC2-VssInstallAndSnapshot did not succeed: Failed: .*no way to the package service/s,
            sends: [SCRIPT, VSS_AND_INSTALL],
        });

        it("has a writer that failed: without writers it succeeds, consistent as a file system", async () => {
            await scene.ssm.setCourse({ vss: "writerFailed" }, { document: VSS });
            const { consistencyLevel, evidence } = stateOf(
                await scene.create({ quiesce: { noWriters: true } }),
            );
            assert.equal(consistencyLevel, "filesystem");
            assert.isTrue(evidence.held);
        });

        it("is not known everywhere at once: waited for", async () => {
            await scene.ssm.setCourse({ invisibleMs: 700 });
            assert.equal(stateOf(await scene.create()).consistencyLevel, "application");
        });

        both({
            title: "is not known for ever",
            arrange: () => scene.ssm.setCourse({ invisibleMs: 60_000, outcome: "fail" }, { document: VSS }),
            code: "VSS_FAILED",
            text: /could not be found out how AWSEC2-CreateVssSnapshot .* ended: .*InvocationDoesNotExist/,
            sends: ALL,
            mayRun: true,
        });

        it("has snapshots that are seen later: waited for", async () => {
            await scene.cloud.configureSnapshots({ invisibleMs: 400 }, scene.instanceId);
            assert.equal(stateOf(await scene.create()).consistencyLevel, "application");
        });

        it("failed, and its snapshots are seen later: they go all the same", async () => {
            await scene.cloud.configureSnapshots({ invisibleMs: 300 }, scene.instanceId);
            await scene.ssm.setCourse({ vss: "thawFailed" }, { document: VSS });
            assert.match(plainError(await scene.create()).message, /^VSS_FAILED .*no snapshot was kept/s);
        });

        it("snapshots a volume that was attached meanwhile: all of it goes", async () => {
            const gate = await scene.cloud.gate("DescribeInstanceAttribute");
            const running = scene.create();
            await gate.reached();
            const { volumeId } = await scene.cloud.attachVolume(scene.instanceId);
            await gate.release();
            assert.match(plainError(await running).message, /^VOLUMES_CHANGED .*no snapshot was kept/);
            assert.isEmpty((await scene.cloud.snapshots()).filter((one) => one.volumeId === volumeId));
        });

        it("with an image fails after it has made it: the image goes with its snapshots", async () => {
            await scene.ssm.setCourse({ vss: "thawFailed" }, { document: VSS });
            const outcome = await scene.create({ quiesce: { createImage: true } });
            assert.match(plainError(outcome).message, /^VSS_FAILED .*no snapshot was kept/s);
            assert.isNotEmpty(outcome.calls.filter(({ operation }) => operation === "DeregisterImage"));
        });

        it("with an image fails after it has made it, and EC2 lets go of its snapshots later", async () => {
            await scene.ssm.setCourse({ vss: "thawFailed" }, { document: VSS });
            await scene.cloud.letImagesLinger({ holdsMs: 1_500, seenMs: 1_500 });
            const outcome = await scene.create({ quiesce: { createImage: true } });
            assert.match(plainError(outcome).message, /^VSS_FAILED .*no snapshot was kept/s);
        });

        it("with an image alone that it tags as not consistent: no snapshot is", async () => {
            await scene.ssm.setCourse({ vss: "notConsistent" }, { document: VSS });
            const { message } = plainError(await scene.create({ quiesce: { createImage: true } }));
            assert.match(message, /^VSS_NOT_CONSISTENT .*(snap-\w+, ){2}snap-\w+ does not carry/);
        });

        it("with an image: its snapshots are let go later than the image", async () => {
            const first = await scene.create({ quiesce: { createImage: true } });
            await scene.cloud.letImagesLinger({ holdsMs: 1_500, seenMs: 1_500 });
            assert.isUndefined((await scene.remove(first)).error);
        });

        it("with an image that is not consistent: kept where that will do, image and all", async () => {
            await scene.ssm.setCourse({ vss: "notConsistent" }, { document: VSS });
            const outcome = await scene.create({ quiesce: { createImage: true }, minimumLevel: "crash" });
            const { imageId, consistencyLevel } = stateOf(outcome);
            assert.equal(consistencyLevel, "crash");
            assert.match(imageId ?? "", /^ami-/);
        });

        it("failed and left snapshots that cannot be deleted, because the error says so", async () => {
            await scene.ssm.setCourse({ vss: "thawFailed" }, { document: VSS });
            await scene.cloud.deny("DeleteSnapshot");
            const outcome = await scene.create();
            assert.match(
                plainError(outcome).message,
                /^VSS_FAILED .*next run deletes what could not be undone now \(delete the snapshots: .*ec2:DeleteSnapshot/s,
            );
            const left = await scene.cloud.snapshots(scene.instance);
            assert.isTrue(left.every(({ tags }) => tags["app-consistent-snapshot:state"] === "in-progress"));
            await scene.cloud.deleteSnapshots(left.map(({ snapshotId }) => snapshotId));
        });
    });

    describe("requests to AWS", () => {
        const succeed = async (outcome: Promise<VssOutcome> = scene.create()) =>
            assert.equal(stateOf(await outcome).consistencyLevel, "application");
        const operationsOf = async (): Promise<string[]> => {
            const { calls } = await scene.create({ quiesce: { createImage: true } });
            await scene.reset();
            const own = calls.filter(({ byInstance, dryRun }) => !byInstance && !dryRun);
            return [...new Set(own.map(({ operation }) => operation))];
        };
        const SSM = ["DescribeInstanceInformation", "SendCommand", "GetCommandInvocation", "ListCommands"];

        it("are throttled, each of them: tried again", async () => {
            const operations = await operationsOf();
            assert.includeMembers(operations, SSM);
            for (const operation of operations) {
                const code = SSM.includes(operation) ? "ThrottlingException" : "RequestLimitExceeded";
                const status = SSM.includes(operation) ? 400 : 503;
                const match = { times: 2, accessKeyId: scene.cloud.accessKeyId };
                await scene.cloud.fault(operation, { kind: "error", code, status }, match);
                await succeed(scene.create({ quiesce: { createImage: true } }));
                await scene.afterEach();
            }
        });

        it("are throttled for long: only the sending is given up, and quiescing with it", async () => {
            const fault = { kind: "error", code: "ThrottlingException", status: 400 } as const;
            await scene.cloud.fault("SendCommand", fault, { times: null });
            assert.match(
                plainError(await scene.create()).message,
                /^PRECONDITION_FAILED .*ThrottlingException/,
            );
        });

        for (const operation of SSM) {
            it(`are not allowed: ${operation} is named, whatever the level`, async () => {
                await scene.cloud.deny(operation);
                for (const minimumLevel of ["application", "crash"] as const) {
                    const outcome = await scene.create({ minimumLevel });
                    assert.match(
                        plainError(outcome).message,
                        new RegExp(`^ACCESS_DENIED .*ssm:${operation}.*no snapshot was kept`),
                    );
                    assert.notInclude(sent(outcome), "Install");
                }
            });
        }

        it("to send a command are cut, each in turn: the command is found by its comment, and none sent twice", async () => {
            for (const skip of [0, 1, 2, 3]) {
                for (const fault of [
                    { kind: "cut", phase: "after" },
                    { kind: "error", phase: "after", code: "InternalServerError", status: 500 },
                ] as const) {
                    await scene.cloud.fault("SendCommand", fault, { skip });
                    const outcome = await scene.create();
                    assert.equal(stateOf(outcome).consistencyLevel, "application");
                    assert.deepEqual(sent(outcome), ALL);
                    await scene.afterEach();
                }
            }
        });

        for (const minimumLevel of ["application", "crash"] as const) {
            it(`to send the document are cut before they arrive: looked for, an error, level ${minimumLevel}`, async () => {
                await scene.cloud.fault("SendCommand", { kind: "cut", phase: "before" }, { skip: 2 });
                const outcome = await scene.create({ minimumLevel });
                assert.match(
                    plainError(outcome).message,
                    /^SNAPSHOT_OUTCOME_UNKNOWN .*It is not known whether AWSEC2-CreateVssSnapshot was started.*no snapshot was kept/,
                );
                assert.deepEqual(sent(outcome), [SCRIPT, "Install", "Uninstall"]);
            });

            for (const [how, course] of [
                ["it has ended by then", {}],
                ["it is cancelled then", { stepMs: 60_000 }],
                ["it hangs, with its snapshots made", { vss: "hangsAfterSnapshots" }],
            ] as const) {
                it(`to send the document are cut, and it is seen late; ${how}; level ${minimumLevel}`, async () => {
                    await scene.cloud.fault("SendCommand", { kind: "cut", phase: "after" }, { skip: 2 });
                    const invisibleMs = timing.commandVisibleMs + 1_000;
                    await scene.ssm.setCourse({ invisibleMs, ...course }, { document: VSS });
                    const outcome = await scene.create({ minimumLevel });
                    assert.match(
                        plainError(outcome).message,
                        /^SNAPSHOT_OUTCOME_UNKNOWN .*not known whether .* was started.*the instance is awake; no snapshot was kept/,
                    );
                    assert.deepEqual(sent(outcome), ALL);
                    const document = outcome.commands.find((command) => command.document === VSS);
                    assert.equal(
                        document?.status,
                        "stepMs" in course || "vss" in course ? "Cancelled" : "Success",
                    );
                });
            }
        }

        it("to send the document are carried out twice: one set, or none", async () => {
            await scene.cloud.fault("SendCommand", { kind: "actTwice" }, { skip: 2 });
            const outcome = await scene.create();
            assert.deepEqual(sent(outcome), [SCRIPT, "Install", VSS, VSS, "Uninstall"]);
            // VSS makes one shadow copy set at a time: whichever comes second fails, if the first is still at it.
            if (outcome.state === undefined) {
                const { message } = plainError(outcome);
                assert.match(message, /^(VSS_FAILED|DUPLICATE_SNAPSHOTS) .*no snapshot was kept/s);
            } else {
                assert.equal(outcome.state.consistencyLevel, "application");
                assert.lengthOf(outcome.state.snapshotIds, 3);
            }
        });

        it("to look at the command fail for a while: it goes on", async () => {
            const fault = { kind: "error", code: "InternalServerError", status: 500 } as const;
            await scene.cloud.fault("GetCommandInvocation", fault, { times: 9, skip: 4 });
            await succeed();
        });

        it("to cancel a command that does not end fail: nothing changes", async () => {
            await scene.cloud.deny("CancelCommand");
            await scene.ssm.setCourse({ outcome: "hang", executionTimeoutMs: 2_500 }, { document: VSS });
            const outcome = await scene.create({ timeouts: { command: 1 } });
            assert.match(plainError(outcome).message, /^VSS_TIMEOUT /);
        });
    });
});
