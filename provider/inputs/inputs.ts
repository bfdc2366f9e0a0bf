import { closestMatch } from "leven";
import { z } from "zod";
import { type ConsistencyLevel, levels } from "../base/evidence";
import { TAG_PREFIX } from "../aws/tags";
import { isUnknown } from "../base/unknown";
import { promisedLevel } from "./promisedLevel";
import { type Limit, limits, waitLimit } from "./timeouts";

/*
 * The inputs as they reach the provider: plain values. Defaults are applied when an input is used, not stored, so
 * that a new default never shows as a diff.
 */

/** EC2's ids: the kind and 8 (old) or 17 hexadecimal digits (EC2 User Guide, "Resource IDs"). */
const instanceId = z
    .string()
    .regex(/^i-([0-9a-f]{8}|[0-9a-f]{17})$/, "is not an EC2 instance id, such as i-0123456789abcdef0");
const volumeId = z
    .string()
    .regex(/^vol-([0-9a-f]{8}|[0-9a-f]{17})$/, "is not an EBS volume id, such as vol-0123456789abcdef0");

const seconds = ({ least, most }: Limit) =>
    z
        .number("must be a number of seconds")
        .min(least, `must be at least ${least} seconds`)
        .max(most, `must be at most ${most} seconds`)
        .optional();

const timeouts = z.strictObject({
    connect: seconds(limits.connect),
    lock: seconds(limits.lock),
    preFreeze: seconds(limits.preFreeze),
    freeze: seconds(limits.freeze),
    postThaw: seconds(limits.postThaw),
    command: seconds(limits.command),
    completion: seconds(limits.completion),
});

/** What editors of Windows put into a script, and a shell of Linux then takes for a part of a command's name. */
function unreadable(script: string): string | undefined {
    // The second one is the first one's bytes, read as if they were Latin-1.
    if (/^(\uFEFF|\u00EF\u00BB\u00BF)/.test(script)) {
        return 'begins with a byte order mark, which hides its "#!": save the file as UTF-8 without it';
    }
    const [before] = script.split(/\r(?=\n|$)/, 1);
    return before === script
        ? undefined
        : `has a carriage return at the end of line ${before?.split("\n").length ?? 1}: save the file with Unix line ends ` +
              '(LF), or use text.replaceAll("\\r\\n", "\\n")';
}

const noNul = (text: string) => !text.includes("\0");
const script = z.strictObject({
    path: z
        .string()
        .regex(/^\/[^\0\r\n]*$/, "must be an absolute path on the instance")
        .optional(),
    script: z
        .string()
        .refine((text) => text.trim() !== "", "is empty")
        .refine(noNul, "contains a NUL byte")
        .max(1_000_000, "is longer than 1 MB")
        .superRefine((text, context) => {
            const problem = unreadable(text);
            if (problem !== undefined) {
                context.addIssue({ code: "custom", message: problem });
            }
        })
        .optional(),
});

const commandTunnel = z.strictObject({
    via: z.literal("command"),
    command: z
        .array(
            z.string("must be a text").min(1, "is empty").refine(noNul, "contains a NUL byte"),
            "must be a list: a program and its arguments",
        )
        .min(1, "is empty: it takes a program and its arguments"),
});
const tunnel = z.discriminatedUnion("via", [commandTunnel], {
    error: 'must be { via: "command", command: [...] }, a program whose standard input and output are the connection',
});

const target = {
    host: z.string("is required: the address that ssh connects to"),
    user: z
        .string("is required: the account to log in as (stock images refuse root)")
        .regex(/^[^\s\0]+$/, "is not a user name"),
    port: z.int("must be a port number").min(1).max(65_535).optional(),
    password: z.string().min(1, "is empty").optional(),
    privateKey: z.string().min(1, "is empty").optional(),
    privateKeyPassword: z.string().optional(),
    agentSocketPath: z.string().min(1, "is empty").optional(),
    hostKey: z
        .union(
            [z.string(), z.array(z.string()).min(1, "is an empty list")],
            "must be a host key, or a list of them, not empty",
        )
        .optional(),
    insecureIgnoreHostKey: z.boolean().optional(),
    tunnel: tunnel.optional(),
};
const connection = z.strictObject(
    { ...target, proxy: z.strictObject(target).optional() },
    "is required: how to reach the instance over ssh",
);

