import { isRecord } from "../base/record";
import { isUnknown } from "../base/unknown";
import { checkHostKey } from "../transport/ssh/hostKey";
import { checkPrivateKey } from "../transport/ssh/privateKey";
import type { CheckFailure } from "./checkFailure";
import { checkWay } from "./checkTunnel";

type Inputs = Readonly<Record<string, unknown>>;

/**
 * What is wrong with how a server is logged in to. `at`: the path of its object.
 * @param findsKey whether a host key that is not given can be found
 */
export function checkLogin(
    at: string,
    target: unknown,
    env: NodeJS.ProcessEnv,
    { findsKey = false } = {},
): CheckFailure[] {
    if (!isRecord(target)) {
        return [];
    }
    return [
        ...checkWay(at, target),
        ...checkServerKey(at, target, findsKey),
        ...checkCredentials(at, target, env),
    ];
}

function checkServerKey(at: string, target: Inputs, findsKey: boolean): CheckFailure[] {
    const { hostKey } = target;
    if (hostKey === undefined) {
        return findsKey || target.insecureIgnoreHostKey === true || isUnknown(target.insecureIgnoreHostKey)
            ? []
            : [
                  {
                      property: `${at}.hostKey`,
                      reason:
                          "is required, so that nobody can pose as the instance: a line of /etc/ssh/ssh_host_*_key.pub, " +
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
    const { password, privateKey, privateKeyPassword, agentSocketPath } = target;
    if (
        [password, privateKey, agentSocketPath, env.SSH_AUTH_SOCK].every(
            (way) => way === undefined || way === "",
        )
    ) {
        return [
            {
                property: at,
                reason:
                    "needs a way to log in: privateKey, password, agentSocketPath, or SSH_AUTH_SOCK in the environment of " +
                    "Pulumi",
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
