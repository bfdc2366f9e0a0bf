import { closestMatch } from "leven";
import { z } from "zod";
import { type ConsistencyLevel, levels } from "../base/evidence";
import { isExecutionId } from "../base/executionId";
import { TAG_PREFIX } from "../aws/tags";
import { isUnknown } from "../base/unknown";
import { idProblem, regionProblem } from "../aws/awsNames";
import { environmentName } from "./environmentName";
import { userProblem } from "./hostAddress";
import { promisedLevel } from "./promisedLevel";
import { checkedText, instanceId, noNul, said } from "./texts";
import { type Limit, limits, roleSessionLimit, waitLimit } from "./timeouts";
import { tunnel } from "./tunnels";

/*
 * The inputs as they reach the provider: plain values. Defaults are applied when an input is used, not stored, so
 * that a new default never shows as a diff.
 */

const textValue = z.string({
    error: ({ input }) =>
        input === null ? "must be a string, not null" : "must be a string; String(value) makes one",
});

const volumeId = checkedText((text) => idProblem("vol", text));

const seconds = ({ least, most }: Limit) => {
    const must = `must be a number of seconds, ${least} to ${most}`;
    return z
        .number(must)
        .superRefine((given, context) => {
            if (given < least || given > most) {
                const inSeconds = given / 1000;
                const isMilliseconds = given > most && inSeconds >= least && inSeconds <= most;
                const hint = isMilliseconds ? `; if it is meant in milliseconds, give ${inSeconds}` : "";
                context.addIssue({ code: "custom", message: must + hint });
            }
        })
        .optional();
};

const phases = Object.keys(limits).join(", ");
const timeouts = z.strictObject(
    {
        connect: seconds(limits.connect),
        lock: seconds(limits.lock),
        preFreeze: seconds(limits.preFreeze),
        freeze: seconds(limits.freeze),
        postThaw: seconds(limits.postThaw),
        command: seconds(limits.command),
        completion: seconds(limits.completion),
    },
    `must be an object with a number of seconds for each phase: ${phases}`,
);

/** What editors of Windows put into a script, and a shell of Linux then takes for a part of a command's name. */
function unreadable(script: string): string | undefined {
    // The second one is the first one's bytes, read as if they were Latin-1.
    if (/^(\uFEFF|\u00EF\u00BB\u00BF)/.test(script)) {
        return 'begins with a byte order mark, which hides its "#!"; save the file as UTF-8 without it';
    }
    const [before] = script.split(/\r(?=\n|$)/, 1);
    return before === script
        ? undefined
        : `has a carriage return at the end of line ${before?.split("\n").length ?? 1}; save the file with Unix line ends ` +
              '(LF), or use text.replaceAll("\\r\\n", "\\n")';
}

const script = z.strictObject(
    {
        path: z
            .string()
            .regex(
                /^\/[^\0\r\n]*$/,
                "must be an absolute path on the instance, such as /usr/local/sbin/freeze; " +
                    'to send a file of this machine, give { script: fs.readFileSync(path, "utf8") } instead',
            )
            .optional(),
        script: checkedText(
            unreadable,
            z
                .string()
                .refine((text) => text.trim() !== "", "is empty")
                .refine(noNul, "contains a NUL byte")
                .max(1_000_000, "is longer than 1 MB"),
        ).optional(),
    },
    "must be { path: ... } of a script on the instance, or { script: ... } with its text",
);

const target = {
    // What is an address, and whether there is one, depends on the tunnel (checkTunnel.ts).
    host: z.string("must be one host name or IP address, as a string").optional(),
    user: checkedText(
        userProblem,
        z.string(
            said(
                "the account to log in as (stock images refuse root)",
                "must be the name of an account, as a string",
            ),
        ),
    ),
    port: z.int("must be a port number, 1 to 65535").min(1).max(65_535).optional(),
    password: z.string().min(1, "is empty").optional(),
    privateKey: z.string().min(1, "is empty").optional(),
    privateKeyPassword: z.string().optional(),
    agentSocketPath: z.string().min(1, "is empty").optional(),
    hostKey: z
        .union(
            [z.string(), z.array(z.string()).min(1, "is an empty list")],
            "must be a host key (a string), or a list of host keys with at least one",
        )
        .optional(),
    insecureIgnoreHostKey: z.boolean().optional(),
    instanceConnect: z.boolean().optional(),
    tunnel: tunnel.optional(),
};
const proxy = z
    .strictObject(target, "must be an object, such as { host, user, privateKey, hostKey } of the bastion")
    .optional();
