import { connect as connectTcp, type Socket } from "node:net";
import type { Route } from "./route";
import { describeSocketError } from "./ssh/handshakeFailure";
import { type Place, unreachable } from "./ssh/sshError";

/** A TCP connection of its own for each stream. */
export function tcpRoute(to: Place): Route {
    return {
        open: async (signal) => ({ stream: await openSocket(to, signal) }),
        close: () => Promise.resolve(),
    };
}

function openSocket(to: Place, signal: AbortSignal): Promise<Socket> {
    return new Promise((resolve, reject) => {
        const socket = connectTcp({
            host: to.host,
            port: to.port,
            noDelay: true,
            // Of a name's several addresses each gets a fair time; Node's default of 0.25 s excludes far hosts.
            autoSelectFamilyAttemptTimeout: 3000,
        });
        const onAbort = () => {
            socket.destroy();
            // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- an AbortSignal's reason is the caller's own
            reject(signal.reason);
        };
        const done = () => signal.removeEventListener("abort", onAbort);
        // Stays for good, like the client's.
        socket.on("error", (error) => {
            done();
            reject(unreachable(to, describeSocketError(error), { cause: error, remedy: remedyFor(error) }));
        });
        socket.once("connect", () => {
            done();
            resolve(socket);
        });
        if (signal.aborted) {
            onAbort();
        } else {
            signal.addEventListener("abort", onAbort);
        }
    });
}

function remedyFor({ code }: NodeJS.ErrnoException): string | undefined {
    return code === "ENOTFOUND" || code === "EAI_AGAIN"
        ? "check the name. Only its own VPC knows the names of a private hosted zone, so give the address or a proxy"
        : undefined;
}
