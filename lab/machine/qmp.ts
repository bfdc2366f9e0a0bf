import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";

const ANSWER_LIMIT_MS = 60_000;

interface Answer {
    readonly return?: unknown;
    readonly error?: { readonly class: string; readonly desc: string };
    readonly id?: number;
}

/** QEMU's own control (QEMU documentation, "QEMU Machine Protocol"): a line of JSON for each command, and for each answer. */
export class Qmp {
    #last = 0;
    readonly #waiting = new Map<number, (answer: Answer) => void>();

    private constructor(private readonly socket: Socket) {
        createInterface({ input: socket }).on("line", (line) => {
            const answer = JSON.parse(line) as Answer;
            // What has no id is its greeting, or an event.
            this.#waiting.get(answer.id ?? 0)?.(answer);
        });
        // A machine that ends says nothing more: its commands run into their limits.
        socket.on("error", () => undefined);
    }

    static async connect(path: string): Promise<Qmp> {
        const socket = connect(path);
        await once(socket, "connect");
        const qmp = new Qmp(socket);
        await qmp.execute("qmp_capabilities");
        return qmp;
    }

    /** @throws with what QEMU says, or when it does not answer in time */
    async execute(command: string, parameters: object = {}): Promise<unknown> {
        const id = (this.#last += 1);
        const { promise, resolve, reject } = Promise.withResolvers<Answer>();
        const timer = setTimeout(() => reject(new Error(`QEMU does not answer ${command}`)), ANSWER_LIMIT_MS);
        this.#waiting.set(id, resolve);
        try {
            this.socket.write(`${JSON.stringify({ execute: command, arguments: parameters, id })}\n`);
            const answer = await promise;
            if (answer.error !== undefined) {
                throw new Error(`QEMU refused ${command}: ${answer.error.desc}`);
            }
            return answer.return;
        } finally {
            clearTimeout(timer);
            this.#waiting.delete(id);
        }
    }

    close(): void {
        this.socket.destroy();
    }
}
