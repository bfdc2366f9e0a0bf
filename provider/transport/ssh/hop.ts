import { setTimeout as delay } from "node:timers/promises";
import type { Route, Way } from "../route";
import { AttemptOver } from "./attemptOver";
import { handshake, OtherHostKey, type Hop, type HopSettings } from "./handshake";
import { describeHostKey, HOST_KEY_TYPES, hostKeyTypesToAsk, type HostKey } from "./hostKey";
import { SshError, unreachable } from "./sshError";

/** How long a server may take to close after it was told; then the stream is cut. */
const CLOSE_MS = 1000;

/**
 * Logs in to one server by a route. Rejects with SshError, or with the signal's reason; the route is closed then, unless
 * it did not lead to the server at all.
 */
export async function openHop(settings: HopSettings, route: Route, signal: AbortSignal): Promise<Hop> {
    try {
        return await logIn(settings, route, signal);
    } catch (error) {
        throw explained(error, settings);
    }
}

function explained(error: unknown, settings: HopSettings): unknown {
    return error instanceof AttemptOver ? unreachable(settings, error.message) : error;
}

/** Ends a connection in order, and at once if the server says nothing. */
export async function closeHop(hop: Hop): Promise<void> {
    hop.client.end();
    const cut = new AbortController();
    await Promise.race([hop.gone, delay(CLOSE_MS, undefined, { signal: cut.signal }).catch(() => undefined)]);
    cut.abort();
    hop.socket.destroy();
}

/**
 * Handshakes on a fresh stream until the server shows an expected key: it shows one key per connection, so that of
 * a fingerprint whose type is unknown may come only when the other types are no longer asked for.
 */
async function logIn(settings: HopSettings, route: Route, signal: AbortSignal): Promise<Hop> {
    let types = settings.hostKeys === "any" ? HOST_KEY_TYPES : hostKeyTypesToAsk(settings.hostKeys);
    const presented: { type: string; fingerprint: string }[] = [];
    for (;;) {
        const sentKey = await settings.sendNewKey?.(signal);
        const way = await route.open(signal);
        try {
            return withWay(await handshake(way.stream, settings, types, signal, sentKey), way);
        } catch (failure) {
            const error = explained(failure, settings);
            // Asked before it is closed, which it would tell of then.
            const said = way.said?.() ?? "";
            const shown = error instanceof OtherHostKey ? error.presented : undefined;
            if (shown) {
                presented.push(shown);
            }
            types = types.filter((type) => shown !== undefined && type !== shown.type);
            if (types.length === 0) {
                await route.close();
                const final = error instanceof OtherHostKey ? hostKeyMismatch(settings, presented) : error;
                throw final instanceof SshError ? final.and(said) : final;
            }
        }
    }
}

/** What carries a connection may be gone first, or know better why it is. */
function withWay(hop: Hop, { gone, said }: Way): Hop {
    const reason = hop.gone.then((why) => [why, said?.() ?? ""].filter((text) => text !== "").join("; "));
    return { ...hop, gone: gone ? Promise.race([reason, gone]) : reason };
}

function hostKeyMismatch(
    { where, address, hostKeys }: HopSettings,
    presented: readonly { type: string; fingerprint: string }[],
): SshError {
    const expected = (hostKeys as readonly HostKey[]).map(describeHostKey).join(" or ");
    const shown =
        presented.length === 0
            ? "has no key of that type"
            : `presented ${presented.map(describeHostKey).join(" and ")}`;
    return new SshError({
        code: "SSH_HOST_KEY_MISMATCH",
        where,
        address,
        what: `host key not accepted: expected ${expected}, the server ${shown}`,
        remedy: "if the host was replaced or its keys were renewed, update hostKey; else somebody may be in between",
    });
}
