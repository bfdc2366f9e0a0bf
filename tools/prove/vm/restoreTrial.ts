import type { EngineResult } from "../../../lab/engine/project";
import { countsOf } from "../../../lab/cloud/cloudContents";
import { UP_LIMIT_MS } from "./bootTrial";
import { endOf } from "./faultTrial";
import type { MachineLab } from "./machineLab";
import { programOf } from "./program";
import type { Scene } from "./series";

/** What a `RestoreTest` said of the machine that it booted, in seconds. */
export interface RestoreResult {
    /** A reason's code, or `succeeded`. */
    readonly ended: string;
    readonly bootSeconds?: number;
    readonly verifySeconds?: number;
    readonly recoverySeconds?: number;
    /** By the copy's own clock: from when its sshd was ready until the script began. */
    readonly loginSeconds?: number;
    /** What the `up` with the test took beyond one in which nothing changes, and beyond the recovery. */
    readonly overheadSeconds?: number;
    readonly problems: readonly string[];
}

/** Seconds. For an emulated machine on a busy one. */
const TIMEOUTS = { boot: 900, verify: 900 };

/** Before the recipe's own script: when it began, and when sshd was ready, in seconds since the kernel began. */
const CLOCKS = `read -r began _ </proc/uptime
echo "began after $began s, sshd was ready after $(systemctl show -P ActiveEnterTimestampMonotonic ssh) us"
`;

/** Has a `RestoreTest` boot a machine from the image of a new set, each time. */
export class RestoreTrials implements Scene<number> {
    private constructor(
        private readonly lab: MachineLab,
        private readonly tell: (result: RestoreResult) => void,
    ) {}

    static async begin(lab: MachineLab, tell: (result: RestoreResult) => void): Promise<RestoreTrials> {
        await lab.machine.ready();
        await lab.machine.booted();
        return new RestoreTrials(lab, tell);
    }

    async take(run: number): Promise<void> {
        this.tell(await restoreTrial(this.lab, run));
    }

    async close(): Promise<void> {}
}

async function restoreTrial(lab: MachineLab, run: number): Promise<RestoreResult> {
    const { project, machine } = lab;
    await upOf(lab, run, "");
    // Two emulated machines are more than a small machine can run.
    await machine.pause();
    try {
        const nothing = await upOf(lab, run, "");
        const tested = await upOf(lab, run, restoreTestOf(lab, run));
        const ended = endOf(tested.result);
        const outputs = ended === "succeeded" ? secondsIn(await project.outputs()) : undefined;
        return {
            ended,
            ...outputs,
            ...loginIn(tested.result.stdout),
            ...(outputs && {
                overheadSeconds: tested.seconds - nothing.seconds - outputs.recoverySeconds,
            }),
            problems: [
                ...(ended === "succeeded" ? [] : [tested.result.stdout]),
                ...(await leftOf(lab)),
                ...notSeenIn(tested.result.stdout),
            ],
        };
    } finally {
        await machine.resume();
    }
}

interface TimedUp {
    readonly result: EngineResult;
    readonly seconds: number;
}

async function upOf({ project, instance, machine }: MachineLab, run: number, more: string): Promise<TimedUp> {
    project.setProgram(programOf({ instanceId: instance.instanceId, machine, run, more }));
    const startedAt = performance.now();
    const result = await project.up({ limitMs: UP_LIMIT_MS });
    if (result.code !== 0 && more === "") {
        throw new Error(`the up without a test failed: ${result.stdout}`);
    }
    return { result, seconds: (performance.now() - startedAt) / 1000 };
}

function restoreTestOf({ launched, launchArgs, machine }: MachineLab, run: number): string {
    const { user, clientKey: privateKey, hostKeyLine: hostKey } = machine;
    const connection = { user, port: launched.port, privateKey, hostKey };
    return `const verify = { script: ${JSON.stringify(CLOCKS)} + recipes.verify.postgresql().script };
const test = new RestoreTest("proof", {
    imageId: image.imageId,
    launch: ${JSON.stringify(launchArgs)},
    connection: ${JSON.stringify(connection)},
    verify,
    timeouts: ${JSON.stringify(TIMEOUTS)},
    triggers: [${run}],
});
export const { bootSeconds, verifySeconds, recoverySeconds } = test;
`;
}

function secondsIn(outputs: Record<string, unknown>) {
    const of = (name: string) => Number(outputs[name]);
    return {
        bootSeconds: of("bootSeconds"),
        verifySeconds: of("verifySeconds"),
        recoverySeconds: of("recoverySeconds"),
    };
}

/** @param stdout of the `up`, with what the script has printed */
export function loginIn(stdout: string): Pick<RestoreResult, "loginSeconds"> {
    const [, began, ready] = /began after ([\d.]+) s, sshd was ready after (\d+) us/.exec(stdout) ?? [];
    return began === undefined ? {} : { loginSeconds: Number(began) - Number(ready) / 1e6 };
}

/** The recipe says what it has read, and how. */
export function notSeenIn(stdout: string): string[] {
    return [/PostgreSQL answered after \d+ s/, /read whole by pg_amcheck/, /checksums of pages: on/].flatMap(
        (wanted) => (wanted.test(stdout) ? [] : [`the verify script did not say ${String(wanted)}`]),
    );
}

async function leftOf({ cloud }: MachineLab): Promise<string[]> {
    const { instances } = await countsOf(cloud, cloud.region);
    return instances === 1 ? [] : [`${instances} instances, and only the source should be there`];
}
