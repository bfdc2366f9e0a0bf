import { EC2Client } from "@aws-sdk/client-ec2";
import type { EC2InstanceConnectClient } from "@aws-sdk/client-ec2-instance-connect";
import { SSMClient } from "@aws-sdk/client-ssm";
import { Agent } from "node:https";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { SnapshotError } from "../base/errors";
import {
    type AwsConfig,
    type AwsSettings,
    type StackConfig,
    proxyEnvironment,
    readAwsConfig,
} from "./awsConfig";
import { AwsClock } from "./clock";
import { type Credentials, credentialsFor } from "./credentials";
import { request } from "./request";

/** The clients of one account and region. */
export interface Clients {
    readonly ec2: EC2Client;
    /** Never repeats a request: CreateSnapshots has no client token, so a repeated one makes a second set. */
    readonly ec2Once: EC2Client;
    readonly ssm: SSMClient;
    /** Never repeats a request: SendCommand has no client token either. */
    readonly ssmOnce: SSMClient;
    readonly sts: STSClient;
    /** Made and loaded at the first call, because few runs need it. */
    readonly instanceConnect: () => Promise<EC2InstanceConnectClient>;
    /** For what is no request of a client: goes by the same proxies. */
    readonly proxyAgent: () => Agent;
    readonly region: string;
    /** What all of them sign by. */
    readonly clock: AwsClock;
    /** What the stack's config says beside how AWS is reached. */
    readonly config: Pick<AwsConfig, "allowedAccountIds" | "forbiddenAccountIds" | "defaultTags">;
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
 * begins with the environment. All of them go by the proxies that the config or the environment names.
 */
export async function clientsFor(
    settings: AwsSettings = {},
    stackConfig: StackConfig = {},
    env: NodeJS.ProcessEnv = process.env,
): Promise<Clients> {
    const config = readAwsConfig(stackConfig);
    if (env.AWS_REGION === "") {
        // Empty where a CI has no value for it. The SDK reads it by itself, for the clients on the way to credentials as
        // well, and takes it for a region rather than look into the profile.
        delete env.AWS_REGION;
    }
    const proxyEnv = proxyEnvironment(config, env);
    const region = settings.region ?? config.region ?? (env.AWS_REGION || env.AWS_DEFAULT_REGION);
    const profile = settings.profile ?? config.profile;
    const endpoints = Object.assign({}, ...(config.endpoints ?? [])) as Endpoints;
    const resolved = remembering(
        credentialsFor(settings, config, {
            region: config.stsRegion ?? region,
            endpoint: endpoints.sts,
            requestHandler: newHandler(proxyEnv, {
                requestTimeout: ANSWER_LIMIT_MS,
                throwOnRequestTimeout: true,
            }),
        }),
    );
    const own = {
        ...(region ? { region } : {}),
        ...(profile ? { profile } : {}),
        ...(config.useFipsEndpoint === undefined ? {} : { useFipsEndpoint: config.useFipsEndpoint }),
        ...(config.useDualstackEndpoint === undefined
            ? {}
            : { useDualstackEndpoint: config.useDualstackEndpoint }),
        credentials: resolved.provider,
        requestHandler: newHandler(proxyEnv),
    };
    const at = (endpoint: string | undefined) => (endpoint === undefined ? {} : { endpoint });
    const clock = new AwsClock();
    const ec2 = clock.share(new EC2Client({ ...own, ...at(endpoints.ec2), maxAttempts: MAX_ATTEMPTS }));
    // One cache of credentials for all: the SDK's is per client.
    const options = { ...own, credentials: ec2.config.credentials };
    const ec2Options = { ...options, ...at(endpoints.ec2), maxAttempts: MAX_ATTEMPTS };
    const onceOptions = { ...ec2Options, credentials: resolved.latest, maxAttempts: 1 };
    const ssmOptions = { ...options, ...at(endpoints.ssm) };
    let instanceConnect: Promise<EC2InstanceConnectClient> | undefined;
    const clients: Clients = {
        ec2,
        ec2Once: clock.share(new EC2Client(onceOptions)),
        ssm: clock.share(new SSMClient({ ...ssmOptions, maxAttempts: MAX_ATTEMPTS })),
        ssmOnce: clock.share(new SSMClient({ ...ssmOptions, maxAttempts: 1 })),
        sts: clock.share(new STSClient({ ...options, ...at(endpoints.sts), maxAttempts: MAX_ATTEMPTS })),
        instanceConnect: () =>
            (instanceConnect ??= import("@aws-sdk/client-ec2-instance-connect").then((sdk) =>
                clock.share(new sdk.EC2InstanceConnectClient(options)),
            )),
        proxyAgent: () => new Agent({ proxyEnv }),
        region: await effectiveRegion(ec2),
        clock,
        config,
        ownConnection: () => {
            const requestHandler = newHandler(proxyEnv);
            return {
                clients: {
                    ...clients,
                    ec2: clock.share(new EC2Client({ ...ec2Options, requestHandler })),
                    ec2Once: clock.share(new EC2Client({ ...onceOptions, requestHandler })),
                },
                close: () => requestHandler.destroy(),
            };
        },
    };
    return clients;
}

interface Endpoints {
    readonly ec2?: string;
    readonly ssm?: string;
    readonly sts?: string;
}

/** `proxyEnv`: Node's agents since 22.21 and 24.5 (Node's documentation of http.Agent). */
function newHandler(
    proxyEnv: NodeJS.ProcessEnv,
    limits: { readonly requestTimeout?: number; readonly throwOnRequestTimeout?: boolean } = {},
): NodeHttpHandler {
    const agent = { keepAlive: true, maxSockets: MAX_SOCKETS, proxyEnv };
    return new NodeHttpHandler({
        ...limits,
        connectionTimeout: CONNECT_LIMIT_MS,
        httpAgent: agent,
        httpsAgent: agent,
    });
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

/**
 * The account that the credentials belong to.
 * @throws SnapshotError `WRONG_ACCOUNT` for one that the stack's config does not allow
 */
export async function accountOf(clients: Clients, signal: AbortSignal): Promise<string> {
    const answer = await request("sts:GetCallerIdentity", signal, (abortSignal) =>
        clients.sts.send(new GetCallerIdentityCommand({}), { abortSignal }),
    );
    const account = answer.Account ?? "";
    const { allowedAccountIds, forbiddenAccountIds } = clients.config;
    if (allowedAccountIds?.includes(account) === false || forbiddenAccountIds?.includes(account) === true) {
        throw new SnapshotError({
            code: "WRONG_ACCOUNT",
            message: `The credentials are of account ${account}, which aws:allowedAccountIds or aws:forbiddenAccountIds of the stack rules out.`,
            remedy: "Use credentials of an account that the stack allows.",
        });
    }
    return account;
}
