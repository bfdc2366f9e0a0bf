/*
 * What a snapshot by VSS costs beside the document itself: requests to AWS by operation, and time. Against the local
 * cloud, whose commands take as long as is said here; the pauses between two looks are the product's own.
 *
 *     npx tsx tools/vssFigures.ts [--record vss]
 */
import { configure, create } from "../lab/scenes/lifecycle";
import { type CloudCall, type LocalCloud, startLocalCloud } from "../lab/cloud/localCloud";
import { LocalSystemsManager } from "../lab/cloud/localSystemsManager";
import { table } from "./bench/report";
import { recordFigures } from "./figures/measured";
import { ownOptions } from "./options";

const COMMAND = "npx tsx tools/vssFigures.ts";
const { record } = ownOptions(COMMAND, { record: "" });

/** Milliseconds; about what a small instance takes. */
const TAKES = { script: 2_000, install: 15_000, document: 20_000, uninstall: 8_000 };
const VSS = "AWSEC2-CreateVssSnapshot";
const PACKAGE = "AWS-ConfigureAWSPackage";

interface Figures {
    readonly calls: Map<string, number>;
    readonly totalMs: number;
    /** All that the commands themselves took. */
    readonly commandsMs: number;
}

async function measure(cloud: LocalCloud, components: string | null): Promise<Figures> {
    const ssm = new LocalSystemsManager(cloud);
    const { instanceId } = await cloud.createInstance({ platform: "windows", volumes: 3 });
    await cloud.configureSnapshots({ durationMs: 0 }, instanceId);
    await ssm.manage(instanceId, { components });
    await ssm.setCourse({ stepMs: TAKES.script }, { document: "AWS-RunPowerShellScript" });
    await ssm.setCourse({ stepMs: TAKES.install }, { document: PACKAGE, parameters: { action: "Install" } });
    await ssm.setCourse({ stepMs: TAKES.document }, { document: VSS });
    await ssm.setCourse(
        { stepMs: TAKES.uninstall },
        { document: PACKAGE, parameters: { action: "Uninstall" } },
    );
    await cloud.clearCalls();
    const started = performance.now();
    const { outs } = await create({
        instanceId,
        quiesce: { method: "vss" },
        owner: `urn::figures-${instanceId}`,
    });
    const totalMs = performance.now() - started;
    if (outs.consistencyLevel !== "application") {
        throw new Error(`the snapshot is ${outs.consistencyLevel}`);
    }
    await cloud.reset();
    return {
        calls: counted((await cloud.calls()).filter(({ byInstance }) => !byInstance)),
        totalMs,
        commandsMs:
            TAKES.script + TAKES.document + (components === null ? TAKES.install + TAKES.uninstall : 0),
    };
}

function counted(calls: readonly CloudCall[]): Map<string, number> {
    const counts = new Map<string, number>();
    for (const { service, operation, dryRun } of calls) {
        const name = `${service}:${operation}${dryRun ? " (dry run)" : ""}`;
        counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    return counts;
}

async function main(): Promise<void> {
    const cloud = await startLocalCloud();
    try {
        Object.assign(process.env, cloud.env);
        configure(new Map<string, string>());
        const without = await measure(cloud, null);
        const withThem = await measure(cloud, "2.5.1");
        const names = [...new Set([...without.calls.keys(), ...withThem.calls.keys()])].sort();
        const total = ({ calls }: Figures) => [...calls.values()].reduce((sum, count) => sum + count, 0);
        const rows = names.map((name) => [
            `\`${name}\``,
            String(without.calls.get(name) ?? 0),
            String(withThem.calls.get(name) ?? 0),
        ]);
        const all = ["**all**", String(total(without)), String(total(withThem))];
        console.log(table(["request", "components installed for it", "there before"], [...rows, all]));
        for (const [what, figures] of [
            ["installed for it", without],
            ["there before", withThem],
        ] as const) {
            const { totalMs, commandsMs } = figures;
            const seconds = (ms: number) => (ms / 1000).toFixed(1);
            console.log(
                `components ${what}: ${seconds(totalMs)} s, of which commands ${seconds(commandsMs)} s ` +
                    `(the document ${seconds(TAKES.document)} s); beyond the document ${seconds(totalMs - TAKES.document)} s, ` +
                    `of which our own ${seconds(totalMs - commandsMs)} s`,
            );
        }
        recordFigures(record, "vss", COMMAND);
    } finally {
        await cloud.stop();
    }
}

void main();
