// Fetches the package managers that users of this package have besides npm and pnpm, pinned in lab/setup/managers: Yarn
// classic and Yarn berry both have a command `yarn`, and Bun is 100 MB, so none of them is a dependency of the repository.
import { copyFileSync, existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { run } from "./run.mjs";
import { hashOf, isStamped, writeStamp } from "./stamp.mjs";

const FILES = ["package.json", "package-lock.json"];

/**
 * @param {{ root: string, log: (line: string) => void }} options
 * @returns {{ yarn: string[], berry: string[], bun: string[] }} how each is called
 */
export function setupManagers({ root, log }) {
    const folder = join(root, ".cache/managers");
    const sources = hashOf(root, ["lab/setup/managers"]);
    if (!isStamped(join(folder, "stamp"), sources)) {
        log("fetching yarn and bun");
        mkdirSync(folder, { recursive: true });
        for (const name of FILES) copyFileSync(join(root, "lab/setup/managers", name), join(folder, name));
        run("npm", ["ci", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund"], {
            cwd: folder,
        });
        writeStamp(join(folder, "stamp"), sources);
    }
    const modules = join(folder, "node_modules");
    return {
        yarn: ["node", join(modules, "yarn-classic/bin/yarn.js")],
        berry: ["node", join(modules, "yarn-berry/bin/yarn.js")],
        bun: [bunIn(join(modules, "@oven"))],
    };
}

/** Of the builds for several machines, npm installs the one for this. */
function bunIn(folder) {
    const builds = existsSync(folder) ? readdirSync(folder) : [];
    return join(folder, builds[0] ?? "bun-for-this-machine", "bin/bun");
}