/** Set by the guard itself for every script (design.md, section 5). */
const RESERVED_ENVIRONMENT = /^(ACS_.*|PATH|LC_ALL)$/;

/**
 * Names that a shell has for itself. For each of them one of these was seen with bash 5.2, dash 0.5 and busybox 1.35: to
 * export it fails, and with it the script; another value arrives than was given; or (bash manual, "Bash Variables") all
 * scripts run in another way: they read a file first, split, search or count differently. What a login sets, such as
 * HOME, is not among them, nor is LD_LIBRARY_PATH, which clients of databases need: only the scripts get it.
 */
const SHELLS_OWN = new RegExp(
    `^(BASH.*|${[
        // Read-only, or with values that not all texts are.
        ["UID", "EUID", "PPID", "SHELLOPTS", "HISTCMD", "SRANDOM", "OPTIND"],
        // Set by the shell, whatever was given.
        [
            "DIRSTACK",
            "EPOCHREALTIME",
            "EPOCHSECONDS",
            "FUNCNAME",
            "GROUPS",
            "LINENO",
            "OPTARG",
            "OPTERR",
            "PIPESTATUS",
        ],
        ["PWD", "OLDPWD", "RANDOM", "SECONDS", "SHLVL", "_", "PS1", "PS2", "PS3", "COMP_WORDBREAKS"],
        // Changes what the commands of a script do.
        [
            "ENV",
            "IFS",
            "PS4",
            "CDPATH",
            "GLOBIGNORE",
            "GLOBSORT",
            "EXECIGNORE",
            "FUNCNEST",
            "TMOUT",
            "POSIXLY_CORRECT",
        ],
    ]
        .flat()
        .join("|")})$`,
);
const environmentName = z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "is not the name of an environment variable")
    .refine((name) => !RESERVED_ENVIRONMENT.test(name), "is set by this package and cannot be given")
    .refine(
        (name) => !SHELLS_OWN.test(name),
        "is a name that shells have for themselves: the value would not arrive, or change how scripts run; use another name",
    );

const hooks = z.strictObject({
    method: z.literal("hooks"),
    connection,
    scripts: z
        .strictObject({
            preFreeze: script.optional(),
            postThaw: script.optional(),
            level: z.enum(["application", "filesystem"], 'must be "application" or "filesystem"').optional(),
            recipe: z
                .string()
                .regex(/^[\w+.-]{1,200}$/, "must be letters, digits and any of + . - _")
                .optional(),
            rehearse: z.boolean("must be true or false").optional(),
        })
        .optional(),
    sudo: z.boolean("must be true or false").optional(),
    environment: z.record(environmentName, z.string().refine(noNul, "contains a NUL byte")).optional(),
    verifyInstanceIdentity: z.boolean().optional(),
    showHookOutput: z.enum(["never", "onFailure"], 'must be "never" or "onFailure"').optional(),
});
const none = z.strictObject({ method: z.literal("none") });

