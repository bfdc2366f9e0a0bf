import { z } from "zod";
import { idProblem } from "../aws/awsNames";
import { schemaParts } from "./inputs";
import { restoreLimits } from "./timeouts";

const { said, checkedText, seconds, target, proxy, script, tags, aws, triggers, hidden } = schemaParts;

const idOf = (kind: Parameters<typeof idProblem>[0], required: string) =>
    checkedText((text) => idProblem(kind, text), z.string(said(required, "must be one id, as a string")));
const filled = z.string().min(1, "is empty");

const metadataOptions = z.strictObject(
    {
        httpEndpoint: z.enum(["enabled", "disabled"], 'must be "enabled" or "disabled"').optional(),
        httpTokens: z.enum(["required", "optional"], 'must be "required" or "optional"').optional(),
        httpPutResponseHopLimit: z.int("must be a whole number, 1 to 64").min(1).max(64).optional(),
    },
    'must be an object, such as { httpEndpoint: "disabled" }',
);

const launch = z.strictObject(
    {
        instanceType: z
            .string(said("the type of the copy, such as m7i.large", "must be a string"))
            .regex(/^[a-z][\w-]*\.[\w-]+$/, "is not an instance type, such as m7i.large"),
        subnetId: idOf(
            "subnet",
            "a subnet that is fenced off, so that the copy cannot act (docs/restore-test.md)",
        ),
        vpcSecurityGroupIds: z
            .array(
                idOf("sg", "the id of a security group"),
                said(
                    "security groups that fence the copy off, so that it cannot act (docs/restore-test.md)",
                    "must be a list, such as [group.id]",
                ),
            )
            .min(1, "is an empty list: EC2 would take the VPC's default group, which may let the copy act"),
        iamInstanceProfile: filled.optional(),
        keyName: filled.optional(),
        privateIp: filled.optional(),
        userData: z.string().optional(),
        metadataOptions: metadataOptions.optional(),
    },
    said(
        "how the copy is launched: { instanceType, subnetId, vpcSecurityGroupIds }",
        "must be an object with instanceType, subnetId and vpcSecurityGroupIds",
    ),
);

const { host: _, ...withoutHost } = target;
const connection = z.strictObject(
    { ...withoutHost, proxy },
    said(
        "how to log in to the copy over ssh, such as { user, privateKey }",
        "must be an object, such as { user, privateKey }",
    ),
);

export const restoreInputs = z.strictObject({
    imageId: idOf("ami", "").optional(),
    launchTemplate: z
        .strictObject(
            {
                id: idOf("lt", "the id of the launch template"),
                version: z
                    .string('must be a string, such as "3"; String(template.latestVersion) makes one')
                    .min(1, "is empty")
                    .optional(),
            },
            "must be an object: { id: template.id, version: ... }",
        )
        .optional(),
    launch,
    connection,
    verify: script,
    sudo: z.boolean().optional(),
    timeouts: z
        .strictObject(
            { boot: seconds(restoreLimits.boot), verify: seconds(restoreLimits.verify) },
            "must be an object with a number of seconds for boot, verify, or both",
        )
        .optional(),
    keepOnFailure: z.boolean().optional(),
    triggers,
    tags: tags.optional(),
    aws: aws.optional(),
    owner: hidden.owner,
    previewing: hidden.previewing,
});

export type RestoreInputs = z.infer<typeof restoreInputs>;

/** What the copy is launched from, in words. */
export function sourceText({
    imageId,
    launchTemplate,
}: Pick<RestoreInputs, "imageId" | "launchTemplate">): string {
    return imageId ?? `the launch template ${launchTemplate?.id ?? ""}`;
}

/** In seconds. */
export function restoreTimeoutsOf({ timeouts = {} }: Pick<RestoreInputs, "timeouts">) {
    return {
        boot: timeouts.boot ?? restoreLimits.boot.usual,
        verify: timeouts.verify ?? restoreLimits.verify.usual,
    };
}
