import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import type { SshHost } from "../../lab/hosts/sshHost";
import type { Volumes } from "../../lab/volumes/volumes";

/** A run of the package says 265 s for the longest: the watchdog comes after that. */
const LIMITS = { longestFreezeS: 300, lookEveryMs: 10_000 };

/**
 * Resolves when all volumes can be written to, and that is at once while nobody has frozen them. What has to wait
 * cannot be killed, and goes on after the thaw.
 */
export async function writable(host: SshHost, { mountPoints }: Volumes, signal: AbortSignal): Promise<void> {
    const [command, args] = host.commandLine(`touch ${mountPoints.map((one) => `${one}/.lab`).join(" ")}`);
    const touch = spawn(command, args, { stdio: "ignore" });
    const [code] = (await once(touch, "exit", { signal })) as [number | null];
    if (code !== 0) {
        throw new Error(`the volumes of the host cannot be written to: touch ended with ${code}`);
    }
}

/**
 * Has the volumes' watchdog thaw what has not been seen awake for so long, whatever froze it, for as long as the lab
 * runs. Every look at volumes that are awake gives them that long again.
 *
 * @returns when it is in force; what it returns ends it
 */
export async function limitFreezes(
    host: SshHost,
    volumes: Volumes,
    limits = LIMITS,
): Promise<() => Promise<void>> {
    const end = new AbortController();
    await volumes.thawAfter(limits.longestFreezeS);
    const look = async (): Promise<void> => {
        await delay(limits.lookEveryMs, undefined, { signal: end.signal });
        await writable(host, volumes, end.signal);
        await volumes.thawAfter(limits.longestFreezeS);
    };
    const watching = (async () => {
        while (!end.signal.aborted) {
            // A look that fails gives no time: nothing may stay frozen because nobody can look.
            await look().catch((error: unknown) => end.signal.aborted || console.error(error));
        }
    })();
    return async () => {
        end.abort();
        await watching;
    };
}
