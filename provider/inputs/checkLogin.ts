import { isRecord } from "../base/record";
import { isUnknown } from "../base/unknown";
import { checkHostKey } from "../transport/ssh/hostKey";
import { checkPrivateKey } from "../transport/ssh/privateKey";
import type { CheckFailure } from "./checkFailure";
import { checkInstanceConnect } from "./checkInstanceConnect";
import { byId, checkWay } from "./checkTunnel";

type Inputs = Readonly<Record<string, unknown>>;

/**
 * What is wrong with how a server is logged in to. `at`: the path of its object.
 * @param isCopy whether it is launched for this run, which then finds its address and its host key
 */
export function checkLogin(
    at: string,
    target: unknown,
    env: NodeJS.ProcessEnv,
    { isCopy = false } = {},
): CheckFailure[] {
    if (!isRecord(target)) {
        return [];
    }
    return [
        ...checkWay(at, target).filter(({ property }) => !(isCopy && property === `${at}.host`)),
        ...checkServerKey(at, target, isCopy),
        ...checkCredentials(at, target, env),
    ];
}

function checkServerKey(at: string, target: Inputs, isCopy: boolean): CheckFailure[] {
    const { hostKey, insecureIgnoreHostKey, tunnel } = target;
    if (hostKey === undefined) {
        return isCopy ||
            insecureIgnoreHostKey === true ||
            isUnknown(insecureIgnoreHostKey) ||
            byId(tunnel) !== false
            ? []
            : [
                  {
                      property: `${at}.hostKey`,
                      reason:
                          "is required, so that nobody can pose as the instance; give a line of /etc/ssh/ssh_host_*_key.pub, " +
                          "a SHA256: fingerprint, or the hostKeys of an InstanceHostKeys " +
                          "(insecureIgnoreHostKey: true gives this protection up)",
                  },
              ];
    }
    const keys: unknown[] = Array.isArray(hostKey) ? hostKey : [hostKey];
    return keys.flatMap((key, index) => {
        const problem = typeof key === "string" && !isUnknown(key) ? checkHostKey(key) : undefined;
        const property = Array.isArray(hostKey) ? `${at}.hostKey[${index}]` : `${at}.hostKey`;
        return problem === undefined ? [] : [{ property, reason: problem }];
    });
}

function checkCredentials(at: string, target: Inputs, env: NodeJS.ProcessEnv): CheckFailure[] {
    const { instanceConnect, password, privateKey, privateKeyPassword, agentSocketPath } = target;
    if (instanceConnect === true) {
        return checkInstanceConnect(at, target);
    }
    if (isUnknown(instanceConnect)) {
        return [];
    }
    if (
        [password, privateKey, agentSocketPath, env.SSH_AUTH_SOCK].every(
            (way) => way === undefined || way === "",
        )
    ) {
        return [
            {
                property: at,
                reason:
                    "needs a way to log in: instanceConnect, privateKey, password, agentSocketPath, or SSH_AUTH_SOCK in the " +
                    "environment of Pulumi",
            },
        ];
    }
    if (typeof privateKey !== "string" || isUnknown(privateKey) || isUnknown(privateKeyPassword)) {
        return [];
    }
    const passphrase = typeof privateKeyPassword === "string" ? privateKeyPassword : undefined;
    const problem = checkPrivateKey(privateKey, passphrase);
    return problem === undefined ? [] : [{ property: `${at}.${problem.input}`, reason: problem.reason }];
}
