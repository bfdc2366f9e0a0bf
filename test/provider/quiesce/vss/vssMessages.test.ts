import { assert } from "chai";
import { vssFailure } from "../../../../provider/quiesce/vss/vssMessages";

const DOCUMENT = "AWSEC2-CreateVssSnapshot";
const ended = (status: string, stdout = "", stderr = "") => ({ commandId: "c-1", status, stdout, stderr });
const failureOf = (status: string, stdout?: string, stderr?: string) =>
    vssFailure(DOCUMENT, ended(status, stdout, stderr), 900);

describe("what a VSS document that did not succeed means", () => {
    for (const [text, remedy] of [
        ["Timed out: timeout waiting for VSS Freeze.", /10 s.*vssadmin list writers/],
        ["Thaw pipe connection timed out.", /Run again when there is less load/],
        ["Encountered an error on thaw.", /Run again when there is less load/],
        ["VSS writer 'SqlServerWriter' failed: state [8] Failed", /mend or restart the writer/],
        ["The operation failed: writer error 0x800423f4", /mend or restart the writer/],
        [
            "Cannot invoke method. Method invocation is supported only on core types in this language mode.",
            /FullLanguage/,
        ],
        ["You are not authorized to perform this operation.", /AWSEC2VssSnapshotPolicy/],
        ["UnauthorizedOperation: ec2:CreateSnapshots", /AWSEC2VssSnapshotPolicy/],
        ["The remote name could not be resolved: 'ec2.eu-west-1.amazonaws.com'", /VPC endpoint/],
        ["Unable to connect to the remote server", /VPC endpoint/],
        [
            "AwsVssComponents is not installed: ec2-vss-agent.exe was not found.",
            /Something removed the components during the run/,
        ],
        ["Something that nobody has seen before", /AwsVss\\Logs/],
        ["", /AwsVss\\Logs/],
    ] as [string, RegExp][]) {
        it(`${text || "nothing said"}: ${String(remedy)}`, () => {
            for (const failure of [failureOf("Failed", text), failureOf("Failed", "progress", text)]) {
                assert.equal(failure.code, "VSS_FAILED");
                assert.include(failure.message, text);
                assert.match(failure.remedy, remedy);
            }
        });
    }

    for (const [status, code] of [
        ["DeliveryTimedOut", "VSS_TIMEOUT"],
        ["Delivery Timed Out", "VSS_TIMEOUT"],
        ["ExecutionTimedOut", "VSS_TIMEOUT"],
        ["Execution Timed Out", "VSS_TIMEOUT"],
        ["TimedOut", "VSS_TIMEOUT"],
        ["OwnTimeout", "VSS_TIMEOUT"],
        ["Failed", "VSS_FAILED"],
        ["Cancelled", "VSS_FAILED"],
        ["Undeliverable", "VSS_FAILED"],
        ["Terminated", "VSS_FAILED"],
        ["InvalidPlatform", "VSS_FAILED"],
        ["AccessDenied", "VSS_FAILED"],
    ]) {
        it(`status ${status}: ${code}`, () => {
            const failure = failureOf(status ?? "");
            assert.equal(failure.code, code);
            assert.include(failure.message, DOCUMENT);
        });
    }

    it("tells our own limit from theirs", () => {
        assert.match(failureOf("OwnTimeout").message, /within timeouts\.command \(900 s\)/);
        assert.notMatch(failureOf("DeliveryTimedOut").message, /timeouts\.command/);
    });

    it("tells the limit that can be raised from the one that cannot", () => {
        assert.match(failureOf("ExecutionTimedOut").remedy, /Raise timeouts\.command/);
        assert.notMatch(failureOf("DeliveryTimedOut").remedy, /timeouts\.command/);
    });

    it("knows a message wherever it is in the output", () => {
        const { remedy } = failureOf("Failed", `timeout waiting for VSS Freeze\n${"x".repeat(20_000)}`);
        assert.match(remedy, /vssadmin list writers/);
    });

    it("tells the end of a long output", () => {
        const { message } = failureOf("Failed", `begin${"x".repeat(24_000)}`, "the reason");
        assert.isBelow(message.length, 1_200);
        assert.match(message, /the reason \(command [\w-]+\)\.$/);
        assert.notInclude(message, "begin");
    });
});
