import { EC2Client } from "@aws-sdk/client-ec2";
import { SSMClient } from "@aws-sdk/client-ssm";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { fromNodeProviderChain, fromTemporaryCredentials } from "@aws-sdk/credential-providers";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { SnapshotError } from "../base/errors";
import { AwsClock } from "./clock";
import { request } from "./request";

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

type Credentials = ReturnType<typeof fromNodeProviderChain>;
type AssumeRole = NonNullable<AwsSettings["assumeRole"]>;

/** The clients of one account and region. */
export interface Clients {
    readonly ec2: EC2Client;
    /** Never repeats a request: CreateSnapshots has no client token, so a repeated one makes a second set. */
    readonly ec2Once: EC2Client;
    readonly ssm: SSMClient;
    /** Never repeats a request: SendCommand has no client token either. */
    readonly ssmOnce: SSMClient;
    readonly sts: STSClient;
    readonly region: string;
    /** What all of them sign by. */
    readonly clock: AwsClock;
    /** The same, but that EC2 is reached over connections that nobody else uses, until `close`. */
    ownConnection(): OwnConnection;
}

export interface OwnConnection {
    readonly clients: Clients;
    close(): void;
}

const CONNECT_LIMIT_MS = 5_000;
/** Of STS, on the way to credentials. */
const ANSWER_LIMIT_MS = 30_000;
/** Describe calls of a large fleet are throttled now and then; the SDK's default is 3. */
const MAX_ATTEMPTS = 8;
/** Requests of a large fleet under way at once: more would only be throttled, and keep this process busy. */
const MAX_SOCKETS = 20;

/**
 * Clients for the effective settings: the `aws` input, then the stack's `aws:` config, then the SDK's own chain, which
 * begins with the environment.
 */
export async function clientsFor(settings: AwsSettings = {}, config: StackConfig = {}): Promise<Clients> {
    const region =
        settings.region ?? config["aws:region"] ?? process.env.AWS_REGION ?? process.env.AWS_DEFAULT_REGION;
    const profile = settings.profile ?? config["aws:profile"];
    const resolved = remembering(credentialsFor(settings, config, region));
    const own = {
        ...(region ? { region } : {}),
        ...(profile ? { profile } : {}),
        credentials: resolved.provider,
        requestHandler: newHandler(),
    };
    const clock = new AwsClock();
    const ec2 = clock.share(new EC2Client({ ...own, maxAttempts: MAX_ATTEMPTS }));
    // One cache of credentials for all: the SDK's is per client.
    const options = { ...own, credentials: ec2.config.credentials };
    const onceOptions = { ...own, credentials: resolved.latest, maxAttempts: 1 };
    const clients: Clients = {
        ec2,
        ec2Once: clock.share(new EC2Client(onceOptions)),
        ssm: clock.share(new SSMClient({ ...options, maxAttempts: MAX_ATTEMPTS })),
        ssmOnce: clock.share(new SSMClient({ ...options, maxAttempts: 1 })),
        sts: clock.share(new STSClient({ ...options, maxAttempts: MAX_ATTEMPTS })),
        region: await effectiveRegion(ec2),
        clock,
        ownConnection: () => {
            const requestHandler = newHandler();
            return {
                clients: {
                    ...clients,
                    ec2: clock.share(
                        new EC2Client({ ...options, requestHandler, maxAttempts: MAX_ATTEMPTS }),
                    ),
                    ec2Once: clock.share(new EC2Client({ ...onceOptions, requestHandler })),
                },
                close: () => requestHandler.destroy(),
            };
        },
    };
    return clients;
}

function newHandler(): NodeHttpHandler {
    const agent = { keepAlive: true, maxSockets: MAX_SOCKETS };
    return new NodeHttpHandler({ connectionTimeout: CONNECT_LIMIT_MS, httpAgent: agent, httpsAgent: agent });
}

/**
 * `latest` answers at once with what the provider answered last. The SDK renews credentials that end within 5 min
 * whenever it is asked for them, be that while an instance is frozen; the one request that is sent then must not wait.
 * Whoever sends it makes sure before that they last: see `credentialsFailure`.
 */
function remembering(provider: Credentials): { provider: Credentials; latest: Credentials } {
    let latest: Awaited<ReturnType<Credentials>> | undefined;
    const remember: Credentials = async (options) => (latest = await provider(options));
    return { provider: remember, latest: async (options) => latest ?? (await remember(options)) };
}

async function effectiveRegion(client: EC2Client): Promise<string> {
    try {
        return await client.config.region();
    } catch (cause) {
        throw new SnapshotError(
            {
                code: "WRONG_REGION",
                message: "No AWS region is set.",
                remedy: "Set `aws: { region }` on the resource, `pulumi config set aws:region`, or AWS_REGION.",
            },
            { cause },
        );
    }
}

/** Static keys of the stack's config, a profile, or the SDK's chain; then each role on top of the one before. */
function credentialsFor(settings: AwsSettings, config: StackConfig, region?: string): Credentials {
    const base = baseCredentials(settings, config);
    return rolesOf(settings, config).reduce<Credentials>(
        (masterCredentials, role) =>
            fromTemporaryCredentials({
                masterCredentials,
                params: {
                    RoleArn: role.roleArn,
                    RoleSessionName: role.sessionName ?? "pulumi-app-consistent-snapshot",
                    ...(role.externalId === undefined ? {} : { ExternalId: role.externalId }),
                },
                clientConfig: {
                    ...(region ? { region } : {}),
                    requestHandler: new NodeHttpHandler({
                        connectionTimeout: CONNECT_LIMIT_MS,
                        requestTimeout: ANSWER_LIMIT_MS,
                        throwOnRequestTimeout: true,
                    }),
                },
            }),
        base,
    );
}

function baseCredentials(settings: AwsSettings, config: StackConfig): Credentials {
    const accessKeyId = config["aws:accessKey"];
    const secretAccessKey = config["aws:secretKey"];
    if (settings.profile === undefined && accessKeyId && secretAccessKey) {
        const sessionToken = config["aws:token"];
        return () =>
            Promise.resolve({ accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) });
    }
    const profile = settings.profile ?? config["aws:profile"];
    return fromNodeProviderChain(profile ? { profile } : {});
}

/** `aws:assumeRoles` is JSON text in the stack's config (Pulumi AWS provider, "Configuration reference"). */
function rolesOf(settings: AwsSettings, config: StackConfig): AssumeRole[] {
    if (settings.assumeRole !== undefined) {
        return [settings.assumeRole];
    }
    const text = config["aws:assumeRoles"];
    const roles = text ? parsed(text) : [];
    if (!isRoles(roles)) {
        throw new SnapshotError({
            code: "INVALID_INPUT",
            message: "The stack's config aws:assumeRoles is not a list of roles.",
            remedy: "Set it as Pulumi's AWS provider takes it: a list of { roleArn, sessionName, externalId }.",
        });
    }
    return roles;
}

function parsed(text: string): unknown {
    try {
        return JSON.parse(text);
    } catch {
        return undefined;
    }
}

function isRoles(value: unknown): value is AssumeRole[] {
    return (
        Array.isArray(value) &&
        value.every((role: Partial<AssumeRole> | null) => typeof role?.roleArn === "string")
    );
}

/** The account that the credentials belong to. */
export async function accountOf(clients: Clients, signal: AbortSignal): Promise<string> {
    const answer = await request("sts:GetCallerIdentity", signal, (abortSignal) =>
        clients.sts.send(new GetCallerIdentityCommand({}), { abortSignal }),
    );
    return answer.Account ?? "";
}