const connection = z.strictObject(
    { ...target, proxy },
    said(
        "the way to reach the instance over ssh, such as { host, user, privateKey, hostKey }",
        "must be an object, such as { host, user, privateKey, hostKey }",
    ),
);

const hooks = z.strictObject({
    method: z.literal("hooks"),
    connection,
    scripts: z
        .strictObject(
            {
                preFreeze: script.optional(),
                postThaw: script.optional(),
                level: z
                    .enum(["application", "filesystem"], 'must be "application" or "filesystem"')
                    .optional(),
                recipe: z
                    .string()
                    .regex(/^[\w+.-]{1,200}$/, "must be letters, digits and any of + . - _")
                    .optional(),
                rehearse: z.boolean().optional(),
            },
            "must be an object, such as { preFreeze: { path }, postThaw: { path } }; " +
                "recipes.combine(a, b) makes one of several recipes",
        )
        .optional(),
    sudo: z.boolean().optional(),
    environment: z
        .record(
            environmentName,
            textValue.refine(noNul, "contains a NUL byte"),
            'must be an object of names and values, such as { PGPORT: "5433" }',
        )
        .optional(),
    verifyInstanceIdentity: z.boolean().optional(),
    showHookOutput: z.enum(["never", "onFailure"], 'must be "never" or "onFailure"').optional(),
});
const none = z.strictObject({ method: z.literal("none") });

