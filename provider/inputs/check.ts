import { reaches } from "../base/consistency";
import { type ConsistencyLevel, levels } from "../base/evidence";
import { isRecord } from "../base/record";
import { isUnknown } from "../base/unknown";
import { checkHostKey } from "../transport/ssh/hostKey";
import { checkPrivateKey } from "../transport/ssh/privateKey";
import type { CheckFailure } from "./checkFailure";
import { checkSchema, methodOf } from "./checkSchema";
import { checkInstanceConnect } from "./checkInstanceConnect";
import { byId, checkWay } from "./checkTunnel";
import { checkVss } from "./checkVss";
import { schemas } from "./inputs";
import { promisedLevel } from "./promisedLevel";

type Inputs = Record<string, unknown>;

/** Every bad input, with what is wrong about it. What is not known yet is never bad. */
export function checkSnapshotInputs(inputs: Inputs, env: NodeJS.ProcessEnv = process.env): CheckFailure[] {
    const failures = [
        ...checkSchema(schemas.snapshot, inputs),
        ...checkMinimumLevel(inputs),
        ...checkHooks(inputs.quiesce, env),
        ...checkVss(inputs),
    ];
    return failures.filter((one, index) => index === failures.findIndex(isAbout(one.property)));
}

/** The first word about an input is the plainest; what it leads to is not said as well. */
function isAbout(property: string): (failure: CheckFailure) => boolean {
    return (failure) => failure.property === property;
}

export function checkHostKeysInputs(inputs: Inputs): CheckFailure[] {
    return checkSchema(schemas.hostKeys, inputs);
}

/** By what is given, not by what was parsed: an unknown or bad value elsewhere must not hide this. */
function checkMinimumLevel({ quiesce, minimumLevel }: Inputs): CheckFailure[] {
    const promised = promisedLevel(quiesce);
    const minimum = minimumLevel ?? promised;
    if (promised === undefined || !isLevel(minimum)) {
        return [];
    }
    const failure = (reason: string) => [
        { property: "minimumLevel", reason: `"${minimum}" can never be reached, because ${reason}` },
    ];
    if (!reaches(promised, minimum)) {
        return failure(
            `quiescing by "${methodOf(quiesce)}" promises "${promised}" at most; leave minimumLevel out, or quiesce in another way`,
        );
    }
    if (unverified(quiesce) && minimum !== "crash") {
        return failure(
            'with verifyInstanceIdentity: false the level is "crash" at most (IDENTITY_UNVERIFIED); ' +
                'leave verifyInstanceIdentity out, or set minimumLevel: "crash"',
        );
    }
    return [];
}

function unverified(quiesce: unknown): boolean {
    return isRecord(quiesce) && quiesce.method === "hooks" && quiesce.verifyInstanceIdentity === false;
}

function isLevel(value: unknown): value is ConsistencyLevel {
    return levels.some((level) => level === value);
}

function checkHooks(quiesce: unknown, env: NodeJS.ProcessEnv): CheckFailure[] {
    if (!isRecord(quiesce) || quiesce.method !== "hooks") {
        return [];
    }
    return [
        ...checkScripts(quiesce.scripts),
        ...checkLogin("quiesce.connection", quiesce.connection, env),
        ...checkLogin(
            "quiesce.connection.proxy",
            isRecord(quiesce.connection) ? quiesce.connection.proxy : undefined,
            env,
        ),
    ];
}

function checkScripts(scripts: unknown): CheckFailure[] {
    if (!isRecord(scripts)) {
        return [];
    }
    const { preFreeze, postThaw } = scripts;
    if ((preFreeze === undefined) !== (postThaw === undefined)) {
        const missing = preFreeze === undefined ? "preFreeze" : "postThaw";
        return [
            {
                property: `quiesce.scripts.${missing}`,
                reason: `is required, because ${missing === "preFreeze" ? "postThaw" : "preFreeze"} is given, and the two belong together`,
            },
        ];
    }
    return Object.entries({ preFreeze, postThaw }).flatMap(([name, source]) => checkScript(name, source));
}

function checkScript(name: string, source: unknown): CheckFailure[] {
    if (!isRecord(source) || (source.path === undefined) !== (source.script === undefined)) {
        return [];
    }
    return [
        {
            property: `quiesce.scripts.${name}`,
            reason: `needs a \`path\` or a \`script\`, ${source.path === undefined ? "and has neither" : "not both"}`,
        },
    ];
}

function checkLogin(at: string, target: unknown, env: NodeJS.ProcessEnv): CheckFailure[] {
    if (!isRecord(target)) {
        return [];
    }
    return [...checkWay(at, target), ...checkServerKey(at, target), ...checkCredentials(at, target, env)];
}

function checkServerKey(at: string, target: Inputs): CheckFailure[] {
    const { hostKey, insecureIgnoreHostKey, tunnel } = target;
    if (hostKey === undefined) {
        return insecureIgnoreHostKey === true || isUnknown(insecureIgnoreHostKey) || byId(tunnel) !== false
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
