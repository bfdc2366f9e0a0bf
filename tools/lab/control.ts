import { once } from "node:events";
import { createServer, request } from "node:http";
import { text } from "node:stream/consumers";

const ANSWER_LIMIT_MS = 5_000;

/**
 * Answers what the command `lab` asks, over a socket that is a file: it is found without a port, by this account only.
 *
 * @param answer to the words that were typed. @throws what the user is told then
 * @returns what ends it
 */
export async function listen(
    socket: string,
    answer: (words: string[]) => Promise<string>,
): Promise<() => void> {
    const server = createServer((incoming, response) => {
        void text(incoming)
            .then((body) => answer(body.split("\n").filter(Boolean)))
            .then(
                (said) => response.end(`${said}\n`),
                (error: unknown) => response.writeHead(400).end(`${(error as Error).message}\n`),
            );
    });
    server.listen(socket);
    await once(server, "listening");
    return () => {
        server.close();
        server.closeAllConnections();
    };
}

/** Whether somebody answers at the socket; undefined where there is none. */
export async function isAnswered(socket: string): Promise<boolean | undefined> {
    const outgoing = request({
        socketPath: socket,
        method: "POST",
        signal: AbortSignal.timeout(ANSWER_LIMIT_MS),
    });
    outgoing.end("help");
    try {
        const [response] = (await once(outgoing, "response")) as [NodeJS.ReadableStream];
        response.resume();
        return true;
    } catch (error) {
        switch ((error as NodeJS.ErrnoException).code) {
            case "ECONNREFUSED":
                return false;
            case "ENOENT":
                return undefined;
            default:
                // It is there, and busy.
                return true;
        }
    }
}

/** The command itself: a shell script that asks at the socket. */
export function commandScript(socket: string): string {
    return `#!/bin/sh
# Tells the lab that runs in the other terminal what to do.
printf '%s\\n' "$@" | curl --silent --fail-with-body --max-time 60 --unix-socket '${socket}' --data-binary @- http://lab/
code=$?
case $code in
0 | 22) ;;
28) echo 'the lab has not answered for 60 s' >&2 ;;
*) echo 'the lab has ended: start it again, and paste its new lines' >&2 ;;
esac
exit "$code"
`;
}
