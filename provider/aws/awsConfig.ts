import { z } from "zod";
import { SnapshotError } from "../base/errors";

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
          }
        | undefined;
}

/** A span of time as Go writes it (`1h`, `90m`), in seconds. */
const duration = z
    .string()
    .regex(/^(\d+h)?(\d+m)?(\d+s)?$/)
    .min(1)
    .transform((text) =>
        Array.from(text.matchAll(/(\d+)([hms])/g)).reduce(
            (sum, [, count, unit]) => sum + Number(count) * { h: 3600, m: 60, s: 1 }[unit as "h" | "m" | "s"],
            0,
        ),
    );
const text = z.string().min(1);
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
    tags: z.record(text, z.string()).optional(),
    transitiveTagKeys: texts.optional(),
});
const webIdentity = z
    .strictObject({ ...session, webIdentityToken: text.optional(), webIdentityTokenFile: text.optional() })
    .refine((one) => one.webIdentityToken !== undefined || one.webIdentityTokenFile !== undefined);

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
    defaultTags: z.strictObject({ tags: z.record(text, z.string()).optional() }),
};

/** What would change how AWS is reached, and is not honoured; with what to do instead. */
const REFUSED: Readonly<Record<string, string>> = {
    insecure: "connections to AWS are always verified; for a private authority set NODE_EXTRA_CA_CERTS",
    customCaBundle: "set NODE_EXTRA_CA_CERTS to that file in the environment of Pulumi",
    ec2MetadataServiceEndpoint: "set AWS_EC2_METADATA_SERVICE_ENDPOINT in the environment of Pulumi",
    ec2MetadataServiceEndpointMode: "set AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE in the environment of Pulumi",
    tagPolicyCompliance: "tag policies of an organisation count at AWS itself",
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
            throw invalid(name, "is not honoured by this package", `Remove it, and ${instead}.`);
        }
    }
    return Object.fromEntries(
        Object.entries(HONOURED).flatMap(([name, schema]) => {
            const value = config[`aws:${name}`];
            return value === undefined || value === "" ? [] : [[name, readValue(name, schema, value)]];
        }),
    );
}

function readValue(name: string, schema: z.ZodType, value: string): unknown {
    const { success, data, error } = schema.safeParse(schema === text ? value : parsed(value));
    if (success) {
        return data;
    }
    const at = error.issues[0]?.path.map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`));
    const where = (at ?? []).join("");
    throw invalid(
        name,
        `is not what Pulumi's AWS provider takes${where === "" ? "" : `, at ${where}`}`,
        `Set it as that provider's documentation says, for example with pulumi config set --path 'aws:${name}...'.`,
    );
}

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
