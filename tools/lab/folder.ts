import { chmodSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isAnswered } from "./control";

const PREFIX = "acs-lab-";

/** Where the lab of a folder is asked. */
export const socketIn = (folder: string): string => join(folder, "control");

/** A folder for all that a lab makes. Users of its hosts pass through it. */
export function makeFolder(): string {
    const folder = mkdtempSync(join(tmpdir(), PREFIX));
    chmodSync(folder, 0o755);
    return folder;
}

/**
 * Removes the folders of labs that were killed. Nothing else is left of these: hosts, mounts and the cloud end with the
 * process that started them. A folder without a socket may be that of a lab that starts just now.
 */
export async function removeDeadFolders(): Promise<string[]> {
    const dead: string[] = [];
    for (const name of readdirSync(tmpdir()).filter((one) => one.startsWith(PREFIX))) {
        const folder = join(tmpdir(), name);
        if ((await isAnswered(socketIn(folder))) === false) {
            rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
            dead.push(folder);
        }
    }
    return dead;
}
