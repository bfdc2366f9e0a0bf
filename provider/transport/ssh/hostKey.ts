import { createHash } from "node:crypto";
import { parseKey as parseSshKey } from "./parseKey";

/** The host key types that are accepted, in the order in which they are asked for. `ssh-rsa` means an RSA key; it signs with SHA-2 only. */
export const HOST_KEY_TYPES = [
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "ssh-rsa",
] as const;
export type HostKeyType = (typeof HOST_KEY_TYPES)[number];

/** What is known of a host's key beforehand. */
export interface HostKey {
    /** `SHA256:` and 43 characters of base64 without padding, as `ssh-keygen -l` prints it. */
    readonly fingerprint: string;
    /** Absent when only a fingerprint was given. */
    readonly type?: HostKeyType;
}

/** Why a text is no host key; never quotes the text, which may be a secret pasted into the wrong field. */
export interface HostKeyProblem {
    readonly problem: string;
}

const EXPECTED = 'give a line like "ssh-ed25519 AAAA..." or a fingerprint like "SHA256:..."';

/**
 * Reads the host keys in a text, one in each line, in any of the forms in which tools print them:
 *
 * - `ssh-ed25519 AAAA... [comment]`: the contents of a `/etc/ssh/ssh_host_*_key.pub`
 * - `NAMES ssh-ed25519 AAAA...`: what `ssh-keyscan` prints, with its comments, and lines of known_hosts (sshd(8))
 * - `SHA256:...`: a fingerprint
 * - `256 SHA256:... comment (ED25519)`: what `ssh-keygen -l` prints, and cloud-init on the console
 *
 * Of several lines, those of types that are not accepted are left out. Quotes around the text, and `\n` for line ends, are
 * what a secret store made of it.
 */
