import type { InstanceInformation } from "@aws-sdk/client-ssm";
import { compareVersions } from "../base/compareVersions";
import type { Failure } from "../base/errors";

/** Of an instance that Systems Manager does not know. */
export const notManaged: Failure = {
    code: "SSM_NOT_MANAGED",
    message: "The instance is not managed by Systems Manager.",
    remedy:
        "It needs the SSM agent, a role with AmazonSSMManagedInstanceCore, and a way to the endpoints ssm, " +
        "ssmmessages and ec2messages.",
};

/** Of an instance whose agent Systems Manager does not reach. */
export function offline({ PingStatus }: InstanceInformation): Failure {
    return {
        code: "SSM_OFFLINE",
        message: `Systems Manager does not reach the instance's agent: ${PingStatus ?? "unknown"}.`,
        remedy:
            "See that the agent's service (AmazonSSMAgent on Windows, amazon-ssm-agent or its snap on Linux) runs and that " +
            "the instance reaches the endpoints.",
    };
}

/** What stands against an agent that has to be online, and of a version that can do it. `purpose` needs that version. */
export function agentFailures(
    managed: InstanceInformation | undefined,
    { purpose, oldest }: { readonly purpose: string; readonly oldest: string },
): Failure[] {
    if (managed === undefined) {
        return [notManaged];
    }
    const version = managed.AgentVersion ?? "0";
    return [
        ...(managed.PingStatus === "Online" ? [] : [offline(managed)]),
        ...(compareVersions(version, oldest) >= 0
            ? []
            : [
                  {
                      code: "SSM_AGENT_TOO_OLD" as const,
                      message: `The SSM agent is ${version}; ${purpose} ${oldest} or newer.`,
                      remedy: "Update it with the document AWS-UpdateSSMAgent.",
                  },
              ]),
    ];
}
