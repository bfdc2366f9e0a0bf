import { z } from "zod";
import { SnapshotError } from "../base/errors";
import { regionProblem } from "./awsNames";

/** Stack config by full name, such as `aws:region`. Secrets are plain here. */
export type StackConfig = Readonly<Record<string, string | undefined>>;

/** The input `aws`, in all its parts. */
export interface AwsSettings {
    readonly region?: string | undefined;
    readonly profile?: string | undefined;
    readonly assumeRole?:
        | {
              readonly roleArn: string;
              readonly sessionName?: string | undefined;
              readonly externalId?: string | undefined;
              readonly durationSeconds?: number | undefined;
              readonly sourceIdentity?: string | undefined;
          }
        | undefined;
}

/** A span of time as Go writes it (`1h`, `90m`, `1.5h`), in seconds. */
const duration = z
    .string()
    .regex(
        /^(?=.)(\d+(\.\d+)?h)?(\d+(\.\d+)?m)?(\d+(\.\d+)?s)?$/,
        "must be a span of time, such as 1h or 15m",
    )
    .transform((text) =>
        Array.from(text.matchAll(/([\d.]+)([hms])/g)).reduce(
            (sum, [, count, unit]) => sum + Number(count) * { h: 3600, m: 60, s: 1 }[unit as "h" | "m" | "s"],
            0,
        ),
    );
/** `pulumi config set --path` stores what looks like a number as one: an account id, an external id, a tag. */
const text = z.union([z.string(), z.number(), z.boolean()]).transform(String).pipe(z.string().min(1));
const tagValue = z.union([z.string(), z.number(), z.boolean()]).transform(String);
const texts = z.array(text);
const flag = z.boolean();

const session = {
    roleArn: text,
    sessionName: text.optional(),
    duration: duration.optional(),
    policy: text.optional(),
    policyArns: texts.optional(),
};
const role = z.strictObject({
    ...session,
    externalId: text.optional(),
    sourceIdentity: text.optional(),
    tags: z.record(z.string().min(1), tagValue).optional(),
    transitiveTagKeys: texts.optional(),
});
const webIdentity = z
    .strictObject({ ...session, webIdentityToken: text.optional(), webIdentityTokenFile: text.optional() })
    .refine(
        (one) => one.webIdentityToken !== undefined || one.webIdentityTokenFile !== undefined,
        "needs webIdentityTokenFile or webIdentityToken",
    );

export type RoleConfig = z.infer<typeof role>;
export type WebIdentityConfig = z.infer<typeof webIdentity>;

/** What is honoured of the settings that Pulumi's AWS provider has (its "Configuration reference"). */
const HONOURED = {
    region: text,
    profile: text,
    accessKey: text,
    secretKey: text,
    token: text,
    sharedConfigFiles: texts,
    sharedCredentialsFiles: texts,
    assumeRoles: z.array(role),
    assumeRoleWithWebIdentity: webIdentity,
    stsRegion: text,
    allowedAccountIds: texts,
    forbiddenAccountIds: texts,
    useFipsEndpoint: flag,
    useDualstackEndpoint: flag,
    /** Of each service; those of others are not called. */
    endpoints: z.array(z.looseObject({ ec2: text.optional(), ssm: text.optional(), sts: text.optional() })),
    httpProxy: text,
    httpsProxy: text,
    noProxy: text,
    defaultTags: z.strictObject({ tags: z.record(z.string().min(1), tagValue).optional() }),
};

const A_ROLE = "arn:aws:iam::123456789012:role/backup";

/** How to set those that are no plain text: behind `pulumi config set`. */
const EXAMPLES: { readonly [Name in keyof typeof HONOURED]?: string } = {
    sharedConfigFiles: "--path 'aws:sharedConfigFiles[0]' /home/me/.aws/config",
    sharedCredentialsFiles: "--path 'aws:sharedCredentialsFiles[0]' /home/me/.aws/credentials",
    assumeRoles: `--path 'aws:assumeRoles[0].roleArn' ${A_ROLE}`,
    assumeRoleWithWebIdentity:
        `--path aws:assumeRoleWithWebIdentity.roleArn ${A_ROLE}, ` +
        "and the same for .webIdentityTokenFile or .webIdentityToken",
    allowedAccountIds: "--path 'aws:allowedAccountIds[0]' 123456789012",
    forbiddenAccountIds: "--path 'aws:forbiddenAccountIds[0]' 123456789012",
    useFipsEndpoint: "aws:useFipsEndpoint true",
    useDualstackEndpoint: "aws:useDualstackEndpoint true",
    endpoints: "--path 'aws:endpoints[0].ec2' https://ec2.example.com",
    defaultTags: "--path aws:defaultTags.tags.team data",
};

