import { isRecord } from "../base/record";
import { isUnknown } from "../base/unknown";
import { checkSnapshotInputs } from "./check";
import type { CheckFailure } from "./checkFailure";
import { checkSchema } from "./checkSchema";
import { schemas } from "./inputs";
import { pathText } from "./propertyPath";

type Inputs = Readonly<Record<string, unknown>>;

/**
 * Every bad input of a group: each member is looked at as a set of its own, with what all of them have. What is wrong about
 * the latter is said once.
 */
export function checkGroupInputs(inputs: Inputs, env: NodeJS.ProcessEnv = process.env): CheckFailure[] {
    const { members, ...shared } = inputs;
    const ofGroup = checkSchema(schemas.group, inputs);
    if (!isRecord(members)) {
        return ofGroup;
    }
    const ofMembers = Object.entries(members)
        .filter(([, member]) => isRecord(member))
        .flatMap(([name, member]) => checkMember(name, member as Inputs, shared, env));
    return [...ofGroup, ...ofMembers, ...checkDistinct(members)].filter(
        ({ property, reason }, index, all) =>
            all.findIndex((one) => one.property === property && one.reason === reason) === index,
    );
}

function checkMember(name: string, member: Inputs, shared: Inputs, env: NodeJS.ProcessEnv): CheckFailure[] {
    const { instanceId, quiesce, volumes } = member;
    const method = isRecord(quiesce) ? quiesce.method : undefined;
    if (method !== undefined && method !== "hooks" && !isUnknown(method)) {
        return [
            {
                property: pathText(["members", name, "quiesce", "method"]),
                reason:
                    'must be "hooks", because only scripts can hold a freeze for as long as the other members need ' +
                    "(take instances of the other methods by an AppConsistentSnapshot each)",
            },
        ];
    }
    return checkSnapshotInputs({ ...shared, instanceId, quiesce, volumes }, env).map((failure) =>
        ofMember(name, failure),
    );
}

/** The failure of a member as one of the group: what the member has by itself has its path there. */
export function ofMember(name: string, { property, reason }: CheckFailure): CheckFailure {
    const isOwn = /^(instanceId|quiesce|volumes)\b/.test(property);
    return { property: isOwn ? `${pathText(["members", name])}.${property}` : property, reason };
}

/** An instance cannot be frozen for two sets at once. */
function checkDistinct(members: Inputs): CheckFailure[] {
    const names = new Map<unknown, string>();
    return Object.entries(members).flatMap(([name, member]) => {
        const instanceId = isRecord(member) ? member.instanceId : undefined;
        const other = names.get(instanceId);
        if (typeof instanceId !== "string" || isUnknown(instanceId) || other === undefined) {
            names.set(instanceId, name);
            return [];
        }
        return [
            {
                property: pathText(["members", name, "instanceId"]),
                reason: `"${instanceId}" is also the instance of the member "${other}"`,
            },
        ];
    });
}
