import type { Duplex } from "node:stream";
import { Client, type ParsedKey } from "ssh2";
import type { Secret } from "../../base/maskSecrets";
import { describeFailure, type HandshakeEnd } from "./handshakeFailure";
import {
    blobType,
    fingerprint,
    matchesHostKey,
    signatureAlgorithms,
    type HostKey,
    type HostKeyType,
} from "./hostKey";
import { Login, type Credentials } from "./login";
import { IdentifiedStream } from "./identification";
import type { Place } from "./sshError";

/** How often an idle connection is asked whether it still lives, and how many answers may be missing. */
export const KEEPALIVE = { intervalMs: 5000, misses: 3 } as const;
/** More bytes than this before login is finished are no SSH handshake. */
const MAX_HANDSHAKE_BYTES = 1024 * 1024;

/** One end of the road: which server, as whom, and how to know it. */
export interface HopSettings extends Place {
    readonly credentials: Credentials;
    /** "any" only when the user asked for it by `insecureIgnoreHostKey`, or AWS led there by the instance's id. */
    readonly hostKeys: readonly HostKey[] | "any";
    /** Texts that must not appear in errors, even if the server sends them back. */
    readonly secrets: readonly Secret[];
    readonly keepaliveMs: number;
    /** Makes a key that the server has for a minute; each try gets one. */
    readonly sendNewKey?: (signal: AbortSignal) => Promise<ParsedKey>;
}

/** A logged-in connection to one server. */
export interface Hop {
    readonly client: Client;
    readonly socket: Duplex;
    /** Resolves with the reason when the connection is gone. */
    readonly gone: Promise<string>;
}

/** The server showed a key that is not expected, or has none of the types asked for. */
export class OtherHostKey extends Error {
    constructor(readonly presented: { type: string; fingerprint: string } | undefined) {
        super("host key not accepted");
    }
}

/**
 * Runs the SSH handshake and login over a connected stream, which it destroys on every failure. Rejects with SshError,
 * OtherHostKey, or the signal's reason.
 */
export function handshake(
    stream: Duplex,
    settings: HopSettings,
    hostKeyTypes: readonly HostKeyType[],
    signal: AbortSignal,
    sentKey?: ParsedKey,
): Promise<Hop> {
    return new Promise((resolve, reject) => {
        const client = new Client();
        const socket = new IdentifiedStream(stream);
        const login = new Login({ ...settings.credentials, sentKey });
        const end: Omit<HandshakeEnd, "textBefore"> = {
            phase: "identification",
            login,
            banner: "",
            accountText: "",
        };
        let presented: Buffer | undefined;
        let received = 0;
        let settled = false;
        let onGone: ((reason: string) => void) | undefined;

        const settle = () => {
            settled = true;
            signal.removeEventListener("abort", onAbort);
            stream.removeListener("data", onBytes);
            login.dispose();
        };
        const fail = (reason: unknown) => {
            if (settled) {
                return;
            }
            settle();
            socket.destroy();
            // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- an AbortSignal's reason is the caller's own
            reject(reason);
        };
        const failAsDescribed = (error: Error | undefined) =>
            fail(describeFailure(error, { ...end, textBefore: socket.textBefore }, settings));
        const onAbort = () => fail(signal.reason);
        const onBytes = (bytes: Buffer) => {
            received += bytes.length;
            if (received > MAX_HANDSHAKE_BYTES) {
                failAsDescribed(new Error("endless data before login"));
            }
        };

        // Stays for good: an "error" event without a listener would take the whole provider process down.
        client.on("error", (error: Error & { level?: string }) => {
            if (onGone) {
                onGone(error.message);
            } else if (isLoginNote(error)) {
                login.notes.push(error.message);
            } else if (
                presented &&
                settings.hostKeys !== "any" &&
                !matchesHostKey(presented, settings.hostKeys)
            ) {
                fail(new OtherHostKey({ type: blobType(presented), fingerprint: fingerprint(presented) }));
            } else if (error.message.includes("no matching host key format")) {
                fail(new OtherHostKey(undefined));
            } else {
                failAsDescribed(error);
            }
        });
        const onEnd = () => {
            if (onGone) {
                onGone("the server closed the connection");
            } else {
                failAsDescribed(undefined);
            }
        };
        client.on("end", onEnd);
        client.on("close", onEnd);
        client.on("handshake", () => (end.phase = "login"));
        client.on("banner", (text) => {
            const which = login.tried.length === 0 ? "banner" : "accountText";
            end[which] = (end[which] + text).slice(0, 500);
        });
        client.on("ready", () => {
            if (settled) {
                return;
            }
            settle();
            const gone = new Promise<string>((resolveGone) => (onGone = resolveGone));
            resolve({ client, socket, gone });
        });

        if (signal.aborted) {
            onAbort();
            return;
        }
        signal.addEventListener("abort", onAbort);
        client.connect({
            sock: socket,
            username: settings.credentials.user,
            // The caller limits the whole attempt by its signal.
            readyTimeout: 0,
            keepaliveInterval: settings.keepaliveMs,
            keepaliveCountMax: KEEPALIVE.misses,
            authHandler: login.handler,
            algorithms: { serverHostKey: hostKeyTypes.flatMap(signatureAlgorithms) as never },
            hostVerifier: (key: Buffer) => {
                presented = key;
                end.phase = "key exchange";
                return settings.hostKeys === "any" || matchesHostKey(key, settings.hostKeys);
            },
        });
        stream.on("data", onBytes);
    });
}

// ssh2 reports these and goes on with the next credential.
function isLoginNote(error: Error & { level?: string }): boolean {
    return (
        error.level === "agent" ||
        (error.level === "client-authentication" && error.message.startsWith("Error sign"))
    );
}
