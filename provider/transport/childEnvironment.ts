/**
 * The environment of a program that we start: ours, without what is Pulumi's own, which has its access token and its
 * passphrase. `ofAws` takes the place of all that names an account, so that nothing of two accounts is mixed.
 */
export function childEnvironment(
    ours: NodeJS.ProcessEnv,
    ofAws: Readonly<Record<string, string>>,
): NodeJS.ProcessEnv {
    const kept = Object.entries(ours).filter(
        ([name]) =>
            !/^PULUMI_/i.test(name) && !(NAMES_AN_ACCOUNT.test(name) && Object.keys(ofAws).length > 0),
    );
    return { ...Object.fromEntries(kept), ...ofAws };
}

/** AWS's names (AWS SDKs and Tools Reference Guide, "Environment variables"). On Windows case does not matter. */
const NAMES_AN_ACCOUNT =
    /^AWS_(ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN|SECURITY_TOKEN|CREDENTIAL_EXPIRATION|PROFILE|DEFAULT_PROFILE|REGION|DEFAULT_REGION|ROLE_ARN|WEB_IDENTITY_TOKEN_FILE|ROLE_SESSION_NAME)$/i;
