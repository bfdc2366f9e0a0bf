import { existsSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

let own: string | undefined;

/**
 * A folder that is made once: for all lanes of a run (tools/lanes), or for this process where there are none. It is
 * removed with them.
 *
 * @param make fills the folder that it is given, which is not yet where it will be
 */
export function madeOnce(name: string, make: (folder: string) => void): string {
    const folder = join(process.env["ACS_LANES_FOLDER"] ?? ownFolder(), name);
    if (existsSync(folder)) {
        return folder;
    }
    const draft = mkdtempSync(`${folder}-`);
    make(draft);
    try {
        renameSync(draft, folder);
    } catch (error) {
        rmSync(draft, { recursive: true, force: true });
        // Another lane may have been first.
        if (!existsSync(folder)) {
            throw error;
        }
    }
    return folder;
}

function ownFolder(): string {
    if (own === undefined) {
        const folder = mkdtempSync(join(tmpdir(), "acs-tests-"));
        process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
        own = folder;
    }
    return own;
}
