import {
    CreateSnapshotsCommand,
    DeleteSnapshotCommand,
    DeregisterImageCommand,
    DescribeImagesCommand,
    EC2Client,
} from "@aws-sdk/client-ec2";
import {
    CancelCommandCommand,
    DescribeInstanceInformationCommand,
    GetCommandInvocationCommand,
    ListCommandInvocationsCommand,
    ListCommandsCommand,
    SendCommandCommand,
    SSMClient,
    type CommandFilter,
    type SendCommandCommandInput,
} from "@aws-sdk/client-ssm";
import { expect } from "chai";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import {
    type CloudInstance,
    type InstanceSpec,
    type LocalCloud,
    startLocalCloud,
} from "../../../lab/cloud/localCloud";
import {
    type CloudCommand,
    type ManagedSpec,
    LocalSystemsManager,
    type VssFailure,
} from "../../../lab/cloud/localSystemsManager";

const INSTALL_AND_SNAPSHOT = "AWSEC2-VssInstallAndSnapshot";
const SNAPSHOT = "AWSEC2-CreateVssSnapshot";
const PACKAGE = "AWS-ConfigureAWSPackage";
const SCRIPT = "AWS-RunPowerShellScript";
const POLICY = [
    "ec2:DescribeInstanceAttribute",
    "ec2:CreateSnapshots",
    "ec2:CreateImage",
    "ec2:CreateTags",
    "ec2:DescribeImages",
    "ec2:DescribeSnapshots",
];

async function failure(promise: Promise<unknown>): Promise<Error> {
    try {
        await promise;
    } catch (error) {
        return error as Error;
    }
    throw new Error("it succeeded");
}