/** What would change how AWS is reached, and is not honoured; with what to do instead. */
const REFUSED: Readonly<Record<string, string>> = {
    insecure:
        "Connections to AWS are always verified. For a private authority, set NODE_EXTRA_CA_CERTS in the environment of Pulumi.",
    customCaBundle: "Set NODE_EXTRA_CA_CERTS to that file in the environment of Pulumi.",
    ec2MetadataServiceEndpoint: "Set AWS_EC2_METADATA_SERVICE_ENDPOINT in the environment of Pulumi.",
    ec2MetadataServiceEndpointMode:
        "Set AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE in the environment of Pulumi.",
    tagPolicyCompliance: "AWS itself enforces the tag policies of an organisation.",
    // Of earlier releases of Pulumi's AWS provider.
    assumeRole: `Give a list of roles: pulumi config set --path 'aws:assumeRoles[0].roleArn' ${A_ROLE}.`,
};

/** The stack's `aws:` settings, as values. */
export type AwsConfig = { readonly [Name in keyof typeof HONOURED]?: z.infer<(typeof HONOURED)[Name]> };

/** All that has to be read of the stack's config, by full name. The rest has no effect on snapshots. */
export const configKeys: readonly string[] = [...Object.keys(HONOURED), ...Object.keys(REFUSED)].map(
    (name) => `aws:${name}`,
);

/**
 * Reads the stack's `aws:` settings. What is no text is JSON in the stack's config.
 * @throws SnapshotError `INVALID_INPUT` that names the setting, and never quotes it: it may be secret
 */
export function readAwsConfig(config: StackConfig): AwsConfig {
    for (const [name, instead] of Object.entries(REFUSED)) {
        const value = config[`aws:${name}`];
        if (value !== undefined && value !== "" && value !== "false" && value !== "disabled") {
            throw invalid(name, "is not honoured by this package", `Remove it. ${instead}`);
        }
    }
    const read: AwsConfig = Object.fromEntries(
        Object.entries(HONOURED).flatMap(([name, schema]) => {
            const value = config[`aws:${name}`];
            return value === undefined || value === "" ? [] : [[name, readValue(name, schema, value)]];
        }),
    );
    assertWholeKey(read);
    return read;
}

/** A part of a key would be as none, and the SDK's chain might have a key of another account. */
function assertWholeKey({ accessKey, secretKey, token }: AwsConfig): void {
    const missing = accessKey === undefined ? "accessKey" : secretKey === undefined ? "secretKey" : undefined;
    const given = Object.entries({ accessKey, secretKey, token }).find(([, value]) => value !== undefined);
    if (missing !== undefined && given !== undefined) {
        throw invalid(
            given[0],
            `is set, but aws:${missing} is not`,
            `Set it by pulumi config set --secret aws:${missing}, or remove aws:${given[0]}.`,
        );
    }
}

function readValue(name: string, schema: z.ZodType, value: string): unknown {
    if (schema === text) {
        const problem = REGIONS.includes(name) ? regionProblem(value) : undefined;
        if (problem !== undefined) {
            throw invalid(
                name,
                problem,
                `Set it again, such as: pulumi config set aws:${name} eu-central-1.`,
            );
        }
        return value;
    }
    const { success, data, error } = schema.safeParse(parsed(value));
    if (success) {
        return data;
    }
    const example = EXAMPLES[name as keyof typeof HONOURED] ?? "";
    throw invalid(
        name,
        `cannot be read, because ${problemOf(error.issues[0])}`,
        `Set it as Pulumi's AWS provider takes it, such as: pulumi config set ${example}.`,
    );
}

/** What is wrong, and where in the value. */
function problemOf(issue: z.core.$ZodIssue | undefined): string {
    const path = issue?.path ?? [];
    switch (issue?.code) {
        case "unrecognized_keys": {
            const [unknown = ""] = issue.keys.filter((key) => /^\w{1,40}$/.test(key));
            return `it has a field that is not known${unknown === "" ? "" : `, ${pathText([...path, unknown])}`}`;
        }
        case "invalid_type":
            return `${pathText(path)} must be ${TYPES[issue.expected] ?? `of type ${issue.expected}`}`;
        case "invalid_union":
            return `${pathText(path)} is required, as a plain text`;
        default:
            return `${pathText(path)} ${issue?.message ?? "is not right"}`;
    }
}

const TYPES: Readonly<Record<string, string>> = {
    array: "a list",
    object: "an object",
    record: "an object",
    boolean: "true or false",
    string: "a text",
};

function pathText(path: readonly PropertyKey[]): string {
    const text = path.map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`)).join("");
    return text === "" ? "it" : text.replace(/^\./, "");
}

const REGIONS = ["region", "stsRegion"];

function parsed(value: string): unknown {
    try {
        return JSON.parse(value);
    } catch {
        return undefined;
    }
}

function invalid(name: string, problem: string, remedy: string): SnapshotError {
    return new SnapshotError({
        code: "INVALID_INPUT",
        message: `The stack's config aws:${name} ${problem}.`,
        remedy,
    });
}

/** The environment that Node's agents take proxies from, with the stack's settings first. */
export function proxyEnvironment(config: AwsConfig, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
    const set = (name: string, value: string | undefined) =>
        value === undefined ? {} : { [name]: value, [name.toLowerCase()]: value };
    return {
        ...env,
        ...set("HTTP_PROXY", config.httpProxy),
        ...set("HTTPS_PROXY", config.httpsProxy),
        ...set("NO_PROXY", config.noProxy),
    };
}
