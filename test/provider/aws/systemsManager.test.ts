import {
    CancelCommandCommand,
    type Command,
    GetCommandInvocationCommand,
    ListCommandInvocationsCommand,
    ListCommandsCommand,
    SSMClient,
    SendCommandCommand,
} from "@aws-sdk/client-ssm";
import { mockClient } from "aws-sdk-client-mock";
import { assert } from "chai";
import type { Clients } from "../../../provider/aws/clients";
import {
    awaitCommand,
    commentFor,
    endText,
    isRunning,
    knownCommands,
    sendCommand,
} from "../../../provider/aws/systemsManager";
import { timing } from "../../../provider/timing";
import { rejection } from "../../support/rejection";

const instanceId = "i-0123456789abcdef0";
const execution = "acs-00000000-0000-4000-8000-000000000000";
const command = { instanceId, document: "AWS-Some", parameters: { a: "1" }, comment: commentFor(execution) };

describe("Systems Manager", () => {
    const usual = { ...timing };
    const ssm = mockClient(SSMClient);
    const never = new AbortController().signal;
    let clients: Clients;

    beforeEach(() => {
        Object.assign(timing, { firstLookMs: 1, lastLookMs: 2, sendPauseMs: 1, commandVisibleMs: 50 });
        const client = new SSMClient({ region: "us-east-1" });
        clients = { ssm: client, ssmOnce: client } as unknown as Clients;
    });
    afterEach(() => {
        ssm.reset();
        Object.assign(timing, usual);
    });

    const refusal = (name: string, status: number) =>
        Object.assign(new Error("refused"), { name, $metadata: { httpStatusCode: status } });
    const wait = (signal = never, limitMs = 1_000) =>
        awaitCommand(clients, instanceId, "c-1", { deadline: performance.now() + limitMs, signal });
    const statuses = (...all: string[]) => {
        const [last = "", ...before] = all.reverse();
        const answers = before.reverse();
        const looks = ssm.on(GetCommandInvocationCommand);
        for (const StatusDetails of answers) looks.resolvesOnce({ StatusDetails });
        looks.resolves({ StatusDetails: last, StandardOutputContent: "out", StandardErrorContent: "err" });
    };

    it("has comments that AWS takes", () => {
        for (const kept of [false, true]) {
            assert.isAtMost(commentFor(execution, { kept }).length, 100);
            assert.isTrue(commentFor(execution, { kept }).startsWith(`acs:${execution}`));
        }
    });

    describe("a command that is waited for", () => {
        for (const end of [
            "Success",
            "Failed",
            "Cancelled",
            "Delivery Timed Out",
            "DeliveryTimedOut",
            "ExecutionTimedOut",
            "Undeliverable",
            "Terminated",
            "InvalidPlatform",
            "AccessDenied",
        ]) {
            it(`ends ${end}, after all that is no end`, async () => {
                statuses("Pending", "Delayed", "InProgress", "In Progress", "Cancelling", end);
                assert.deepEqual(await wait(), {
                    commandId: "c-1",
                    status: end,
                    stdout: "out",
                    stderr: "err",
                });
                assert.lengthOf(ssm.commandCalls(GetCommandInvocationCommand), 6);
                assert.isEmpty(ssm.commandCalls(CancelCommandCommand));
            });
        }

        it("never ends: by our own limit, and is cancelled", async () => {
            statuses("Pending");
            assert.equal((await wait(never, 20)).status, "OwnTimeout");
            assert.lengthOf(ssm.commandCalls(CancelCommandCommand), 1);
        });

        it("is interrupted: cancelled, and the reason is the signal's", async () => {
            statuses("InProgress");
            const abort = new AbortController();
            const waiting = rejection(wait(abort.signal));
            abort.abort(new Error("the reason"));
            assert.equal((await waiting).message, "the reason");
            assert.lengthOf(ssm.commandCalls(CancelCommandCommand), 1);
        });

        it("cannot be cancelled either: that is no news", async () => {
            statuses("Pending");
            ssm.on(CancelCommandCommand).rejects(refusal("AccessDeniedException", 400));
            assert.equal((await wait(never, 20)).status, "OwnTimeout");
        });

        it("is not seen yet, nor answered for: looked at again", async () => {
            ssm.on(GetCommandInvocationCommand)
                .rejectsOnce(refusal("InvocationDoesNotExist", 400))
                .rejectsOnce(refusal("InternalServerError", 500))
                .rejectsOnce(refusal("ThrottlingException", 400))
                .rejectsOnce(new Error("socket hang up"))
                .resolves({ StatusDetails: "Success" });
            assert.equal((await wait()).status, "Success");
        });

        for (const [name, code] of [
            ["AccessDeniedException", "ACCESS_DENIED"],
            ["ExpiredTokenException", "CREDENTIALS"],
            ["InvalidCommandId", "AWS_ERROR"],
        ] as const) {
            it(`may not be looked at (${name}): ${code} at once`, async () => {
                ssm.on(GetCommandInvocationCommand).rejects(refusal(name, 400));
                assert.match((await rejection(wait())).message, new RegExp(`^${code}: `));
                assert.lengthOf(ssm.commandCalls(GetCommandInvocationCommand), 1);
            });
        }

        it("of several steps failed: what each step that began has to say, whatever they are called", async () => {
            const began = new Date();
            ssm.on(GetCommandInvocationCommand).resolves({ StatusDetails: "Failed" });
            ssm.on(GetCommandInvocationCommand, { PluginName: "two" }).resolves({
                StandardOutputContent: "x".repeat(24_000),
                StandardErrorContent: "why",
            });
            const steps = [
                { Name: "one", Status: "Success", ResponseStartDateTime: began },
                { Name: "two", Status: "Failed", ResponseStartDateTime: began },
                { Name: "three", Status: "Pending" },
            ] as const;
            ssm.on(ListCommandInvocationsCommand).resolves({
                CommandInvocations: [{ CommandPlugins: [...steps] }],
            });
            const end = await wait();
            assert.deepInclude(end, { status: "Failed", stdout: "x".repeat(24_000), stderr: "why" });
            assert.match(endText(end), /^Failed: x+\nwhy$/);
            assert.isBelow(endText(end).length, 1_100);
        });

        it("failed, and its steps may not be listed: that it failed is known all the same", async () => {
            ssm.on(GetCommandInvocationCommand).resolves({ StatusDetails: "Failed" });
            ssm.on(ListCommandInvocationsCommand).rejects(refusal("AccessDeniedException", 400));
            assert.deepEqual(await wait(), { commandId: "c-1", status: "Failed", stdout: "", stderr: "" });
        });
    });

    describe("a command that is sent", () => {
        const listed = (changes: Partial<Command> = {}): Command => ({
            CommandId: "c-9",
            DocumentName: command.document,
            Comment: command.comment,
            RequestedDateTime: new Date(),
            Status: "Pending",
            ...changes,
        });
        const send = (signal = never) => sendCommand(clients, command, signal);

        it("carries its comment and a limit of delivery", async () => {
            ssm.on(SendCommandCommand).resolves({ Command: { CommandId: "c-1" } });
            assert.equal(await send(), "c-1");
            assert.deepInclude(ssm.commandCalls(SendCommandCommand)[0]?.args[0].input, {
                DocumentName: "AWS-Some",
                InstanceIds: [instanceId],
                Parameters: { a: ["1"] },
                Comment: `acs:${execution}`,
                TimeoutSeconds: 120,
            });
        });

        it("is throttled: sent again; for ever: given up", async () => {
            ssm.on(SendCommandCommand)
                .rejectsOnce(refusal("ThrottlingException", 400))
                .resolves({ Command: { CommandId: "c-1" } });
            assert.equal(await send(), "c-1");
            ssm.on(SendCommandCommand).rejects(refusal("ThrottlingException", 400));
            assert.match((await rejection(send())).message, /ThrottlingException/);
            assert.lengthOf(ssm.commandCalls(SendCommandCommand), 2 + timing.sendAttempts);
        });

        it("is refused: sent once, and not looked for", async () => {
            ssm.on(SendCommandCommand).rejects(refusal("InvalidDocument", 400));
            assert.match((await rejection(send())).message, /InvalidDocument/);
            assert.lengthOf(ssm.commandCalls(SendCommandCommand), 1);
            assert.isEmpty(ssm.commandCalls(ListCommandsCommand));
        });

        it("has no answer: found by its comment, also when it is seen later", async () => {
            ssm.on(SendCommandCommand).rejects(new Error("socket hang up"));
            ssm.on(ListCommandsCommand)
                .resolvesOnce({ Commands: [] })
                .resolves({ Commands: [listed()] });
            assert.equal(await send(), "c-9");
            assert.lengthOf(ssm.commandCalls(SendCommandCommand), 1);
        });

        for (const [what, changes] of [
            ["another execution's", { Comment: "acs:acs-other" }],
            ["another document's", { DocumentName: "AWS-Other" }],
            ["one of long ago", { RequestedDateTime: new Date(0) }],
        ] as const) {
            it(`has no answer: not taken for ${what}`, async () => {
                ssm.on(SendCommandCommand).rejects(new Error("socket hang up"));
                ssm.on(ListCommandsCommand).resolves({ Commands: [listed(changes)] });
                assert.match((await rejection(send())).message, /socket hang up/);
            });
        }

        it("is interrupted: looked for once", async () => {
            const abort = new AbortController();
            ssm.on(SendCommandCommand).callsFake(() => {
                abort.abort(new Error("interrupted"));
                throw new Error("aborted");
            });
            ssm.on(ListCommandsCommand).resolves({ Commands: [] });
            assert.equal((await rejection(send(abort.signal))).message, "interrupted");
            assert.lengthOf(ssm.commandCalls(ListCommandsCommand), 1);
        });
    });

    it("tells whose commands on an instance are ours, over all pages, the newest first", async () => {
        const at = (minute: number) => new Date(Date.UTC(2026, 0, 1, 0, minute));
        ssm.on(ListCommandsCommand)
            .resolvesOnce({
                Commands: [
                    { CommandId: "1", Comment: "acs:acs-a", RequestedDateTime: at(1) },
                    { CommandId: "3", Comment: "acs:acs-b kept", RequestedDateTime: at(3) },
                ],
                NextToken: "more",
            })
            .resolves({ Commands: [{ CommandId: "2", Comment: "by hand", RequestedDateTime: at(2) }] });
        const found = await knownCommands(clients, instanceId, never);
        assert.deepEqual(
            found.map(({ commandId, executionId, kept }) => [commandId, executionId, kept]),
            [
                ["3", "acs-b", true],
                ["2", undefined, false],
                ["1", "acs-a", false],
            ],
        );
    });

    it("knows what is no end", () => {
        assert.isTrue(["Pending", "InProgress", "In Progress", "Delayed", "Cancelling"].every(isRunning));
        assert.isFalse(["Success", "TimedOut", "Canceled", ""].some(isRunning));
    });
});
