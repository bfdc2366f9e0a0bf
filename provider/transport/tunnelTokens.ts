/** What stands for a token of OpenSSH's ProxyCommand (ssh_config(5), "TOKENS"). */
export interface TokenValues {
    readonly host: string;
    readonly port: number;
    readonly user: string;
}

const TOKEN = /%(.?)/gs;
const KNOWN = ["%h", "%p", "%r", "%%"];

/** What of a word looks like a token and is none; undefined when there is nothing of the kind. */
export function unknownToken(word: string): string | undefined {
    return [...word.matchAll(TOKEN)].map(([token]) => token).find((token) => !KNOWN.includes(token));
}

/** The word with host, port, account and percent signs in the places of `%h`, `%p`, `%r` and `%%`. */
export function expandTokens(word: string, { host, port, user }: TokenValues): string {
    const values: Readonly<Record<string, string>> = { h: host, p: String(port), r: user, "%": "%" };
    return word.replaceAll(TOKEN, (token, letter: string) => values[letter] ?? token);
}
