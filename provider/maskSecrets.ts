/** A line that is shorter says nothing, and masking it would garble the text. */
const SHORTEST_LINE = 8;

/**
 * The text without our secrets, should it echo them; line by line too, as a private key may be seen in part. Longer
 * ones go first: one that is a part of another would leave the rest of that to be seen.
 */
export function maskSecrets(text: string, secrets: readonly string[]): string {
    return [...new Set(secrets.flatMap(parts))]
        .sort((one, other) => other.length - one.length)
        .reduce((masked, secret) => masked.replaceAll(secret, "[secret]"), text);
}

function parts(secret: string): string[] {
    const lines = secret
        .split("\n")
        .map((line) => line.trim())
        .filter((line) => line.length >= SHORTEST_LINE && !line.startsWith("-----"));
    return secret === "" ? [] : [secret, ...lines];
}