/** Characters of an image's name (EC2 API reference, CreateImage); the execution id comes behind. */
const namePrefix = z
    .string()
    .regex(
        /^[A-Za-z0-9()[\] ./\-'@_]{1,80}$/,
        "must be 1 to 80 letters, digits, blanks and ()[]./-'@_, which an image's name may have",
    );
const vss = z.strictObject({
    method: z.literal("vss"),
    copyOnly: z.boolean().optional(),
    noWriters: z.boolean().optional(),
    vssVersion: z
        .string('must be a version of AwsVssComponents as a string, such as "2.5.1"')
        .regex(
            /^\d+(\.\d+){1,3}$/,
            'is not a version of AwsVssComponents, such as "2.5.1"; leave it out for the one that AWS recommends',
        )
        .optional(),
    createImage: z
        .union(
            [z.boolean(), z.strictObject({ namePrefix })],
            'must be true, false or { namePrefix: "..." }, what the image\'s name begins with',
        )
        .optional(),
    keepComponents: z.boolean().optional(),
});

/**
 * EC2 allows 50 tags on a resource (EC2 User Guide, "Tag restrictions"). Ours are in aws/tags.ts: at no time have more
 * than 7 of them to be there, and the others give way (setRequest.ts, roomForTags.ts).
 */
const MAX_USER_TAGS = 43;

const tags = z
    .record(
        z
            .string()
            .min(1, "a tag's key is empty")
            .max(128, "a tag's key has more than 128 characters")
            .refine((key) => !/^aws:/i.test(key), "begins with aws:, which AWS keeps for itself")
            .refine(
                (key) => !key.startsWith(TAG_PREFIX),
                `begins with ${TAG_PREFIX}, which this package keeps for itself`,
            ),
        textValue.max(256, "has more than 256 characters"),
        'must be an object of keys and values, such as { Name: "database" }',
    )
    .refine(
        (map) => Object.keys(map).length <= MAX_USER_TAGS,
        `has more than ${MAX_USER_TAGS} tags; EC2 allows 50 on a snapshot, of which this package sets up to 7`,
    );

const aws = z.strictObject(
    {
        region: checkedText(regionProblem).optional(),
        profile: z.string().min(1, "is empty").optional(),
        assumeRole: z
            .strictObject(
                {
                    roleArn: z
                        .string(
                            said(
                                "the ARN of the role, such as arn:aws:iam::123456789012:role/backup",
                                "must be a string",
                            ),
                        )
                        .regex(
                            /^arn:[\w-]+:iam::\d{12}:role\/.+$/,
                            "is not the ARN of an IAM role, such as arn:aws:iam::123456789012:role/backup",
                        ),
                    sessionName: z.string().optional(),
                    externalId: z.string().optional(),
                    durationSeconds: seconds(roleSessionLimit).refine(
                        (given) => given === undefined || Number.isInteger(given),
                        "must be a whole number of seconds",
                    ),
                    sourceIdentity: z
                        .string()
                        // What STS takes (AssumeRole, "SourceIdentity").
                        .regex(/^[\w+=,.@-]{2,64}$/, "must be 2 to 64 letters, digits or _+=,.@-")
                        .optional(),
                },
                'must be an object, such as { roleArn: "arn:aws:iam::123456789012:role/backup" }',
            )
            .optional(),
    },
    "must be an object with any of region, profile and assumeRole",
);

const METHODS = ["hooks", "vss", "none"] as const;
const ALL_METHODS =
    '"hooks" (pre-freeze and post-thaw scripts over ssh), "vss" (Windows, through Systems Manager) ' +
    'or "none" (a plain, crash-consistent snapshot)';

function quiesceProblem(quiesce: unknown): string {
    if (quiesce === undefined) {
        return 'is required; give the way to quiesce the instance, such as { method: "hooks", connection: {...} }';
    }
    if (typeof quiesce !== "object" || quiesce === null || Array.isArray(quiesce)) {
        return `must be an object with a method: ${METHODS.map((one) => `{ method: "${one}" }`).join(", ")}`;
    }
    const { method } = quiesce as { readonly method?: unknown };
    if (method === undefined) {
        return `is required; give ${ALL_METHODS}`;
    }
    const meant = typeof method === "string" ? nearest(method, METHODS) : undefined;
    return `must be ${ALL_METHODS}${meant === undefined ? "" : `; did you mean "${meant}"?`}`;
}

/** An id of a resource of ours (`lifecycle.ts`). */
const executionId = z
    .string(
        "must be an execution id (acs-...) as a string, the one that the error THAW_PENDING or STALE_FREEZE names",
    )
    .refine(
        isExecutionId,
        "is not an execution id (acs-...); give the one that the error THAW_PENDING or STALE_FREEZE names",
    );

/** What the classes of this package give, not their users. */
const hidden = {
    owner: z.string().optional(),
    taken: z.boolean().optional(),
    previewing: z.boolean().optional(),
};
export const hiddenInputs: readonly string[] = Object.keys(hidden);

const minimumLevel = z.enum(levels, `must be one of ${levels.map((l) => `"${l}"`).join(", ")}`).optional();

const triggers = z
    .array(z.unknown(), 'must be a list, such as [config.get("run")]; a new list of values takes a new set')
    .optional();

/** What a set of one instance and a group of several have in common. */
const shared = {
    triggers,
    tags: tags.optional(),
    description: z.string().max(255, "has more than 255 characters").optional(),
    copyTagsFromVolumes: z.boolean().optional(),
    timeouts: timeouts.optional(),
    waitForCompletion: z.boolean().optional(),
    aws: aws.optional(),
    confirmAwake: executionId.optional(),
    preflight: z.enum(["warn", "fail"], 'must be "warn" or "fail"').optional(),
    ...hidden,
};

const snapshotInputs = z.strictObject({
    instanceId,
    quiesce: z.discriminatedUnion("method", [hooks, vss, none], {
        error: ({ input }) => quiesceProblem(input),
    }),
    minimumLevel,
    volumes: z
        .strictObject(
            {
                excludeBootVolume: z.boolean().optional(),
                excludeDataVolumeIds: z
                    .array(volumeId, "must be a list of volume ids, such as [volume.id]")
                    .optional(),
            },
            "must be an object with what to leave out: { excludeBootVolume: true }, { excludeDataVolumeIds: [...] }",
        )
        .optional(),
    ...shared,
});

/** Of a group. Each is frozen while the slowest one freezes, so many would be frozen for long. */
const MEMBERS = { least: 2, most: 10 };
const MEMBER_COUNT = `needs ${MEMBERS.least} to ${MEMBERS.most} members`;

/** What a member has is looked at as the inputs of a set of its own (`checkGroup.ts`). */
const groupInputs = z.strictObject({
    members: z
        .record(
            z
                .string()
                // Pulumi keeps what begins with two underscores for itself.
                .regex(
                    /^(?!__)[\w.-]{1,64}$/,
                    "must be 1 to 64 letters, digits and any of . - _, and not begin with __",
                ),
            z.strictObject({
                instanceId: z.unknown(),
                quiesce: z.unknown(),
                volumes: z.unknown().optional(),
            }),
            `is required; give a map of ${MEMBERS.least} to ${MEMBERS.most} names to { instanceId, quiesce }`,
        )
        .refine(
            (members) =>
                Object.keys(members).length >= MEMBERS.least && Object.keys(members).length <= MEMBERS.most,
            MEMBER_COUNT,
        ),
    minimumLevel,
    ...shared,
});

const SOURCES = ["console", "systems-manager"] as const;
const hostKeysInputs = z.strictObject({
    instanceId,
    source: z
        .enum(SOURCES, {
            error: ({ input }) => {
                const meant = typeof input === "string" ? nearest(input, SOURCES) : undefined;
                const must =
                    'must be "console" (what the instance printed at its first boot) or "systems-manager" (read on the ' +
                    "instance by its SSM agent)";
                return meant === undefined ? must : `${must}; did you mean "${meant}"?`;
            },
        })
        .optional(),
    timeouts: z
        .strictObject({ wait: seconds(waitLimit) }, "must be an object, such as { wait: 600 }, in seconds")
        .optional(),
    aws: aws.optional(),
    owner: hidden.owner,
});

export type SnapshotInputs = z.infer<typeof snapshotInputs>;
export type Quiesce = SnapshotInputs["quiesce"];
export type HooksQuiesce = z.infer<typeof hooks>;
export type VssQuiesce = z.infer<typeof vss>;
export type ScriptSource = z.infer<typeof script>;
export type HostKeysInputs = z.infer<typeof hostKeysInputs>;

/** What a member of a group has by itself, and what all of them have. */
export type GroupInputs = Omit<z.infer<typeof groupInputs>, "members"> & {
    readonly members: Readonly<Record<string, Pick<SnapshotInputs, "instanceId" | "quiesce" | "volumes">>>;
};

export const schemas = { snapshot: snapshotInputs, group: groupInputs, hostKeys: hostKeysInputs };

/** What schemas of other resources are made of, too. */
export const schemaParts = { said, checkedText, seconds, target, proxy, script, tags, aws, triggers, hidden };

export function minimumLevelOf(inputs: Pick<SnapshotInputs, "minimumLevel" | "quiesce">): ConsistencyLevel {
    return inputs.minimumLevel ?? promisedLevel(inputs.quiesce) ?? "crash";
}

/**
 * Triggers that mean something: absent, empty and only nulls are all "keep what is there". A list that is not known
 * yet, at preview, means something, as any other unknown value does to Pulumi.
 */
export function effectiveTriggers(triggers: readonly unknown[] | undefined): readonly unknown[] | undefined {
    const list = isUnknown(triggers) ? [triggers] : triggers;
    return list?.some((trigger) => trigger !== null && trigger !== undefined) ? list : undefined;
}

/** The one that somebody may have meant, if it is near enough for that. */
export function nearest(given: string, known: readonly string[]): string | undefined {
    return (
        known.find((one) => one.toLowerCase() === given.replaceAll(/[-_]/g, "").toLowerCase()) ??
        closestMatch(given, [...known], { maxDistance: Math.min(3, Math.ceil(given.length / 3)) })
    );
}

export function makesImage({ createImage }: Pick<VssQuiesce, "createImage">): boolean {
    return createImage !== undefined && createImage !== false;
}

/** What the names of images begin with. */
export function imagePrefix(createImage: VssQuiesce["createImage"]): string {
    return typeof createImage === "object" ? createImage.namePrefix : "app-consistent-snapshot";
}