/** Characters of an image's name (EC2 API reference, CreateImage); the execution id comes behind. */
const namePrefix = z
    .string()
    .regex(
        /^[A-Za-z0-9()[\] ./\-'@_]{1,80}$/,
        "must be 1 to 80 of the characters that an image's name may have",
    );
const vss = z.strictObject({
    method: z.literal("vss"),
    copyOnly: z.boolean().optional(),
    noWriters: z.boolean().optional(),
    vssVersion: z
        .string()
        .regex(/^\d+(\.\d+){1,3}$/, "is not a version of AwsVssComponents, such as 2.5.1")
        .optional(),
    createImage: z
        .union([z.boolean(), z.strictObject({ namePrefix })], "must be true, false or { namePrefix }")
        .optional(),
    keepComponents: z.boolean().optional(),
});

/** EC2 allows 50 tags on a resource (EC2 User Guide, "Tag restrictions"); ours are in aws/tags.ts. */
const MAX_USER_TAGS = 43;

const tags = z
    .record(
        z
            .string()
            .min(1, "a tag's key is empty")
            .max(128, "a tag's key has more than 128 characters")
            .refine((key) => !/^aws:/i.test(key), "the prefix aws: is reserved by AWS")
            .refine(
                (key) => !key.startsWith(TAG_PREFIX),
                `the prefix ${TAG_PREFIX} is reserved by this package`,
            ),
        z.string("must be a string").max(256, "has more than 256 characters"),
    )
    .refine(
        (map) => Object.keys(map).length <= MAX_USER_TAGS,
        `has more than ${MAX_USER_TAGS} tags: EC2 allows 50 on a snapshot, and this package sets up to 7 of them`,
    );

const aws = z.strictObject({
    region: z.string().min(1, "is empty").optional(),
    profile: z.string().min(1, "is empty").optional(),
    assumeRole: z
        .strictObject({
            roleArn: z.string().regex(/^arn:[\w-]+:iam::\d{12}:role\/.+$/, "is not the ARN of an IAM role"),
            sessionName: z.string().optional(),
            externalId: z.string().optional(),
        })
        .optional(),
});

function quiesceProblem(quiesce: unknown): string {
    if (quiesce === undefined) {
        return 'is required: how to quiesce the instance, such as { method: "hooks", connection: {...} }';
    }
    return (
        'must be "hooks" (pre-freeze and post-thaw scripts over ssh), "vss" (Windows, through Systems Manager) ' +
        'or "none" (a plain, crash-consistent snapshot)'
    );
}

/** An id of a resource of ours (`lifecycle.ts`). */
const executionId = z
    .string()
    .regex(
        /^acs-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
        "is not an execution id, such as the error THAW_PENDING names (acs-...)",
    );

/** What the classes of this package give, not their users. */
const hidden = {
    owner: z.string().optional(),
    taken: z.boolean().optional(),
    previewing: z.boolean().optional(),
};
export const hiddenInputs: readonly string[] = Object.keys(hidden);

const snapshotInputs = z.strictObject({
    instanceId,
    quiesce: z.discriminatedUnion("method", [hooks, vss, none], {
        error: ({ input }) => quiesceProblem(input),
    }),
    minimumLevel: z.enum(levels, `must be one of ${levels.map((l) => `"${l}"`).join(", ")}`).optional(),
    volumes: z
        .strictObject({
            excludeBootVolume: z.boolean().optional(),
            excludeDataVolumeIds: z.array(volumeId).optional(),
        })
        .optional(),
    triggers: z.array(z.unknown(), "must be a list").optional(),
    tags: tags.optional(),
    description: z.string().max(255, "has more than 255 characters").optional(),
    copyTagsFromVolumes: z.boolean().optional(),
    timeouts: timeouts.optional(),
    waitForCompletion: z.boolean().optional(),
    aws: aws.optional(),
    confirmAwake: executionId.optional(),
    preflight: z.enum(["warn", "fail"], 'must be "warn" or "fail"').optional(),
    ...hidden,
});

const hostKeysInputs = z.strictObject({
    instanceId,
    timeouts: z.strictObject({ wait: seconds(waitLimit) }).optional(),
    aws: aws.optional(),
    owner: hidden.owner,
});

export type SnapshotInputs = z.infer<typeof snapshotInputs>;
export type Quiesce = SnapshotInputs["quiesce"];
export type HooksQuiesce = z.infer<typeof hooks>;
export type VssQuiesce = z.infer<typeof vss>;
export type ScriptSource = z.infer<typeof script>;
export type HostKeysInputs = z.infer<typeof hostKeysInputs>;

export const schemas = { snapshot: snapshotInputs, hostKeys: hostKeysInputs };

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

/** "Did you mean", for a key that is not known. */
export function suggestion(key: string, known: readonly string[]): string {
    const match = closestMatch(key, [...known], { maxDistance: Math.min(3, Math.ceil(key.length / 3)) });
    return match === undefined ? `known here: ${known.join(", ")}` : `did you mean "${match}"?`;
}

export function makesImage({ createImage }: Pick<VssQuiesce, "createImage">): boolean {
    return createImage !== undefined && createImage !== false;
}

/** What the names of images begin with. */
export function imagePrefix(createImage: VssQuiesce["createImage"]): string {
    return typeof createImage === "object" ? createImage.namePrefix : "app-consistent-snapshot";
}
