import type { CommandEnd } from "../../aws/systemsManager";
import { OWN_TIMEOUT, endText } from "../../aws/systemsManager";
import type { Failure } from "../../base/errors";

/** Texts of the VSS agent and what to do (EC2 User Guide, "Troubleshoot Windows VSS based EBS snapshots"). */
const known: readonly { readonly text: RegExp; readonly remedy: string }[] = [
    {
        text: /timeout waiting for VSS Freeze/i,
        remedy: "Windows gives the writers 10 s, which nobody can change. Run when there is less load. `vssadmin list writers` shows which one is late.",
    },
    {
        text: /Thaw pipe connection timed out|error on thaw/i,
        remedy: "The volumes did not thaw in time for the agent. Run again when there is less load.",
    },
    {
        text: /writer.*(failed|error)|(failed|error).*writer/i,
        remedy: "See `vssadmin list writers` on the instance, mend or restart the writer that is not stable, and run again.",
    },
    {
        text: /language mode/i,
        remedy: "The documents need PowerShell's FullLanguage mode. Check the instance's application control policy.",
    },
    {
        text: /not authorized|UnauthorizedOperation|AccessDenied|is not able to perform/i,
        remedy: "The document uses the *instance's* role, not yours. Attach AWSEC2VssSnapshotPolicy to it (docs/windows.md).",
    },
    {
        text: /unable to connect|could not connect|endpoint|name could not be resolved/i,
        remedy: "The instance must reach EC2's endpoint of its region, by a route or by a VPC endpoint com.amazonaws.REGION.ec2.",
    },
    {
        text: /components? (is|are) not installed|ec2-vss-agent.*not (found|recognized)|cannot find.*ec2-vss-agent/i,
        remedy: "Something removed the components during the run. Do not manage AwsVssComponents by other means at the same time.",
    },
];

const TIMEOUTS = new Set([
    OWN_TIMEOUT,
    "DeliveryTimedOut",
    "Delivery Timed Out",
    "ExecutionTimedOut",
    "Execution Timed Out",
    "TimedOut",
]);

/** Its limit is our own, and short: `timeouts.command` changes nothing. */
const DELIVERY = /^Delivery ?Timed ?Out$/;

/** What a VSS document that did not succeed means. */
export function vssFailure(document: string, end: CommandEnd, limitS: number): Failure {
    const text = endText(end);
    if (TIMEOUTS.has(end.status)) {
        const limit =
            end.status === OWN_TIMEOUT ? `did not end within timeouts.command (${limitS} s)` : "timed out";
        return {
            code: "VSS_TIMEOUT",
            message: `${document} ${limit}: ${text}.`,
            remedy: `Check that the SSM agent runs on the instance and is not busy.${DELIVERY.test(end.status) ? "" : " Raise timeouts.command if it only needs longer."}`,
        };
    }
    const said = `${end.stdout}\n${end.stderr}`;
    const remedy = known.find((entry) => entry.text.test(said))?.remedy;
    return {
        code: "VSS_FAILED",
        message: `${document} did not succeed: ${text}.`,
        remedy:
            remedy ??
            "See the command in Systems Manager's history, and C:\\ProgramData\\Amazon\\AwsVss\\Logs on the instance.",
    };
}
