import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { type Interface, createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import type { SshHost } from "../../lab/hosts/sshHost";
import { WRITERS } from "./application";
import { postgresql } from "./postgresql";

const STOP_LIMIT_MS = 30_000;

/** A client of one of the two databases, which commits one transaction after the other. */
class Side {
    readonly #child: ChildProcessByStdio<Writable, Readable, null>;
    readonly #answers: Interface;

    constructor(host: SshHost) {
        const [program, args] = host.commandLine(postgresql.client);
        this.#child = spawn(program, args, { stdio: ["pipe", "pipe", "ignore"] });
        this.#child.stdin.on("error", () => undefined);
        this.#answers = createInterface({ input: this.#child.stdout });
    }

    /** Resolves when it is committed. */
    async commit(writer: number, n: number): Promise<void> {
        const answered = once(this.#answers, "line");
        this.#child.stdin.write(`${postgresql.statement(writer, n)}\n`);
        const [line] = (await answered) as [string];
        if (Number(line) !== n) {
            throw new Error(`writer ${writer} was answered ${line}, not ${n}`);
        }
    }

    async end(): Promise<void> {
        this.#child.stdin.end();
        if (this.#child.exitCode === null && this.#child.signalCode === null) {
            await once(this.#child, "exit", { signal: AbortSignal.timeout(STOP_LIMIT_MS) });
        }
    }
}

/**
 * Transfers between two databases, numbered: each leaves the first one by a transaction there, and when that is
 * acknowledged, arrives at the second one by a transaction there. The next one of the same writer comes only then.
 */
export class Transfers {
    readonly #writers: { readonly done: Promise<void>; readonly acknowledged: number[] }[];
    #ends = false;
    #paused: Promise<void> | undefined;
    #resume: () => void = () => undefined;

    private constructor(from: SshHost, to: SshHost) {
        this.#writers = Array.from({ length: WRITERS }, (_, writer) => {
            const acknowledged: number[] = [];
            return { acknowledged, done: this.#transfer(writer, new Side(from), new Side(to), acknowledged) };
        });
    }

    static start(from: SshHost, to: SshHost): Transfers {
        return new Transfers(from, to);
    }

    /** When each was acknowledged on both sides, by writer: milliseconds of the wall clock; the first is number 1. */
    get logs(): number[][] {
        return this.#writers.map(({ acknowledged }) => [...acknowledged]);
    }

    pause(): void {
        this.#paused ??= new Promise((resolve) => (this.#resume = resolve));
    }

    resume(): void {
        this.#paused = undefined;
        this.#resume();
    }

    async stop(): Promise<void> {
        this.#ends = true;
        this.resume();
        await Promise.all(this.#writers.map(({ done }) => done));
    }

    async #transfer(writer: number, from: Side, to: Side, acknowledged: number[]): Promise<void> {
        for (let n = 1; !this.#ends; n += 1) {
            await from.commit(writer, n);
            await to.commit(writer, n);
            acknowledged.push(performance.timeOrigin + performance.now());
            await this.#paused;
        }
        await Promise.all([from.end(), to.end()]);
    }
}

/** What the restored pair of databases shows. */
export interface LedgerVerdict {
    /**
     * Transfers that are on one side only, though what came before or after them proves that they were not under way:
     * they arrived and had never left; or they left, and the writer's next one left as well.
     */
    readonly oneSided: number;
    /** Left and not arrived, and nothing of the writer came after: at most one for each writer. */
    readonly underWay: number;
    /** Acknowledged on both sides before the first request, and missing on one. */
    readonly lost: number;
    readonly transfers: number;
}

/** @param from committed numbers by writer, of the database that transfers leave; `to`: of the other one */
export function judgeLedger(
    from: readonly (readonly number[])[],
    to: readonly (readonly number[])[],
    logs: readonly (readonly number[])[],
    firstRequestAt: number,
): LedgerVerdict {
    const verdicts = logs.map((acknowledgedAt, writer): LedgerVerdict => {
        const left = new Set(from[writer]);
        const arrived = new Set(to[writer]);
        const last = Math.max(0, ...left);
        const notArrived = [...left].filter((n) => !arrived.has(n));
        const neverLeft = [...arrived].filter((n) => !left.has(n));
        const underWay = notArrived.filter((n) => n === last).length;
        const lost = acknowledgedAt.filter(
            (at, index) => at < firstRequestAt && !(left.has(index + 1) && arrived.has(index + 1)),
        );
        return {
            oneSided: notArrived.length - underWay + neverLeft.length,
            underWay,
            lost: lost.length,
            transfers: left.size,
        };
    });
    const sum = (key: keyof LedgerVerdict) => verdicts.reduce((all, verdict) => all + verdict[key], 0);
    return {
        oneSided: sum("oneSided"),
        underWay: sum("underWay"),
        lost: sum("lost"),
        transfers: sum("transfers"),
    };
}
