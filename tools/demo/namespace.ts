import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { dirname } from "node:path";
import { INTERRUPTIONS } from "../interruptions";

/** Where an EC2 instance on Nitro says which instance it is. */
const LABEL = "/sys/class/dmi/id/board_asset_tag";
const INSIDE = "ACS_DEMO_NAMESPACE";
const PROBE_LIMIT_MS = 10_000;

/** The account that we are is kept: mounting needs to be root in the first namespace, sshd must not be in the second. */
const ENTER = `mount -t tmpfs -o mode=755 demo /sys/class || exit 125
uid=$1 gid=$2
shift 2
exec unshare --user --map-user="$uid" --map-group="$gid" "$@"`;

/**
 * Runs this program again in a mount namespace of its own, where an ordinary user may label the machine as an
 * instance. @returns the exit code; undefined where that is not needed, done already, or not possible here.
 */
export async function runInNamespace(): Promise<number | undefined> {
    if (process.getuid?.() === 0 || process.env[INSIDE] !== undefined) {
        return undefined;
    }
    const probe = spawnSync("unshare", enter(["true"]), { stdio: "ignore", timeout: PROBE_LIMIT_MS });
    if (probe.status !== 0) {
        return undefined;
    }
    const again = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
    const child = spawn("unshare", enter(again), {
        stdio: "inherit",
        env: { ...process.env, [INSIDE]: "1" },
    });
    // A terminal's Ctrl-C reaches it too, which then hears it twice; a signal to this process alone would not.
    const forward = (signal: NodeJS.Signals) => child.kill(signal);
    for (const signal of INTERRUPTIONS) {
        process.on(signal, forward);
    }
    const [code, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
    return code ?? 128 + constants.signals[signal ?? "SIGKILL"];
}

function enter(command: string[]): string[] {
    const ids = [String(process.getuid?.()), String(process.getgid?.())];
    return ["--user", "--map-root-user", "--mount", "sh", "-c", ENTER, "sh", ...ids, ...command];
}

/** Labels the machine, as this process and what it starts see it. Only inside the namespace. */
export function labelMachine(instanceId: string): boolean {
    if (process.env[INSIDE] === undefined) {
        return false;
    }
    mkdirSync(dirname(LABEL), { recursive: true });
    writeFileSync(LABEL, `${instanceId}\n`);
    return true;
}
