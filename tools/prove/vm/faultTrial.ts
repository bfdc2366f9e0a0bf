import type { Evidence } from "../../../index";
import { reasonCodes } from "../../../provider/base/errors";
import type { EngineResult } from "../../../lab/engine/project";
import { type BootResult, bootImage, UP_LIMIT_MS } from "./bootTrial";
import { LIMITS, type MachineFault, type Target } from "./faults";
import { GUARD_FOLDER, type MachineLab } from "./machineLab";
import { MachineWriters } from "./machineWriters";
import { patiently } from "./patiently";
import { programOf } from "./program";
import type { Scene } from "./series";

const WRITTEN = 10;

export interface FaultResult {
    readonly fault: string;
    /** A reason's code, or `succeeded`. */
    readonly ended: string;
    readonly seconds?: number;
    /** Of the set that the struck `up` kept. */
    readonly booted?: BootResult;
    /** Of the next `up`. */
    readonly healed: string;
    readonly problems: readonly string[];
}

/** Throws one fault at one `up`; the next one has to heal what it left. */
export class FaultTrials implements Scene<MachineFault> {
    #run = 0;

    private constructor(
        private readonly lab: MachineLab,
        private readonly log: (line: string) => void,
        private readonly tell: (result: FaultResult) => void,
    ) {}

    /** There is a set, which must stay until another takes its place. @throws when it cannot be taken */
    static async begin(
        lab: MachineLab,
        log: (line: string) => void,
        tell: (result: FaultResult) => void,
    ): Promise<FaultTrials> {
        const trials = new FaultTrials(lab, log, tell);
        log(`booted in ${(await lab.machine.ready()).toFixed(0)} s`);
        await lab.machine.booted();
        const { result } = await patiently(() => trials.#spawn().result);
        if (result.code !== 0) {
            throw new Error(`no set can be taken of the machine: ${result.stdout}`);
        }
        const { freezeWindowMs } = (result.outputs["evidence"] ?? {}) as Evidence;
        log(`the first set: frozen for ${freezeWindowMs ?? 0} ms`);
        return trials;
    }

    async take(fault: MachineFault): Promise<void> {
        this.tell(await this.#throwOne(fault));
    }

    /** Nobody writes between two faults. */
    async close(): Promise<void> {}

    async #throwOne(fault: MachineFault): Promise<FaultResult> {
        const { lab } = this;
        const { machine } = lab;
        await fault.prepare?.(lab);
        let writers = await this.#writers();
        try {
            const bootId = await machine.bootId();
            const target: Target = { lab, spawn: (changes) => this.#spawn(changes) };
            const startedAt = performance.now();
            const result = await fault.strike(target);
            const seconds = (performance.now() - startedAt) / 1000;
            const ended = endOf(result);
            this.log(`${fault.name}: ${ended} after ${seconds.toFixed(0)} s`);
            writers.pause();
            // Whoever claims a level has to prove it.
            const booted = ended === "succeeded" ? await bootImage(lab, writers) : undefined;
            await fault.repair?.(lab);
            await lab.cloud.reset();
            if (fault.boots === true) {
                await machine.bootedSince(bootId);
            }
            await machine.ready();
            const { result: healing } = await patiently(() => this.#spawn().result);
            const healed = endOf(healing);
            if (fault.boots === true) {
                await writers.stop();
                writers = await this.#writers();
            }
            writers.resume();
            const problems = [
                ...(fault.mayEnd.includes(ended) ? [] : [`ended with ${ended}: ${result.stdout}`]),
                ...(fault.check?.(result) ?? []),
                ...(healed === "succeeded" ? [] : [`the next up: ${healed}: ${healing.stdout}`]),
                ...(await notWritten(writers)),
                ...(await leftBehind(lab)),
                ...(booted === undefined ? [] : flawsOf(booted)),
            ];
            return {
                fault: fault.name,
                ended,
                seconds,
                healed,
                problems,
                ...(booted === undefined ? {} : { booted }),
            };
        } finally {
            await writers.stop();
        }
    }

    #spawn(changes: Parameters<Target["spawn"]>[0] = {}) {
        const { project, instance, machine } = this.lab;
        this.#run += 1;
        const { instanceId } = instance;
        project.setProgram(programOf({ instanceId, machine, run: this.#run, timeouts: LIMITS, ...changes }));
        return project.spawn("up", { limitMs: UP_LIMIT_MS });
    }

    /** From number 1. */
    async #writers(): Promise<MachineWriters> {
        const { machine } = this.lab;
        await machine.booted();
        await machine.run(
            "psql -X -q -U postgres -d postgres -c 'truncate numbers' && : >/mnt/data/first && : >/mnt/log/second",
        );
        const writers = new MachineWriters(machine);
        await writers.progress(WRITTEN);
        return writers;
    }
}

/** The code of the resource's error, as each error's text begins with one. One whose state is saved stands in a list. */
export function endOf({ code, stdout }: Pick<EngineResult, "code" | "stdout">): string {
    if (code === 0) {
        return "succeeded";
    }
    const [, found] = /(?:error: |^\s*\* )([A-Z_]{4,}) \(/m.exec(stdout) ?? [];
    return reasonCodes.find((one) => one === found) ?? "an unknown failure";
}

/** What a set that claims a level is not. */
export function flawsOf({ level, database, files }: BootResult): string[] {
    const flaws = [database, files].flatMap(({ lost, after, gaps, replays, problems, transactions }) => [
        ...(lost + after + gaps + replays === 0
            ? []
            : [`lost ${lost}, of after the freeze ${after}, gaps ${gaps}, to replay ${replays}`]),
        ...(transactions > 0 ? [] : ["nothing is there"]),
        ...problems,
    ]);
    return level === "application" ? flaws : [];
}

async function notWritten(writers: MachineWriters): Promise<string[]> {
    try {
        await writers.progress(WRITTEN);
        return [];
    } catch (error) {
        return [String(error)];
    }
}

async function leftBehind({ machine }: MachineLab): Promise<string[]> {
    const found = await machine.run(`find ${GUARD_FOLDER} 2>/dev/null || true`);
    return found.split("\n").flatMap((file) => (file === "" ? [] : [`left behind: ${file}`]));
}
