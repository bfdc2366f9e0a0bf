import { reaches } from "../base/consistency";
import { type ConsistencyLevel, levels } from "../base/evidence";
import { isRecord } from "../base/record";
import { type CheckFailure, firstOfEach } from "./checkFailure";
import { checkLogin } from "./checkLogin";
import { checkSchema, methodOf } from "./checkSchema";
import { checkScript } from "./checkScript";
import { checkVss } from "./checkVss";
import { schemas } from "./inputs";
import { promisedLevel } from "./promisedLevel";

type Inputs = Record<string, unknown>;

/** Every bad input, with what is wrong about it. What is not known yet is never bad. */
export function checkSnapshotInputs(inputs: Inputs, env: NodeJS.ProcessEnv = process.env): CheckFailure[] {
    return firstOfEach([
        ...checkSchema(schemas.snapshot, inputs),
        ...checkMinimumLevel(inputs),
        ...checkHooks(inputs.quiesce, env),
        ...checkVss(inputs),
    ]);
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
    return Object.entries({ preFreeze, postThaw }).flatMap(([name, source]) =>
        checkScript(`quiesce.scripts.${name}`, source),
    );
}
