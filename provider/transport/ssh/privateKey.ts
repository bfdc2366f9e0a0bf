import { createPrivateKey, type KeyObject } from "node:crypto";
import type { ParsedKey } from "ssh2";
import { HOST_KEY_TYPES } from "./hostKey";
import { parseKey } from "./parseKey";
import { findMisunderstanding, plainKeyText } from "./privateKeyText";

/** Why a private key cannot be used, and which input is to blame; never quotes them. */
export interface PrivateKeyProblem {
    readonly input: "privateKey" | "privateKeyPassword";
    /** Follows the input's name in a sentence: "is a public key; ...". */
    readonly reason: string;
}

/**
 * Reads a private key from its text: OpenSSH, PKCS#1, SEC 1, PKCS#8 or PuTTY format (version 2, RSA), encrypted or not;
 * Ed25519, ECDSA or RSA. What tools and secret stores do to such a text is undone: see `plainKeyText`.
 */
export function readPrivateKey(text: string, passphrase?: string): ParsedKey | PrivateKeyProblem {
    const plain = plainKeyText(text);
    const misunderstanding = findMisunderstanding(plain);
    if (misunderstanding !== undefined) {
        return problem(misunderstanding);
    }

    const key = /^-----BEGIN (?:ENCRYPTED )?PRIVATE KEY-----/.test(plain)
        ? readPkcs8(plain, passphrase)
        : readWithSsh2(plain, passphrase);
    if ("reason" in key) {
        return key;
    }
    if (!key.isPrivateKey()) {
        return problem("is a public key; the private key is needed");
    }
    if (!(HOST_KEY_TYPES as readonly string[]).includes(key.type)) {
        return problem(`is of type ${key.type}; use Ed25519, ECDSA or RSA`);
    }
    return key;
}

/** What is wrong with a private key and its passphrase, or undefined; does not connect anywhere. */
export function checkPrivateKey(text: string, passphrase?: string): PrivateKeyProblem | undefined {
    const key = readPrivateKey(text, passphrase);
    return "reason" in key ? key : undefined;
}

function problem(reason: string): PrivateKeyProblem {
    return { input: "privateKey", reason };
}

function readWithSsh2(text: string, passphrase: string | undefined): ParsedKey | PrivateKeyProblem {
    const plain = parse(text);
    if (!(plain instanceof Error)) {
        return plain;
    }
    if (!/passphrase/i.test(plain.message)) {
        return problem(UNREADABLE);
    }
    if (!passphrase) {
        return NO_PASSPHRASE;
    }
    const decrypted = parse(text, passphrase);
    return decrypted instanceof Error ? WRONG_PASSPHRASE : decrypted;
}

const UNREADABLE =
    "is not a private key that can be read; give the whole contents of the file that ssh-keygen made, " +
    "from -----BEGIN to the end of the line with -----END";

const NO_PASSPHRASE: PrivateKeyProblem = {
    input: "privateKeyPassword",
    reason: "is required, because privateKey is encrypted",
};
const WRONG_PASSPHRASE: PrivateKeyProblem = {
    input: "privateKeyPassword",
    reason: "does not open privateKey",
};

function parse(text: string, passphrase?: string): ParsedKey | Error {
    try {
        const parsed = parseKey(text, passphrase) as ParsedKey | ParsedKey[] | Error;
        const key = Array.isArray(parsed) ? parsed[0] : parsed;
        return key ?? new Error("no key");
    } catch (error) {
        return error instanceof Error ? error : new Error("not a key");
    }
}

// ssh2 does not read PKCS#8, in which OpenSSL and Terraform-style TLS resources write Ed25519 keys.
function readPkcs8(text: string, passphrase: string | undefined): ParsedKey | PrivateKeyProblem {
    const encrypted = text.startsWith("-----BEGIN ENCRYPTED");
    if (encrypted && !passphrase) {
        return NO_PASSPHRASE;
    }
    let key: KeyObject;
    try {
        key = createPrivateKey(passphrase ? { key: text, passphrase } : text);
    } catch {
        return encrypted ? WRONG_PASSPHRASE : problem(UNREADABLE);
    }
    const converted = toSsh2Format(key);
    if (converted === undefined) {
        return problem(`is of type ${String(key.asymmetricKeyType)}; use Ed25519, ECDSA or RSA`);
    }
    const parsed = parse(converted);
    return parsed instanceof Error ? problem(UNREADABLE) : parsed;
}

function toSsh2Format(key: KeyObject): string | undefined {
    switch (key.asymmetricKeyType) {
        case "rsa":
            return key.export({ type: "pkcs1", format: "pem" }) as string;
        case "ec":
            return key.export({ type: "sec1", format: "pem" }) as string;
        case "ed25519":
            return ed25519ToOpenSsh(key);
        default:
            return undefined;
    }
}

// The format is described in OpenSSH's PROTOCOL.key; Ed25519 has no older one that ssh2 reads.
function ed25519ToOpenSsh(key: KeyObject): string {
    const jwk = key.export({ format: "jwk" });
    const publicPart = Buffer.from(jwk.x ?? "", "base64url");
    const secretPart = Buffer.concat([Buffer.from(jwk.d ?? "", "base64url"), publicPart]);
    const publicBlob = Buffer.concat([sshString("ssh-ed25519"), sshString(publicPart)]);
    const checkNumbers = Buffer.alloc(8);
    const fields = Buffer.concat([
        checkNumbers,
        sshString("ssh-ed25519"),
        sshString(publicPart),
        sshString(secretPart),
        sshString(""),
    ]);
    const padding = Buffer.from([1, 2, 3, 4, 5, 6, 7].slice(0, -fields.length & 7));
    const numberOfKeys = Buffer.from([0, 0, 0, 1]);
    const blob = Buffer.concat([
        Buffer.from("openssh-key-v1\0"),
        sshString("none"),
        sshString("none"),
        sshString(""),
        numberOfKeys,
        sshString(publicBlob),
        sshString(Buffer.concat([fields, padding])),
    ]);
    const lines = blob.toString("base64").match(/.{1,70}/g) ?? [];
    return ["-----BEGIN OPENSSH PRIVATE KEY-----", ...lines, "-----END OPENSSH PRIVATE KEY-----"].join("\n");
}

function sshString(value: string | Buffer): Buffer {
    const bytes = Buffer.from(value);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    return Buffer.concat([length, bytes]);
}
