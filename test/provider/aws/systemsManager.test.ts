import { type Command, SSMClient } from "@aws-sdk/client-ssm";
import { assert } from "chai";
import type { Clients } from "../../../provider/aws/clients";
import { AwsClock } from "../../../provider/aws/clock";
import { commentFor, isRunning, knownCommands } from "../../../provider/aws/knownCommands";
import { awaitCommand, endText, sendCommand } from "../../../provider/aws/systemsManager";
import { timing } from "../../../provider/base/timing";
import { rejection } from "../../../lab/rejection";

const instanceId = "i-0123456789abcdef0";
const execution = "acs-00000000-0000-4000-8000-000000000000";
const command = { instanceId, document: "AWS-Some", parameters: { a: "1" }, comment: commentFor(execution) };

type Input = Record<string, unknown>;
type Answer = object | Error | ((input: Input) => object | Error);

describe("Systems Manager", () => {
    const usual = { ...timing };
    const answers = new Map<string, Answer[]>();
    const inputs = new Map<string, Input[]>();
    /** What the service answers, one after the other; the last again and again. Default: nothing in particular. */
    const answer = (operation: string, ...list: Answer[]) => answers.set(operation, list);
    const sentOf = (operation: string) => inputs.get(operation) ?? [];
    const never = new AbortController().signal;
    let clients: Clients;

    beforeEach(() => {
        Object.assign(timing, { firstLookMs: 1, lastLookMs: 2, sendPauseMs: 1, commandVisibleMs: 50 });
        answers.clear();
        inputs.clear();
        // A real client, as the SDK's paginators want one, that sends nothing.
        const client = new SSMClient({ region: "us-east-1" });
        client.send = ((sent: { constructor: { name: string }; input: Input }) => {
            const name = sent.constructor.name.replace(/Command$/, "");
            inputs.set(name, [...(inputs.get(name) ?? []), sent.input]);
            const [next, ...rest] = answers.get(name) ?? [{}];
            if (rest.length > 0) {
                answers.set(name, rest);
            }
            const answer: unknown = typeof next === "function" ? next(sent.input) : next;
            return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
        }) as typeof client.send;
        clients = { ssm: client, ssmOnce: client, clock: new AwsClock() } as unknown as Clients;
    });
    afterEach(() => {
        Object.assign(timing, usual);
    });

    const refusal = (name: string, status: number) =>
        Object.assign(new Error("refused"), { name, $metadata: { httpStatusCode: status } });
    const wait = (signal = never, limitMs = 1_000) =>
        awaitCommand(clients, instanceId, "c-1", { deadline: performance.now() + limitMs, signal });
    const statuses = (...all: string[]) =>
        answer(
            "GetCommandInvocation",
            ...all.map((StatusDetails) => ({
                StatusDetails,
                StandardOutputContent: "out",
                StandardErrorContent: "err",
            })),
        );

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
                assert.lengthOf(sentOf("GetCommandInvocation"), 6);
                assert.isEmpty(sentOf("CancelCommand"));
            });
        }

        it("says each status once while it runs", async () => {
            statuses("Pending", "InProgress", "InProgress", "Success");
            const told: string[] = [];
            const deadline = performance.now() + 5_000;
            const onStatus = (status: string) => void told.push(status);
            await awaitCommand(clients, instanceId, "c-1", { deadline, signal: never, onStatus });
            assert.deepEqual(told, ["Pending", "InProgress"]);
        });

        it("never ends: by our own limit, and is cancelled", async () => {
            statuses("Pending");
            assert.equal((await wait(never, 20)).status, "OwnTimeout");
            assert.lengthOf(sentOf("CancelCommand"), 1);
        });

        it("is interrupted: cancelled, and the reason is the signal's", async () => {
            statuses("InProgress");
            const abort = new AbortController();
            const waiting = rejection(wait(abort.signal));
            abort.abort(new Error("the reason"));
            assert.equal((await waiting).message, "the reason");
            assert.lengthOf(sentOf("CancelCommand"), 1);
        });

        it("cannot be cancelled either: that is no news", async () => {
            statuses("Pending");
            answer("CancelCommand", refusal("AccessDeniedException", 400));
            assert.equal((await wait(never, 20)).status, "OwnTimeout");
        });

        it("is not seen yet, nor answered for: looked at again", async () => {
            answer(
                "GetCommandInvocation",
                refusal("InvocationDoesNotExist", 400),
                refusal("InternalServerError", 500),
                refusal("ThrottlingException", 400),
                new Error("socket hang up"),
                { StatusDetails: "Success" },
            );
            assert.equal((await wait()).status, "Success");
        });

        for (const [name, code] of [
            ["AccessDeniedException", "ACCESS_DENIED"],
            ["ExpiredTokenException", "CREDENTIALS"],
            ["InvalidCommandId", "AWS_ERROR"],
        ] as const) {
            it(`may not be looked at (${name}): ${code} at once`, async () => {
                answer("GetCommandInvocation", refusal(name, 400));
                assert.match((await rejection(wait())).message, new RegExp(`^${code}: `));
                assert.lengthOf(sentOf("GetCommandInvocation"), 1);
            });
        }

        it("of several steps failed: what each step that began has to say, whatever they are called", async () => {
            const began = new Date();
            answer("GetCommandInvocation", ({ PluginName }) =>
                PluginName === "two"
                    ? { StandardOutputContent: "x".repeat(24_000), StandardErrorContent: "why" }
                    : { StatusDetails: "Failed" },
            );
            const steps = [
                { Name: "one", Status: "Success", ResponseStartDateTime: began },
                { Name: "two", Status: "Failed", ResponseStartDateTime: began },
                { Name: "three", Status: "Pending" },
            ];
            answer("ListCommandInvocations", { CommandInvocations: [{ CommandPlugins: steps }] });
            const end = await wait();
            assert.deepInclude(end, { status: "Failed", stdout: "x".repeat(24_000), stderr: "why" });
            assert.match(endText(end), /^Failed: x+\nwhy \(command [\w-]+\)$/);
            assert.isBelow(endText(end).length, 1_100);
        });

        it("failed, and its steps may not be listed: that it failed is known all the same", async () => {
            answer("GetCommandInvocation", { StatusDetails: "Failed" });
            answer("ListCommandInvocations", refusal("AccessDeniedException", 400));
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
            answer("SendCommand", { Command: { CommandId: "c-1" } });
            assert.equal(await send(), "c-1");
            assert.deepInclude(sentOf("SendCommand")[0], {
                DocumentName: "AWS-Some",
                InstanceIds: [instanceId],
                Parameters: { a: ["1"] },
                Comment: `acs:${execution}`,
                TimeoutSeconds: 120,
            });
        });

        it("is throttled: sent again; for ever: given up", async () => {
            answer("SendCommand", refusal("ThrottlingException", 400), { Command: { CommandId: "c-1" } });
            assert.equal(await send(), "c-1");
            answer("SendCommand", refusal("ThrottlingException", 400));
            assert.match((await rejection(send())).message, /ThrottlingException/);
            assert.lengthOf(sentOf("SendCommand"), 2 + timing.sendAttempts);
        });

        it("is refused: sent once, and not looked for", async () => {
            answer("SendCommand", refusal("InvalidDocument", 400));
            assert.match((await rejection(send())).message, /InvalidDocument/);
            assert.lengthOf(sentOf("SendCommand"), 1);
            assert.isEmpty(sentOf("ListCommands"));
        });

        it("has no answer: found by its comment, also when it is seen later", async () => {
            answer("SendCommand", new Error("socket hang up"));
            answer("ListCommands", { Commands: [] }, { Commands: [listed()] });
            assert.equal(await send(), "c-9");
            assert.lengthOf(sentOf("SendCommand"), 1);
        });

        for (const [what, changes] of [
            ["another execution's", { Comment: "acs:acs-other" }],
            ["another document's", { DocumentName: "AWS-Other" }],
            ["one of long ago", { RequestedDateTime: new Date(0) }],
        ] as const) {
            it(`has no answer: not taken for ${what}`, async () => {
                answer("SendCommand", new Error("socket hang up"));
                answer("ListCommands", { Commands: [listed(changes)] });
                assert.match((await rejection(send())).message, /socket hang up/);
            });
        }

        it("is interrupted: looked for once", async () => {
            const abort = new AbortController();
            answer("SendCommand", () => {
                abort.abort(new Error("interrupted"));
                return new Error("aborted");
            });
            answer("ListCommands", { Commands: [] });
            assert.equal((await rejection(send(abort.signal))).message, "interrupted");
            assert.lengthOf(sentOf("ListCommands"), 1);
        });
    });

    it("tells whose commands on an instance are ours, over all pages, the newest first", async () => {
        const at = (minute: number) => new Date(Date.UTC(2026, 0, 1, 0, minute));
        answer(
            "ListCommands",
            {
                Commands: [
                    { CommandId: "1", Comment: "acs:acs-a", RequestedDateTime: at(1) },
                    { CommandId: "3", Comment: "acs:acs-b kept", RequestedDateTime: at(3) },
                ],
                NextToken: "more",
            },
            { Commands: [{ CommandId: "2", Comment: "by hand", RequestedDateTime: at(2) }] },
        );
        const found = await knownCommands(clients, instanceId, [{ name: "AWS-ConfigureAWSPackage" }], never);
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
