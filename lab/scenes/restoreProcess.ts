import { type ChildProcessByStdio, spawn } from "node:child_process";
import { type AddressInfo, type Server, createServer } from "node:net";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { timing } from "../../provider/base/timing";
import type { RestoreInputs } from "../../provider/inputs/restoreInputs";
import type { RestoreOutputs } from "../../provider/lifecycle/restoreTest/restoreOutputs";
import type { LocalCloud } from "../cloud/localCloud";
import { ROOT } from "../engine/engine";
import { type Lines, linesOf } from "../lines";
import { RESULT, type RestoreOnce } from "./restoreOnce";
import type { RestoreOutcome } from "./restoreOutcome";

/** How a process ended. */
export interface ProcessEnd {
    readonly code: number | null;
    readonly signal: NodeJS.Signals | null;
}

interface Said {
    readonly id?: string;
    readonly outs?: RestoreOutputs;
    readonly message?: string;
    readonly properties?: RestoreOutputs;
}

/**
 * A real process that calls the provider once, as the engine does, with the limits of this process. Not simulated: its
 * signals, and the engine's address, which it is given as its last argument. Simulated: the rest of the engine.
 */
export class RestoreProcess {
    readonly said: Lines;
    readonly ended: Promise<ProcessEnd>;

    private constructor(
        private readonly child: ChildProcessByStdio<null, Readable, Readable>,
        private readonly engine: Server,
        readonly inputs: RestoreInputs,
    ) {
        this.ended = new Promise((resolve) => {
            child.on("exit", (code, signal) => resolve({ code, signal }));
        });
        this.said = linesOf([child.stdout, child.stderr], this.ended);
        void this.ended.then(() => this.stopEngine());
    }

    static async start(cloud: LocalCloud, inputs: RestoreInputs): Promise<RestoreProcess> {
        const engine = createServer((socket) => socket.destroy());
        await new Promise<void>((resolve) => engine.listen(0, "127.0.0.1", resolve));
        const given: RestoreOnce = { inputs, timing };
        const address = `127.0.0.1:${(engine.address() as AddressInfo).port}`;
        const child = spawn(
            process.execPath,
            ["--import", "tsx", join(__dirname, "restoreOnce.ts"), address],
            {
                cwd: ROOT,
                env: { ...process.env, ...cloud.env, RESTORE_ONCE: JSON.stringify(given) },
                stdio: ["ignore", "pipe", "pipe"],
            },
        );
        return new RestoreProcess(child, engine, inputs);
    }

    kill(signal: NodeJS.Signals): void {
        this.child.kill(signal);
    }

    /** As if the engine had been killed: its address no longer accepts. */
    async stopEngine(): Promise<void> {
        if (this.engine.listening) {
            await new Promise((resolve) => this.engine.close(resolve));
        }
    }

    /** Fails when the process ends before that. */
    async until<T>(reached: Promise<T>): Promise<T> {
        const tooSoon = this.ended.then(() => {
            throw new Error(`the process ended before that:\n${this.said.lines.join("\n")}`);
        });
        tooSoon.catch(() => undefined);
        return await Promise.race([reached, tooSoon]);
    }

    /** What it has told at its end; undefined when it could not. */
    async outcome(): Promise<RestoreOutcome | undefined> {
        await this.ended;
        const last = this.said.lines.find((line) => line.startsWith(RESULT));
        if (last === undefined) {
            return undefined;
        }
        const { id = "", outs, message, properties } = JSON.parse(last.slice(RESULT.length)) as Said;
        const error =
            message === undefined
                ? undefined
                : Object.assign(new Error(message), properties === undefined ? {} : { id, properties });
        return { id, inputs: this.inputs, state: outs, error, lines: this.said.lines };
    }
}
