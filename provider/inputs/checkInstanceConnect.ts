import { isRecord } from "../base/record";
import { isUnknown } from "../base/unknown";
import type { CheckFailure } from "./checkFailure";

type Inputs = Readonly<Record<string, unknown>>;

const OTHER_LOGINS = ["password", "privateKey", "privateKeyPassword", "agentSocketPath"] as const;

/** The names that SendSSHPublicKey takes (EC2 Instance Connect API reference, `InstanceOSUser`). */
const OS_USER = /^[A-Za-z_][A-Za-z0-9@._-]{0,30}[A-Za-z0-9$_-]?$/;

/** What is given, or missing, beside `instanceConnect: true`. `at`: the path of the object that has it. */
export function checkInstanceConnect(at: string, target: Inputs): CheckFailure[] {
    const { user, tunnel } = target;
    const others = OTHER_LOGINS.filter((name) => target[name] !== undefined);
    const isProxy = at.endsWith(".proxy");
    const hasId = isUnknown(tunnel) || (isRecord(tunnel) && tunnel.instanceId !== undefined);
    return [
        ...others.map((name) => ({
            property: `${at}.${name}`,
            reason: "has no effect beside `instanceConnect`, whose key is made for each login; leave one of the two out",
        })),
        ...(isProxy && !hasId
            ? [
                  {
                      property: `${at}.instanceConnect`,
                      reason:
                          "needs a tunnel with the bastion's `instanceId`, because the key is sent to an instance by its id: " +
                          '{ via: "instance-connect-endpoint", instanceId: bastion.id }',
                  },
              ]
            : []),
        ...(typeof user === "string" && !isUnknown(user) && !OS_USER.test(user)
            ? [
                  {
                      property: `${at}.user`,
                      reason: "is no account that EC2 Instance Connect takes: it allows 1 to 32 letters, digits and . _ - @",
                  },
              ]
            : []),
    ];
}
