import { setTimeout as sleep } from "node:timers/promises";

const LIMIT_MS = 120_000;
const PAUSE_MS = 50;

/** Asks again and again; an error ends the waiting. */
export async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
    const deadline = Date.now() + LIMIT_MS;
    while (!(await holds())) {
        if (Date.now() > deadline) {
            throw new Error(`timeout while waiting until ${what}`);
        }
        await sleep(PAUSE_MS);
    }
}
