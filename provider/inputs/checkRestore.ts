import { isRecord } from "../base/record";
import { isUnknown } from "../base/unknown";
import { type CheckFailure, firstOfEach } from "./checkFailure";
import { checkLogin } from "./checkLogin";
import { checkSchema } from "./checkSchema";
import { checkScript } from "./checkScript";
import { restoreInputs } from "./restoreInputs";

type Inputs = Readonly<Record<string, unknown>>;

/** Every bad input of a restore test, with what is wrong about it. What is not known yet is never bad. */
export function checkRestoreInputs(inputs: Inputs, env: NodeJS.ProcessEnv = process.env): CheckFailure[] {
    const { connection, verify } = inputs;
    const recipe = recipeProblem(verify);
    if (recipe !== undefined) {
        return [
            { property: "verify", reason: recipe },
            ...checkRestoreInputs({ ...inputs, verify: { script: ":" } }, env),
        ];
    }
    return firstOfEach([
        ...checkHost(connection),
        ...checkStrangers(inputs),
        ...checkSchema(restoreInputs, inputs),
        ...checkSource(inputs),
        ...checkScript("verify", inputs.verify),
        ...checkLogin("connection", connection, env, { isCopy: true }),
        ...checkLogin("connection.proxy", isRecord(connection) ? connection.proxy : undefined, env),
    ]);
}

/** Not by the schema, which would send it to the place of the bastion's. */
function checkHost(connection: unknown): CheckFailure[] {
    return isRecord(connection) && connection.host !== undefined
        ? [
              {
                  property: "connection.host",
                  reason:
                      "has to go: the copy's address is known when it is launched. A bastion on the way is `proxy`; " +
                      "a `tunnel` has the copy's id as %h",
              },
          ]
        : [];
}

/** What stands for the script where somebody has taken the wrong thing of `recipes`. */
function recipeProblem(verify: unknown): string | undefined {
    if (!isRecord(verify) || verify.script !== undefined || verify.path !== undefined) {
        return undefined;
    }
    if ("preFreeze" in verify) {
        return "is a recipe that freezes; give the one that verifies, such as recipes.verify.postgresql()";
    }
    return "postgresql" in verify
        ? "is all of recipes.verify; call the one of the application, such as recipes.verify.postgresql()"
        : undefined;
}

/** What belongs to the server that the image is of. */
const STRANGERS: Readonly<Record<string, string>> = {
    instanceId: "has to go, because the test launches an instance of its own",
    snapshot: "is not an input: make an image of the set by AppConsistentAmi, and give its imageId",
    snapshotIds: "is not an input: make an image of the set by AppConsistentAmi, and give its imageId",
};

function checkStrangers(inputs: Inputs): CheckFailure[] {
    return Object.entries(STRANGERS).flatMap(([property, reason]) =>
        inputs[property] === undefined ? [] : [{ property, reason }],
    );
}

function checkSource({ imageId, launchTemplate }: Inputs): CheckFailure[] {
    if ((imageId === undefined) !== (launchTemplate === undefined)) {
        return [];
    }
    return imageId === undefined
        ? [
              {
                  property: "imageId",
                  reason: "is required: the image to test, such as image.imageId; or `launchTemplate: { id }` in its place",
              },
          ]
        : [
              {
                  property: "launchTemplate",
                  reason: "is given beside imageId: give one of them, the one that the copy is to be launched from",
              },
          ];
}

/** Whether nothing can be said of what the copy is launched from. */
export function isSourceUnknown({ imageId, launchTemplate }: Inputs): boolean {
    return isUnknown(imageId) || isUnknown(isRecord(launchTemplate) ? launchTemplate.id : launchTemplate);
}