export function parseHostKey(text: string): readonly HostKey[] | HostKeyProblem {
    if (text.includes("PRIVATE KEY")) {
        return { problem: `is a private key, but the host's public key is needed; ${EXPECTED}` };
    }
    const unquoted = text.trim().replace(/^(["'])([^]*)\1$/, "$2");
    if (/^(?:[~.]{0,2}\/|[A-Za-z]:\\)\S*$|^\S+\.pub$/.test(unquoted)) {
        return { problem: 'looks like a path; give the contents of the file: fs.readFileSync(path, "utf8")' };
    }
    const lines = unquoted
        .split(/(?:[\r\n]|\\r|\\n)+/)
        .map((line) => line.trim())
        .filter((line) => line !== "" && !line.startsWith("#"));
    if (lines.length === 0) {
        return { problem: `is empty; ${EXPECTED}` };
    }
    const read = lines.map(parseLine);
    const problem = read.find((one) => "problem" in one && (lines.length === 1 || !one.ofOtherType));
    if (problem !== undefined && "problem" in problem) {
        return problem;
    }
    const names = namesIn(lines);
    if (names.length > 1) {
        return { problem: `has keys of several hosts (${names.join(" and ")}); give the lines of this one` };
    }
    const keys = read.filter((one) => "fingerprint" in one);
    return keys.length > 0
        ? keys
        : { problem: "has no key of a type that is accepted: Ed25519, ECDSA or RSA" };
}

/**
 * The hosts that stand before the keys, as in known_hosts, each by one of its names. Names are of one host where all keys
 * of one are keys of the other. Hashed names cannot be told apart.
 */
function namesIn(lines: readonly string[]): string[] {
    const named = lines
        .map((line) => line.split(/\s+/))
        .filter(([name = "", type = ""]) => isHostKeyType(type) && !name.startsWith("|"));
    const keysByName = Map.groupBy(named, ([name = ""]) => name);
    const keysOf = (name: string) => new Set(keysByName.get(name)?.map(([, , key]) => key));
    return [...keysByName.keys()].reduce<string[]>((hosts, name) => {
        const keys = keysOf(name);
        const isKnown = hosts.some((host) => isWithin(keys, keysOf(host)) || isWithin(keysOf(host), keys));
        return isKnown ? hosts : [...hosts, name];
    }, []);
}

function isWithin<T>(some: ReadonlySet<T>, all: ReadonlySet<T>): boolean {
    return [...some].every((one) => all.has(one));
}

/** What is wrong with a host key's text, or undefined. */
export function checkHostKey(text: string): string | undefined {
    const parsed = parseHostKey(text);
    return "problem" in parsed ? parsed.problem : undefined;
}

/** Reads one text with host keys or a list of them; the first problem is returned, with its index in a list. */
export function parseHostKeys(
    texts: string | readonly string[],
): readonly HostKey[] | (HostKeyProblem & { readonly index?: number }) {
    if (typeof texts === "string") {
        return parseHostKey(texts);
    }
    if (texts.length === 0) {
        return { problem: "is an empty list, which no host key can match" };
    }
    const keys: HostKey[] = [];
    for (const [index, text] of texts.entries()) {
        const parsed = parseHostKey(text);
        if ("problem" in parsed) {
            return { ...parsed, index };
        }
        keys.push(...parsed);
    }
    return keys;
}

type LineProblem = HostKeyProblem & { readonly ofOtherType?: boolean };

function parseLine(line: string): HostKey | LineProblem {
    const words = line.split(/\s+/);
    const print = words.find((word) => word.startsWith("SHA256:"));
    if (print !== undefined) {
        return parseFingerprint(
            print,
            /\((\w+)\)$/.exec(line)?.[1],
            Number(words.at(words.indexOf(print) - 1)),
        );
    }
    if (/(?:^|\s)(?:MD5:)?(?:[0-9a-f]{2}:){15}[0-9a-f]{2}(?:\s|$)/i.test(line)) {
        return {
            problem: "is an MD5 fingerprint; give the one of SHA256, which ssh-keygen -l -E sha256 prints",
        };
    }
    if (words[0] === "@revoked") {
        return { problem: "has a key that is revoked" };
    }
    if (words[0] === "@cert-authority" || words.some((word) => word.includes("-cert-v"))) {
        return { problem: "is a certificate or its authority; only plain host keys are accepted" };
    }
    const at = isHostKeyType(words[0] ?? "") ? 0 : 1;
    return parseKey(words[at] ?? "", words[at + 1] ?? "");
}

/** The types as `ssh-keygen -l` names them, ECDSA by its bits. */
const NAMED_TYPES: Readonly<Record<string, HostKeyType>> = {
    ED25519: "ssh-ed25519",
    RSA: "ssh-rsa",
    ECDSA256: "ecdsa-sha2-nistp256",
    ECDSA384: "ecdsa-sha2-nistp384",
    ECDSA521: "ecdsa-sha2-nistp521",
};

function parseFingerprint(text: string, named: string | undefined, bits: number): HostKey | LineProblem {
    const match = /^SHA256:([A-Za-z0-9+/]{43})=?$/.exec(text);
    if (!match) {
        return { problem: 'is not a whole fingerprint: "SHA256:" and 43 characters of base64' };
    }
    const print = `SHA256:${String(match[1])}`;
    if (named === undefined) {
        return { fingerprint: print };
    }
    const type = NAMED_TYPES[named === "ECDSA" ? `${named}${bits}` : named];
    return type === undefined
        ? { problem: `is of a type (${named}) that is not accepted`, ofOtherType: true }
        : { type, fingerprint: print };
}

function parseKey(type: string, base64: string): HostKey | LineProblem {
    if (!isHostKeyType(type)) {
        return { problem: `has an unknown or unsupported key type; ${EXPECTED}`, ofOtherType: true };
    }
    const blob = decodeBase64(base64);
    if (blob === undefined || blobType(blob) !== type || parseSshKey(`${type} ${base64}`) instanceof Error) {
        return { problem: `has no ${type} key behind that word; it may have been cut off` };
    }
    return { type, fingerprint: fingerprint(blob) };
}

function isHostKeyType(text: string): text is HostKeyType {
    return (HOST_KEY_TYPES as readonly string[]).includes(text);
}

function decodeBase64(text: string): Buffer | undefined {
    const bytes = Buffer.from(text, "base64");
    return text !== "" && bytes.toString("base64") === text ? bytes : undefined;
}

/** The fingerprint of a public key in SSH's wire format (RFC 4253, 6.6). */
export function fingerprint(blob: Buffer): string {
    return `SHA256:${createHash("sha256").update(blob).digest("base64").replace(/=+$/, "")}`;
}

/** The key type that a public key in SSH's wire format names; "" when it names none. */
export function blobType(blob: Buffer): string {
    if (blob.length < 4) {
        return "";
    }
    return blob.subarray(4, 4 + blob.readUInt32BE(0)).toString("latin1");
}

/** Whether the presented key is one of the expected ones. Equal SHA-256 digests are equal keys, so lines and fingerprints compare alike. */
export function matchesHostKey(presented: Buffer, expected: readonly HostKey[]): boolean {
    const presentedFingerprint = fingerprint(presented);
    return expected.some((key) => key.fingerprint === presentedFingerprint);
}

/**
 * The key types to ask a server for. A server shows one key per connection, of the first type that both sides
 * have: so lines limit the types to their own, while a fingerprint may be of any type.
 */
export function hostKeyTypesToAsk(expected: readonly HostKey[]): readonly HostKeyType[] {
    const pinned = HOST_KEY_TYPES.filter((type) => expected.some((key) => key.type === type));
    const anyType = expected.some((key) => key.type === undefined);
    return anyType ? [...pinned, ...HOST_KEY_TYPES.filter((type) => !pinned.includes(type))] : pinned;
}

/** The signature algorithms by which a key type proves itself (RFC 8332 for RSA: never SHA-1). */
export function signatureAlgorithms(type: HostKeyType): readonly string[] {
    return type === "ssh-rsa" ? ["rsa-sha2-512", "rsa-sha2-256"] : [type];
}

/** For messages: `ssh-ed25519 SHA256:...`. */
export function describeHostKey(key: { type?: string; fingerprint: string }): string {
    return key.type === undefined ? key.fingerprint : `${key.type} ${key.fingerprint}`;
}
