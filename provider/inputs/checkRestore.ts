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
    const { connection } = inputs;
    return firstOfEach([
        ...checkHost(connection),
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
