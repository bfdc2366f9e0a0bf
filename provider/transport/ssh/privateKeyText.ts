/**
 * The text of a private key as ssh-keygen or openssl wrote it, whatever it went through since: quotes, base64 (as CI
 * secrets have it), line ends that became blanks or `\\n`, indentation, and what openssl writes before the key (EC
 * parameters, bag attributes).
 */
export function plainKeyText(text: string): string {
    const unquoted = text.trim().replace(/^(["'])([^]*)\1$/, "$2");
    const decoded = fromBase64(unquoted) ?? unquoted;
    const lines = decoded
        .replaceAll("\\r\\n", "\n")
        .replaceAll("\\n", "\n")
        .trim()
        .split(/\r\n|\r|\n/)
        .map((line) => line.trim())
        .join("\n")
        .replace(/-----BEGIN EC PARAMETERS-----[^-]*-----END EC PARAMETERS-----\n*/, "");
    const begin = lines.indexOf("-----BEGIN ");
    return withLineEnds(begin > 0 ? lines.slice(begin) : lines);
}

/** Undefined when it is not the base64 of a key's text. */
function fromBase64(text: string): string | undefined {
    if (!/^[A-Za-z0-9+/=\s]+$/.test(text)) {
        return undefined;
    }
    const decoded = Buffer.from(text, "base64").toString("latin1");
    return decoded.includes("-----BEGIN ") || decoded.startsWith("PuTTY-User-Key-File") ? decoded : undefined;
}

/** A text without headers is read again where blanks stand for its line ends. */
function withLineEnds(text: string): string {
    const [, begin, body, end] =
        /^(-----BEGIN [A-Z ]+-----) ([A-Za-z0-9+/= ]+) (-----END [A-Z ]+-----)$/.exec(text) ?? [];
    return begin === undefined || body === undefined || end === undefined
        ? text
        : [begin, ...body.split(/ +/), end].join("\n");
}

/** Why a text is no private key that can be read, where the text itself shows it. */
export function findMisunderstanding(text: string): string | undefined {
    const found = MISUNDERSTANDINGS.find(({ when }) => when(text));
    return found?.reason;
}

const MISUNDERSTANDINGS: readonly { readonly when: (text: string) => boolean; readonly reason: string }[] = [
    { when: (text) => text === "", reason: "is empty" },
    {
        when: (text) => text.includes("[object "),
        reason: 'is "[object Object]", because an object became a text; give the property of it that has the key, such as privateKeyOpenssh',
    },
    {
        when: (text) => /^(?:[~./\\]|[A-Za-z]:[\\/])[^\n]*$|^[^\n]+\.(?:pem|ppk|key)$/.test(text),
        reason: 'looks like a path; give the contents of the file: fs.readFileSync(path, "utf8")',
    },
    {
        when: (text) => text.includes("-cert-v01@openssh.com"),
        reason: "is an OpenSSH certificate; certificates are not supported, and the account has to know the key itself",
    },
    {
        when: (text) =>
            /^(?:ssh-(?:rsa|dss|ed25519)|ecdsa-sha2-\S+|sk-\S+@openssh\.com) |^---(?:--BEGIN (?:RSA )?|- BEGIN SSH2 )PUBLIC KEY-/.test(
                text,
            ),
        reason: "is a public key; the private key is needed",
    },
    {
        when: (text) => /^(?:SHA256:|(?:[0-9a-f]{2}:){15,}[0-9a-f]{2}$)/.test(text),
        reason: "is a fingerprint; the private key itself is needed",
    },
    {
        when: (text) => text.startsWith("-----BEGIN CERTIFICATE"),
        reason: "is a certificate; the private key is needed",
    },
    {
        when: (text) => text.includes("-----BEGIN") && !text.includes("\n"),
        reason: "has lost its line ends; set it from the file: pulumi config set --secret privateKey < key.pem",
    },
    {
        when: (text) =>
            text.startsWith("PuTTY-User-Key-File-") && !/^PuTTY-User-Key-File-2: ssh-rsa$/m.test(text),
        reason:
            "is a PuTTY key of a kind that is not supported; convert it by puttygen key.ppk -O private-openssh-new -o key, " +
            "or in PuTTYgen by Conversions, Export OpenSSH key",
    },
    {
        when: (text) => openSshHas(text, /sk-(ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com/),
        reason: "belongs to a security key (FIDO), which somebody has to touch; give the account that runs Pulumi a key of its own",
    },
    {
        when: (text) => openSshHas(text, /^openssh-key-v1\0....chacha20-poly1305@openssh\.com/s),
        reason:
            "is encrypted by chacha20-poly1305@openssh.com, which is not supported; " +
            "change that by ssh-keygen -p -Z aes256-ctr -f key",
    },
];

/** Whether what OpenSSH's format has in clear (PROTOCOL.key) holds something. */
function openSshHas(text: string, what: RegExp): boolean {
    const [, body] = /^-----BEGIN OPENSSH PRIVATE KEY-----([^-]+)-----END/.exec(text) ?? [];
    return body !== undefined && what.test(Buffer.from(body, "base64").toString("latin1"));
}