describe("Systems Manager of the local cloud", () => {
    let cloud: LocalCloud;
    let manager: LocalSystemsManager;
    let ssm: SSMClient;
    let ec2: EC2Client;

    before(async () => {
        cloud = await startLocalCloud();
        manager = new LocalSystemsManager(cloud);
        // One request is to be one request.
        ssm = new SSMClient({ ...cloud.clientConfig(), maxAttempts: 1 });
        ec2 = new EC2Client({ ...cloud.clientConfig(), maxAttempts: 1 });
    });

    beforeEach(() => cloud.clearCalls());

    afterEach(async function () {
        await cloud.reset();
        if (this.currentTest?.state === "failed") {
            process.stderr.write(cloud.stderr());
        }
    });

    after(async () => {
        ssm.destroy();
        ec2.destroy();
        await cloud.stop();
    });

    async function windows(spec: ManagedSpec = {}, instance: InstanceSpec = {}): Promise<CloudInstance> {
        const created = await cloud.createInstance({ platform: "windows", ...instance });
        await manager.manage(created.instanceId, spec);
        return created;
    }

    async function send(
        instance: CloudInstance,
        document: string,
        parameters: Record<string, string> = {},
        more: Partial<SendCommandCommandInput> = {},
    ): Promise<string> {
        const { Command } = await ssm.send(
            new SendCommandCommand({
                DocumentName: document,
                InstanceIds: [instance.instanceId],
                Parameters: Object.fromEntries(
                    Object.entries(parameters).map(([name, one]) => [name, [one]]),
                ),
                ...more,
            }),
        );
        expect([Command!.Status, Command!.StatusDetails]).to.deep.equal(["Pending", "Pending"]);
        return Command!.CommandId!;
    }

    async function run(
        instance: CloudInstance,
        document: string,
        parameters: Record<string, string> = {},
        more: Partial<SendCommandCommandInput> = {},
    ): Promise<CloudCommand> {
        return ended(await send(instance, document, parameters, more));
    }

    async function ended(commandId: string): Promise<CloudCommand> {
        await manager.reached({ commandId });
        return command(commandId);
    }

    async function command(commandId: string): Promise<CloudCommand> {
        return (await manager.commands()).find((one) => one.commandId === commandId)!;
    }

    function invocation(instance: CloudInstance, commandId: string, PluginName?: string) {
        return ssm.send(
            new GetCommandInvocationCommand({
                CommandId: commandId,
                InstanceId: instance.instanceId,
                ...(PluginName !== undefined && { PluginName }),
            }),
        );
    }

    const install = { action: "Install", name: "AwsVssComponents" };
    const uninstall = { action: "Uninstall", name: "AwsVssComponents" };
    const outcome = (one: CloudCommand) => [one.status, one.statusDetails];
    const stderr = (one: CloudCommand) => one.steps.map((step) => step.stderr).join("");
    const agentCalls = async () =>
        (await cloud.calls()).filter((call) => call.byInstance).map((call) => call.operation);

    describe("managed instances", () => {
        const information = async (ids: string[]) =>
            (
                await ssm.send(
                    new DescribeInstanceInformationCommand({
                        Filters: [{ Key: "InstanceIds", Values: ids }],
                    }),
                )
            ).InstanceInformationList!;

        it("are told with ping status, platform and agent version", async () => {
            const instance = await windows({ agentVersion: "3.0.1.0" });
            const other = await windows();
            const [one, ...more] = await information([instance.instanceId]);
            expect(more).to.deep.equal([]);
            expect(one).to.include({
                InstanceId: instance.instanceId,
                PingStatus: "Online",
                PlatformType: "Windows",
                AgentVersion: "3.0.1.0",
            });
            expect(one!.LastPingDateTime).to.be.a("date");
            expect(await information([instance.instanceId, other.instanceId])).to.have.length(2);
        });

        it("are not those on which no agent has ever reported", async () => {
            const instance = await cloud.createInstance({ platform: "windows" });
            expect(await information([instance.instanceId])).to.deep.equal([]);
            expect(await failure(send(instance, SCRIPT, { commands: "x" }))).to.include({
                name: "InvalidInstanceId",
                message: `Instances [[${instance.instanceId}]] not in a valid state for account 123456789012`,
            });
        });

        it("can be unmanaged again", async () => {
            const instance = await windows();
            await manager.unmanage(instance.instanceId);
            expect(await information([instance.instanceId])).to.deep.equal([]);
        });

        it("of Linux run a shell script, by the shell that they are given, and end it when it is cancelled", async () => {
            const marker = join(mkdtempSync(join(tmpdir(), "acs-shell-")), "pid");
            const instance = await windows({ platformType: "Linux", shell: ["sh", "-c"] });
            const run = async (commands: string) => {
                const commandId = await send(instance, "AWS-RunShellScript", { commands });
                return await manager.reached({ commandId });
            };
            const said = await run("echo out; echo err >&2");
            expect(said.steps[0]).to.include({ stdout: "out\n", stderr: "err\n", status: "Success" });
            expect((await run("exit 3")).status).to.equal("Failed");
            const commandId = await send(instance, "AWS-RunShellScript", {
                commands: `echo $$ >${marker}.new; mv ${marker}.new ${marker}; exec sleep 600`,
            });
            while (!existsSync(marker)) {
                await sleep(10);
            }
            await ssm.send(new CancelCommandCommand({ CommandId: commandId }));
            expect((await manager.reached({ commandId })).status).to.equal("Cancelled");
            expect(existsSync(`/proc/${readFileSync(marker, "utf8").trim()}`)).to.equal(false);
            rmSync(dirname(marker), { recursive: true });
        });

        it("lose their connection, and when they do not run", async () => {
            const lost = await windows({ pingStatus: "ConnectionLost" });
            const stopped = await windows();
            await cloud.setInstanceState(stopped.instanceId, "stopped");
            for (const instance of [lost, stopped]) {
                expect((await information([instance.instanceId]))[0]!.PingStatus).to.equal("ConnectionLost");
                const error = await failure(send(instance, SCRIPT, { commands: "x" }));
                expect(error.name).to.equal("InvalidInstanceId");
            }
        });

        it("refuse filters that there are not", async () => {
            await windows();
            const filters = { Filters: [{ Key: "Colour", Values: ["red"] }] };
            const error = await failure(ssm.send(new DescribeInstanceInformationCommand(filters)));
            expect(error.name).to.equal("InvalidFilterKey");
        });
    });

    describe("SendCommand refuses", () => {
        let instance: CloudInstance;

        before(async () => {
            instance = await windows({ components: "2.5.1" });
        });

        const cases: [
            what: string,
            document: string,
            parameters: Record<string, string>,
            more: Partial<SendCommandCommandInput>,
            code: string,
        ][] = [
            ["a document that there is not", "AWS-None", {}, {}, "InvalidDocument"],
            [
                "a version that there is not",
                SNAPSHOT,
                {},
                { DocumentVersion: "77" },
                "InvalidDocumentVersion",
            ],
            ["a parameter that there is not", SNAPSHOT, { VssVersion: "2.5.1" }, {}, "InvalidParameters"],
            ["a value that is not allowed", SNAPSHOT, { CopyOnly: "true" }, {}, "InvalidParameters"],
            ["a missing parameter", PACKAGE, { action: "Install" }, {}, "InvalidParameters"],
            ["characters in tags", SNAPSHOT, { tags: "Key=a,Value=b*" }, {}, "InvalidParameters"],
            [
                "a comment of 101 characters",
                SNAPSHOT,
                {},
                { Comment: "x".repeat(101) },
                "ValidationException",
            ],
            ["a delivery timeout below 30 s", SNAPSHOT, {}, { TimeoutSeconds: 29 }, "ValidationException"],
            ["no instances", SNAPSHOT, {}, { InstanceIds: [] }, "InvalidInstanceId"],
        ];
        for (const [what, document, parameters, more, code] of cases) {
            it(what, async () => {
                const before = (await manager.commands()).length;
                expect((await failure(send(instance, document, parameters, more))).name).to.equal(code);
                expect(await manager.commands()).to.have.length(before);
            });
        }

        it("a document that the region has not", async () => {
            await manager.removeDocument(INSTALL_AND_SNAPSHOT);
            expect((await failure(send(instance, INSTALL_AND_SNAPSHOT))).name).to.equal("InvalidDocument");
            expect(outcome(await run(instance, SNAPSHOT))).to.deep.equal(["Success", "Success"]);
        });

        it("a document of another platform", async () => {
            const linux = await windows({ platformType: "Linux" });
            expect((await failure(send(linux, SNAPSHOT))).name).to.equal("UnsupportedPlatformType");
        });
    });

    describe("commands", () => {
        it("go through their states, and print when they have ended", async () => {
            const instance = await windows();
            const gate = await manager.hold({ document: SCRIPT });
            const id = await send(instance, SCRIPT, { commands: "x AwsVssComponents" }, { Comment: "acs:1" });
            await gate.reached();
            expect(await invocation(instance, id)).to.include({
                Status: "InProgress",
                StatusDetails: "InProgress",
                StandardOutputContent: "",
                ResponseCode: -1,
            });
            await gate.release();
            await ended(id);
            const result = await invocation(instance, id);
            expect(result).to.include({
                Status: "Success",
                StatusDetails: "Success",
                PluginName: "runPowerShellScript",
                ResponseCode: 0,
                StandardOutputContent: '{"version":null}\n',
                Comment: "acs:1",
            });
            expect(result.ExecutionStartDateTime).to.match(/^\d{4}-\d\d-\d\dT.*Z$/);
        });

        it("are unknown at first where the service is not consistent yet", async () => {
            const instance = await windows();
            await manager.setCourse({ invisibleMs: 60_000 });
            const id = await send(instance, SCRIPT, { commands: "x" });
            expect((await failure(invocation(instance, id))).name).to.equal("InvocationDoesNotExist");
            const listed = await ssm.send(new ListCommandsCommand({ CommandId: id }));
            expect(listed.Commands).to.deep.equal([]);
            await manager.reached({ commandId: id });
        });

        it("have output that is cut off", async () => {
            const instance = await windows();
            await manager.answerScripts(/long/, {
                output: "x".repeat(30_000),
                errorOutput: "y".repeat(9_000),
            });
            const id = await send(instance, SCRIPT, { commands: "long" });
            await ended(id);
            const result = await invocation(instance, id);
            expect(result.StandardOutputContent).to.have.length(24_000);
            expect(result.StandardErrorContent).to.have.length(8_000);
            const { CommandInvocations } = await ssm.send(
                new ListCommandInvocationsCommand({ CommandId: id, Details: true }),
            );
            expect(CommandInvocations![0]!.CommandPlugins![0]!.Output).to.have.length(2_500);
        });

        it("are listed by instance, by name and by stage, the newest first", async () => {
            const instance = await windows();
            const first = await send(
                instance,
                SCRIPT,
                { commands: "AwsVssComponents" },
                { Comment: "acs:a" },
            );
            await ended(first);
            await manager.setCourse({ outcome: "hang" });
            const second = await send(instance, PACKAGE, install, { Comment: "acs:b" });
            const list = async (...Filters: CommandFilter[]) => {
                const input = { InstanceId: instance.instanceId, ...(Filters.length > 0 && { Filters }) };
                return (await ssm.send(new ListCommandsCommand(input))).Commands!.map((one) => one.CommandId);
            };
            expect(await list()).to.deep.equal([second, first]);
            expect(await list({ key: "DocumentName", value: PACKAGE })).to.deep.equal([second]);
            expect(await list({ key: "ExecutionStage", value: "Executing" })).to.deep.equal([second]);
            expect(await list({ key: "ExecutionStage", value: "Complete" })).to.deep.equal([first]);
            expect(await list({ key: "Status", value: "Success" })).to.deep.equal([first]);
            expect(await list({ key: "InvokedAfter", value: "2999-01-01T00:00:00Z" })).to.deep.equal([]);
            const { Commands } = await ssm.send(new ListCommandsCommand({ CommandId: second }));
            expect(Commands![0]).to.deep.include({
                Comment: "acs:b",
                Parameters: { action: ["Install"], name: ["AwsVssComponents"] },
            });
        });

        it("come in pages", async () => {
            const instance = await windows();
            for (let number = 0; number < 3; number++) {
                await run(instance, SCRIPT, { commands: "AwsVssComponents" });
            }
            const InstanceId = instance.instanceId;
            const first = await ssm.send(new ListCommandsCommand({ InstanceId, MaxResults: 2 }));
            expect(first.Commands).to.have.length(2);
            const rest = await ssm.send(
                new ListCommandsCommand({ InstanceId, MaxResults: 2, NextToken: first.NextToken! }),
            );
            expect(rest.Commands).to.have.length(1);
            expect(rest.NextToken).to.equal(undefined);
        });

        it("of several steps tell each by its name", async () => {
            const instance = await windows();
            const id = await send(instance, INSTALL_AND_SNAPSHOT);
            await ended(id);
            expect(await invocation(instance, id)).to.include({
                Status: "Success",
                PluginName: "",
                StandardOutputContent: "",
            });
            const step = await invocation(instance, id, "CreateVssSnapshot");
            expect(step.StandardOutputContent).to.match(/^Snapshot snap-/);
            expect((await failure(invocation(instance, id, "none"))).name).to.equal("InvalidPluginName");
        });

        const deliveries: [
            course: Parameters<LocalSystemsManager["setCourse"]>[0],
            status: string,
            details: string,
        ][] = [
            [{ delivery: "delayed", deliveryTimeoutMs: 100 }, "TimedOut", "DeliveryTimedOut"],
            [{ delivery: "undeliverable" }, "Failed", "Undeliverable"],
            [{ delivery: "terminated" }, "Failed", "Terminated"],
            [{ outcome: "hang", executionTimeoutMs: 100 }, "TimedOut", "ExecutionTimedOut"],
            [{ outcome: "fail" }, "Failed", "Failed"],
            [{ delivery: "delayed", delayMs: 50 }, "Success", "Success"],
        ];
        for (const [course, status, details] of deliveries) {
            it(`end as ${details} with ${JSON.stringify(course)}`, async () => {
                const instance = await windows();
                await manager.setCourse(course);
                const id = await send(instance, SCRIPT, { commands: "AwsVssComponents" });
                await ended(id);
                const result = await invocation(instance, id);
                expect([result.Status, result.StatusDetails]).to.deep.equal([status, details]);
                const { Commands } = await ssm.send(new ListCommandsCommand({ CommandId: id }));
                expect(Commands![0]).to.include({ Status: status, StatusDetails: details });
            });
        }

        it("stay Pending for ever, until they are cancelled", async () => {
            const instance = await windows();
            await manager.setCourse({ delivery: "never", deliveryTimeoutMs: 1 });
            const id = await send(instance, SCRIPT, { commands: "x" });
            expect(await invocation(instance, id)).to.include({
                Status: "Pending",
                StatusDetails: "Pending",
            });
            await ssm.send(new CancelCommandCommand({ CommandId: id }));
            expect(outcome(await ended(id))).to.deep.equal(["Cancelled", "Cancelled"]);
        });

        it("are Delayed while the agent is away, and go on when it is back", async () => {
            const instance = await windows({ pingStatus: "ConnectionLost", refusesWhenUnreachable: false });
            const id = await send(instance, SCRIPT, { commands: "AwsVssComponents" });
            await manager.reached({ commandId: id }, { statuses: ["Delayed"] });
            await manager.manage(instance.instanceId, { pingStatus: "Online" });
            expect(outcome(await ended(id))).to.deep.equal(["Success", "Success"]);
        });

        it("meet a course so many times", async () => {
            const instance = await windows();
            await manager.setCourse({ outcome: "fail" }, { document: SCRIPT, times: 1, skip: 1 });
            const statuses = [];
            for (let number = 0; number < 3; number++) {
                statuses.push((await run(instance, SCRIPT, { commands: "AwsVssComponents" })).status);
            }
            expect(statuses).to.deep.equal(["Success", "Failed", "Success"]);
        });
    });

    describe("CancelCommand", () => {
        it("ends what hangs", async () => {
            const instance = await windows();
            await manager.setCourse({ outcome: "hang" });
            const id = await send(instance, SCRIPT, { commands: "x" });
            await manager.reached({ commandId: id }, { statuses: ["InProgress"] });
            await ssm.send(new CancelCommandCommand({ CommandId: id }));
            expect(outcome(await ended(id))).to.deep.equal(["Cancelled", "Cancelled"]);
        });

        it("may do nothing", async () => {
            const instance = await windows({ components: "2.5.1" });
            await manager.setCourse({ ignoresCancel: true });
            const gate = await cloud.gate("CreateSnapshots");
            const id = await send(instance, SNAPSHOT);
            await gate.reached();
            await ssm.send(new CancelCommandCommand({ CommandId: id }));
            expect((await invocation(instance, id)).Status).to.equal("Cancelling");
            await gate.release();
            expect(outcome(await ended(id))).to.deep.equal(["Success", "Success"]);
        });

        it("does not interrupt an installation", async () => {
            const instance = await windows();
            const gate = await manager.hold({ document: PACKAGE });
            const id = await send(instance, PACKAGE, install);
            await gate.reached();
            await ssm.send(new CancelCommandCommand({ CommandId: id }));
            await gate.release();
            expect((await ended(id)).status).to.equal("Success");
            expect((await manager.managed(instance.instanceId)).componentsVersion).to.equal("2.5.1");
        });

        it("after an installation ends the document before it snapshots", async () => {
            const instance = await windows();
            const gate = await manager.hold({ document: INSTALL_AND_SNAPSHOT });
            const id = await send(instance, INSTALL_AND_SNAPSHOT);
            await gate.reached();
            await ssm.send(new CancelCommandCommand({ CommandId: id }));
            await gate.release();
            const { status, steps } = await ended(id);
            expect(status).to.equal("Cancelled");
            expect(steps.map((step) => step.status)).to.deep.equal(["Success", "Cancelled"]);
            expect(await cloud.snapshots(instance)).to.deep.equal([]);
        });

        it("leaves snapshots without AppConsistent once they have been asked for", async () => {
            const instance = await windows({ components: "2.5.1" });
            const gate = await cloud.gate("CreateSnapshots", { phase: "after" });
            const id = await send(instance, SNAPSHOT, { tags: "Key=a,Value=b" });
            await gate.reached();
            expect((await manager.managed(instance.instanceId)).frozen).to.equal(true);
            await ssm.send(new CancelCommandCommand({ CommandId: id }));
            expect((await ended(id)).status).to.equal("Cancelled");
            expect((await manager.managed(instance.instanceId)).frozen).to.equal(false);
            await gate.release();
            const snapshots = await cloud.snapshots(instance);
            expect(snapshots).to.have.length(3);
            for (const { tags } of snapshots) {
                expect(tags).to.have.all.keys("a", "AwsVssConfig");
            }
        });

        it("knows what it does not know, and leaves alone what has ended", async () => {
            const instance = await windows();
            const { commandId } = await run(instance, SCRIPT, { commands: "AwsVssComponents" });
            await ssm.send(new CancelCommandCommand({ CommandId: commandId }));
            expect((await command(commandId)).status).to.equal("Success");
            const unknown = new CancelCommandCommand({ CommandId: "00000000-0000-0000-0000-000000000000" });
            expect((await failure(ssm.send(unknown))).name).to.equal("InvalidCommandId");
        });
    });

    describe("AWS-ConfigureAWSPackage", () => {
        const version = async (instance: CloudInstance) =>
            (await manager.managed(instance.instanceId)).componentsVersion;

        it("installs the default, a version, another version, and removes it", async () => {
            const instance = await windows();
            const first = await run(instance, PACKAGE, install);
            expect(first.steps[0]!.stdout).to.include("Successfully installed AwsVssComponents 2.5.1");
            expect(await version(instance)).to.equal("2.5.1");
            const again = await run(instance, PACKAGE, install);
            expect(again.steps[0]!.stdout).to.equal("AwsVssComponents 2.5.1 is already installed\n");
            await run(instance, PACKAGE, { ...install, version: "2.4.0" });
            expect(await version(instance)).to.equal("2.4.0");
            await run(instance, PACKAGE, uninstall);
            expect(await version(instance)).to.equal(null);
        });

        it("succeeds in removing what is not there, or not in this version", async () => {
            const instance = await windows();
            expect((await run(instance, PACKAGE, uninstall)).status).to.equal("Success");
            await manager.manage(instance.instanceId, { components: "2.4.0" });
            expect((await run(instance, PACKAGE, { ...uninstall, version: "2.5.1" })).status).to.equal(
                "Success",
            );
            expect(await version(instance)).to.equal("2.4.0");
        });

        it("leaves the provider registered with versions before 2.3.2", async () => {
            for (const [components, left] of [
                ["2.3.1", true],
                ["2.3.2", false],
            ] as const) {
                const instance = await windows({ components });
                await run(instance, PACKAGE, uninstall);
                expect(await manager.managed(instance.instanceId)).to.include({
                    componentsVersion: null,
                    providerRegistered: left,
                });
            }
        });

        it("fails for packages and versions that there are not", async () => {
            const instance = await windows();
            for (const wrong of [{ name: "None" }, { version: "9.9.9" }]) {
                const result = await run(instance, PACKAGE, { ...install, ...wrong });
                expect(result.status).to.equal("Failed");
                expect(stderr(result)).to.include("failed to download manifest");
            }
        });

        it("is refused while another action has the lock", async () => {
            const instance = await windows();
            const gate = await manager.hold({ document: PACKAGE, times: 1 });
            const first = await send(instance, PACKAGE, install);
            await gate.reached();
            const second = await run(instance, PACKAGE, uninstall);
            expect(second.status).to.equal("Failed");
            expect(stderr(second)).to.equal(
                'Package "AwsVssComponents" is already in the process of action "Install"\n',
            );
            await gate.release();
            await ended(first);
            expect((await run(instance, PACKAGE, uninstall)).status).to.equal("Success");
        });

        it("is refused while somebody else has the lock", async () => {
            const instance = await windows();
            await manager.lockPackage(instance.instanceId, "other");
            expect(stderr(await run(instance, PACKAGE, install))).to.include(
                "in the process of other action",
            );
            await manager.unlockPackage(instance.instanceId);
            expect((await run(instance, PACKAGE, install)).status).to.equal("Success");
        });

        it("fails, and hangs", async () => {
            const instance = await windows();
            await manager.setCourse({ outcome: "fail" }, { parameters: { action: "Install" }, times: 1 });
            expect(stderr(await run(instance, PACKAGE, install))).to.include("install status Failed");
            expect(await version(instance)).to.equal(null);
            await manager.setCourse({ outcome: "hang", executionTimeoutMs: 50 }, { times: 1 });
            expect((await run(instance, PACKAGE, install)).statusDetails).to.equal("ExecutionTimedOut");
            expect(await version(instance)).to.equal(null);
        });
    });

    describe("VSS documents", () => {
        it("snapshot all volumes at one instant, tagged, with the role of the instance", async () => {
            const instance = await windows();
            const tags = "Key=app-consistent-snapshot:execution,Value=acs-1;Key=Name,Value=a (b) c/d";
            const result = await run(instance, INSTALL_AND_SNAPSHOT, { tags, description: "nightly" });
            expect(outcome(result)).to.deep.equal(["Success", "Success"]);
            expect((await manager.managed(instance.instanceId)).componentsVersion).to.equal("2.5.1");
            const snapshots = await cloud.snapshots(instance);
            expect(snapshots.map((one) => one.volumeId)).to.have.members(instance.volumeIds);
            expect(new Set(snapshots.map((one) => one.startTime)).size).to.equal(1);
            const devices = Object.entries(instance.devices);
            for (const one of snapshots) {
                expect(one.description).to.equal("nightly");
                expect(one.tags).to.include({
                    "app-consistent-snapshot:execution": "acs-1",
                    Name: "a (b) c/d",
                    AppConsistent: "True",
                    Device: devices.find(([, volume]) => volume === one.volumeId)![0],
                });
                expect(one.tags["AwsVssConfig"]).to.include("2.5.1");
            }
            expect(await agentCalls()).to.deep.equal([
                "DescribeInstanceAttribute",
                "CreateSnapshots",
                "DescribeSnapshots",
                "CreateTags",
                "CreateTags",
                "CreateTags",
            ]);
            for (const call of (await cloud.calls()).filter((one) => one.byInstance)) {
                for (const action of call.actions) {
                    expect(POLICY).to.include(action);
                }
            }
        });

        it("exclude the boot volume", async () => {
            const instance = await windows({ components: "2.5.1" });
            await run(instance, SNAPSHOT, { ExcludeBootVolume: "True" });
            const volumes = (await cloud.snapshots(instance)).map((one) => one.volumeId);
            expect(volumes).to.have.members(instance.volumeIds.slice(1));
        });

        it("install the version that is wanted", async () => {
            const instance = await windows({ components: "2.5.1" });
            await run(instance, INSTALL_AND_SNAPSHOT, { VssVersion: "2.3.3" });
            expect((await manager.managed(instance.instanceId)).componentsVersion).to.equal("2.3.3");
            expect((await cloud.snapshots(instance))[0]!.tags["AwsVssConfig"]).to.include("2.3.3");
        });

        it("tag the snapshots behind an image too, on demand", async () => {
            const instance = await windows({ components: "2.5.1" });
            await manager.setCourse({ tagsSnapshotsOfImage: true });
            await run(instance, SNAPSHOT, { CreateAmi: "True", AmiName: "image-2", tags: "Key=a,Value=b" });
            for (const { tags } of await cloud.snapshots(instance)) {
                expect(tags).to.include({ a: "b", AppConsistent: "True" });
            }
        });

        it("make an image, pending at first, that holds its snapshots", async () => {
            const instance = await windows({ components: "2.5.1" });
            await cloud.configureSnapshots({ durationMs: 60_000 }, instance.instanceId);
            const parameters = { CreateAmi: "True", AmiName: "image-1", tags: "Key=a,Value=b" };
            expect((await run(instance, SNAPSHOT, parameters)).status).to.equal("Success");
            const snapshots = await cloud.snapshots(instance);
            for (const one of snapshots) {
                expect(one.tags).to.deep.equal({});
            }
            const describe = async () =>
                (await ec2.send(new DescribeImagesCommand({ Owners: ["self"] }))).Images!.find(
                    (one) => one.Name === "image-1",
                )!;
            const image = await describe();
            expect(image).to.include({ State: "pending", Platform: "windows" });
            expect(image.Tags!.map((tag) => tag.Key)).to.have.members(["a", "AwsVssConfig", "AppConsistent"]);
            const behind = image.BlockDeviceMappings!.map((device) => device.Ebs!.SnapshotId!);
            expect(behind).to.have.members(snapshots.map((one) => one.snapshotId));
            await cloud.completeSnapshots(behind);
            expect((await describe()).State).to.equal("available");
            for (const call of (await cloud.calls()).filter((one) => one.byInstance)) {
                for (const action of call.actions) {
                    expect(POLICY).to.include(action);
                }
            }
            const twice = await run(instance, SNAPSHOT, parameters);
            expect(stderr(twice)).to.include("InvalidAMIName.Duplicate");
            const remove = new DeleteSnapshotCommand({ SnapshotId: behind[0]! });
            expect((await failure(ec2.send(remove))).name).to.equal("InvalidSnapshot.InUse");
            await ec2.send(new DeregisterImageCommand({ ImageId: image.ImageId! }));
            await ec2.send(remove);
        });

        const refusals: [
            what: string,
            parameters: Record<string, string>,
            spec: ManagedSpec,
            message: RegExp,
        ][] = [
            ["reserved tags", { tags: "Key=Device,Value=x" }, { components: "2.5.1" }, /Device is reserved/],
            [
                "an image without its boot volume",
                { CreateAmi: "True", AmiName: "x", ExcludeBootVolume: "True" },
                { components: "2.5.1" },
                /ExcludeBootVolume/,
            ],
            ["missing components", {}, {}, /ec2-vss-agent\.exe/],
            ["metadata with old components", { SaveVssMetadata: "True" }, { components: "2.3.3" }, /2\.4\.0/],
        ];
        for (const [what, parameters, spec, message] of refusals) {
            it(`fail for ${what}, with nothing done`, async () => {
                const instance = await windows(spec);
                const result = await run(instance, SNAPSHOT, parameters);
                expect(result.status).to.equal("Failed");
                expect(stderr(result)).to.match(message);
                expect(await cloud.snapshots(instance)).to.deep.equal([]);
                expect(await agentCalls()).to.deep.equal([]);
            });
        }

        it("fail on instances that are too small", async () => {
            const instance = await windows({ components: "2.5.1" }, { instanceType: "t3.micro" });
            expect(stderr(await run(instance, SNAPSHOT))).to.include("timeout waiting for VSS Freeze");
        });

        const failures: [
            failure: VssFailure,
            message: RegExp | null,
            appConsistent: (string | undefined)[],
        ][] = [
            ["freezeTimedOut", /timeout waiting for VSS Freeze/, []],
            ["writerFailed", /writer 'SqlServerWriter' failed/, []],
            ["languageMode", /Cannot invoke method\. Method invocation is supported only on core types/, []],
            ["endpointUnreachable", /could not be resolved: 'ec2\.us-east-1\.amazonaws\.com'/, []],
            ["thawPipeTimedOut", /Thaw pipe connection timed out/, [undefined, undefined, undefined]],
            ["thawFailed", /error on thaw/, [undefined, undefined, undefined]],
            ["taggingFailed", /Failed to tag/, [undefined, undefined, undefined]],
            ["halfOfVolumes", null, ["True", "True"]],
            ["oneNotConsistent", null, ["True", "True", undefined]],
            ["notConsistent", null, ["False", "False", "False"]],
        ];
        for (const [vss, message, appConsistent] of failures) {
            it(`go wrong on demand: ${vss}`, async () => {
                const instance = await windows({ components: "2.5.1" });
                await manager.setCourse({ vss });
                const result = await run(instance, SNAPSHOT);
                expect(result.status).to.equal(message === null ? "Success" : "Failed");
                if (message !== null) {
                    expect(stderr(result)).to.match(message);
                }
                const snapshots = await cloud.snapshots(instance);
                expect(snapshots.map((one) => one.tags["AppConsistent"])).to.deep.equal(appConsistent);
                for (const one of snapshots) {
                    expect(one.tags).to.include.keys("AwsVssConfig");
                }
            });
        }

        it("do not ask writers when they are told not to", async () => {
            const instance = await windows({ components: "2.5.1" });
            await manager.setCourse({ vss: "writerFailed" });
            expect((await run(instance, SNAPSHOT, { NoWriters: "True" })).status).to.equal("Success");
        });

        it("hang with snapshots made, until their execution times out", async () => {
            const instance = await windows({ components: "2.5.1" });
            await manager.setCourse({ vss: "hangsAfterSnapshots", executionTimeoutMs: 4_000 });
            expect(outcome(await run(instance, SNAPSHOT))).to.deep.equal(["TimedOut", "ExecutionTimedOut"]);
            expect(await cloud.snapshots(instance)).to.have.length(3);
        });

        it("give up when EC2 does not answer within the freeze window, though EC2 acts later", async () => {
            const instance = await windows({ components: "2.5.1" });
            await manager.setCourse({ freezeWindowMs: 100 });
            const gate = await cloud.gate("CreateSnapshots");
            const acted = await cloud.fault("CreateSnapshots", { kind: "delay", phase: "after", ms: 0 });
            const result = await run(instance, SNAPSHOT);
            expect(stderr(result)).to.include("Thaw pipe connection timed out");
            expect((await manager.managed(instance.instanceId)).frozen).to.equal(false);
            expect(await cloud.snapshots(instance)).to.deep.equal([]);
            await gate.release();
            await acted.reached();
            expect(await cloud.snapshots(instance)).to.have.length(3);
        });

        const permissions: [missing: string, left: number][] = [
            ["ec2:DescribeInstanceAttribute", 0],
            ["ec2:CreateSnapshots", 0],
            ["ec2:CreateTags", 0],
            ["ec2:DescribeSnapshots", 3],
        ];
        for (const [missing, left] of permissions) {
            it(`fail without ${missing}, whatever the caller may`, async () => {
                const instance = await windows({ components: "2.5.1" });
                await manager.allowInstance(
                    instance.instanceId,
                    POLICY.filter((action) => action !== missing),
                );
                const result = await run(instance, SNAPSHOT);
                expect(result.status).to.equal("Failed");
                expect(stderr(result)).to.match(
                    new RegExp(`^UnauthorizedOperation: .*not authorized to perform: ${missing}`),
                );
                expect(await cloud.snapshots(instance)).to.have.length(left);
            });
        }

        it("fail when EC2 refuses the agent, and not when it refuses the caller", async () => {
            const instance = await windows({ components: "2.5.1" });
            const { roleAccessKeyId } = await manager.managed(instance.instanceId);
            await cloud.fault(
                "CreateTags",
                { kind: "error", code: "RequestLimitExceeded", status: 503 },
                { accessKeyId: roleAccessKeyId, skip: 1 },
            );
            expect(stderr(await run(instance, SNAPSHOT))).to.match(/^RequestLimitExceeded: /);
            const tagged = (await cloud.snapshots(instance)).map((one) => one.tags["AppConsistent"]);
            expect(tagged).to.deep.equal(["True", undefined, undefined]);
            await cloud.allowOnly(["ssm:SendCommand"]);
            expect((await run(instance, SNAPSHOT)).status).to.equal("Success");
        });

        it("do not run twice at a time, nor without the components that another run removes", async () => {
            const instance = await windows({ components: "2.5.1" });
            const gate = await cloud.gate("CreateSnapshots");
            const first = await send(instance, SNAPSHOT);
            await gate.reached();
            expect(stderr(await run(instance, SNAPSHOT))).to.include("shadow copy is already in progress");
            await run(instance, PACKAGE, uninstall);
            await gate.release();
            expect(stderr(await ended(first))).to.include("ec2-vss-agent.exe was not found");
        });

        it("leave the volumes' limits to EC2", async () => {
            const instance = await windows({ components: "2.5.1" });
            await cloud.setSnapshotLimits({ volumeIntervalMs: 60_000 });
            await ec2.send(
                new CreateSnapshotsCommand({ InstanceSpecification: { InstanceId: instance.instanceId } }),
            );
            expect(stderr(await run(instance, SNAPSHOT))).to.include("SnapshotCreationPerVolumeRateExceeded");
        });
    });

    describe("scripts", () => {
        it("are answered as told, with the state of the components", async () => {
            const instance = await windows({ components: "2.3.1" });
            await manager.answerScripts(/registry/, {
                output: "${version} ${providerRegistered}",
                errorOutput: "no",
                exitCode: 3,
            });
            const id = await send(instance, SCRIPT, {}, { Parameters: { commands: ["one", "registry"] } });
            await ended(id);
            expect(await invocation(instance, id)).to.include({
                Status: "Failed",
                ResponseCode: 3,
                StandardOutputContent: '"2.3.1" true\n',
                StandardErrorContent: "no\n",
            });
        });

        it("are not guessed", async () => {
            const instance = await windows();
            const result = await run(instance, SCRIPT, { commands: "Get-Date" });
            expect(stderr(result)).to.include("no responder");
        });
    });

    describe("faults", () => {
        it("are those of all services", async () => {
            const instance = await windows();
            const error = { kind: "error", code: "InternalServerError", status: 500 } as const;
            await cloud.fault("SendCommand", { ...error, phase: "after" });
            const refused = await failure(send(instance, SCRIPT, { commands: "AwsVssComponents" }));
            expect(refused.name).to.equal("InternalServerError");
            const [call] = await cloud.calls();
            expect(call).to.include({ service: "ssm", operation: "SendCommand", acted: 1 });
            expect((await manager.commands()).at(-1)!.instanceIds).to.deep.equal([instance.instanceId]);
        });

        it("throttle and deny by the codes of Systems Manager", async () => {
            const instance = await windows();
            await cloud.throttle("SendCommand", { rate: 0.001, burst: 1 });
            await send(instance, SCRIPT, { commands: "x" });
            const throttled = await failure(send(instance, SCRIPT, { commands: "x" }));
            expect(throttled.name).to.equal("ThrottlingException");
            await cloud.allowOnly(["ssm:SendCommand"]);
            const denied = await failure(ssm.send(new ListCommandsCommand({})));
            expect(denied.name).to.equal("AccessDeniedException");
            expect(denied.message).to.include("ssm:ListCommands");
            await cloud.expireCredentials();
            const expired = await failure(send(instance, SCRIPT, { commands: "x" }));
            expect(expired.name).to.equal("ExpiredTokenException");
        });

        it("are taken back by a reset, which ends what hangs", async () => {
            const instance = await windows();
            await manager.setCourse({ outcome: "hang" });
            const id = await send(instance, PACKAGE, install);
            await manager.reached({ commandId: id }, { statuses: ["InProgress"] });
            await cloud.reset();
            expect((await ended(id)).status).to.equal("Cancelled");
            expect((await run(instance, PACKAGE, install)).status).to.equal("Success");
        });
    });
});
