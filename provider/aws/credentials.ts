import {
    fromNodeProviderChain,
    fromTemporaryCredentials,
    fromTokenFile,
    fromWebToken,
} from "@aws-sdk/credential-providers";
import type { NodeHttpHandler } from "@smithy/node-http-handler";
import type { AwsConfig, AwsSettings, RoleConfig, WebIdentityConfig } from "./awsConfig";

export type Credentials = ReturnType<typeof fromNodeProviderChain>;

/** How STS and single sign-on are reached on the way to credentials. */
export interface Asking {
    readonly region: string | undefined;
    readonly requestHandler: NodeHttpHandler;
    readonly endpoint: string | undefined;
}

interface ClientConfig {
    readonly region?: string;
    readonly endpoint?: string;
    readonly requestHandler: NodeHttpHandler;
}

const SESSION_NAME = "pulumi-app-consistent-snapshot";

/** Static keys of the stack's config, a web identity, a profile, or the SDK's chain; then each role on top of the one before. */
export function credentialsFor(settings: AwsSettings, config: AwsConfig, asking: Asking): Credentials {
    // Of the chain, single sign-on may be asked as well, which has no endpoint of STS.
    const chainConfig = {
        ...(asking.region ? { region: asking.region } : {}),
        requestHandler: asking.requestHandler,
    };
    const clientConfig = {
        ...chainConfig,
        ...(asking.endpoint === undefined ? {} : { endpoint: asking.endpoint }),
    };
    const roles =
        settings.assumeRole === undefined ? (config.assumeRoles ?? []) : [roleOfInput(settings.assumeRole)];
    return roles.reduce<Credentials>(
        (masterCredentials, role) =>
            fromTemporaryCredentials({ masterCredentials, params: roleParams(role), clientConfig }),
        baseCredentials(settings, config, clientConfig, chainConfig),
    );
}

function baseCredentials(
    settings: AwsSettings,
    config: AwsConfig,
    clientConfig: ClientConfig,
    chainConfig: ClientConfig,
): Credentials {
    const { accessKey, secretKey, token, assumeRoleWithWebIdentity } = config;
    if (settings.profile === undefined && assumeRoleWithWebIdentity !== undefined) {
        return webIdentityCredentials(assumeRoleWithWebIdentity, clientConfig);
    }
    if (settings.profile === undefined && accessKey !== undefined && secretKey !== undefined) {
        const keys = { accessKeyId: accessKey, secretAccessKey: secretKey };
        return () => Promise.resolve(token === undefined ? keys : { ...keys, sessionToken: token });
    }
    const profile = settings.profile ?? config.profile;
    const [filepath] = config.sharedCredentialsFiles ?? [];
    const [configFilepath] = config.sharedConfigFiles ?? [];
    return fromNodeProviderChain({
        ...(profile === undefined ? {} : { profile }),
        ...(filepath === undefined ? {} : { filepath }),
        ...(configFilepath === undefined ? {} : { configFilepath }),
        clientConfig: chainConfig,
    });
}

function webIdentityCredentials(
    { webIdentityToken, webIdentityTokenFile, ...role }: WebIdentityConfig,
    clientConfig: ClientConfig,
): Credentials {
    const params = {
        roleArn: role.roleArn,
        roleSessionName: role.sessionName ?? SESSION_NAME,
        clientConfig,
        ...(role.duration === undefined ? {} : { durationSeconds: role.duration }),
        ...(role.policy === undefined ? {} : { policy: role.policy }),
        ...(role.policyArns === undefined ? {} : { policyArns: role.policyArns.map((arn) => ({ arn })) }),
    };
    return webIdentityToken === undefined
        ? fromTokenFile({ ...params, webIdentityTokenFile: webIdentityTokenFile ?? "" })
        : fromWebToken({ ...params, webIdentityToken });
}

function roleOfInput({ durationSeconds, ...role }: NonNullable<AwsSettings["assumeRole"]>): RoleConfig {
    return { ...role, duration: durationSeconds };
}

function roleParams(role: RoleConfig) {
    const { duration, policy, policyArns, sourceIdentity, tags, transitiveTagKeys } = role;
    return {
        RoleArn: role.roleArn,
        RoleSessionName: role.sessionName ?? SESSION_NAME,
        ...(role.externalId === undefined ? {} : { ExternalId: role.externalId }),
        ...(duration === undefined ? {} : { DurationSeconds: duration }),
        ...(policy === undefined ? {} : { Policy: policy }),
        ...(policyArns === undefined ? {} : { PolicyArns: policyArns.map((arn) => ({ arn })) }),
        ...(sourceIdentity === undefined ? {} : { SourceIdentity: sourceIdentity }),
        ...(tags === undefined ? {} : { Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })) }),
        ...(transitiveTagKeys === undefined ? {} : { TransitiveTagKeys: transitiveTagKeys }),
    };
}
