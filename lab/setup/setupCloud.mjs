// Sets up the Python that the local cloud (lab/cloud) runs on: a virtual environment with pinned packages.
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { makeVenv } from "./pythonVenv.mjs";
import { tryRun } from "./run.mjs";
import { hashOf, isStamped, writeStamp } from "./stamp.mjs";

const REQUIREMENTS = "lab/cloud/requirements.txt";
const OLDEST_PYTHON = [3, 10];

/**
 * Quick when it is done already; the stamp is inside the environment, so that they cannot disagree.
 *
 * @param {{ root: string, log: (line: string) => void }} options the repository's root
 * @returns {Promise<string>} path of the Python
 */
export async function setupCloud({ root, log }) {
    const folder = join(root, ".cache/cloud-venv");
    const python = join(folder, "bin/python");
    const stamp = hashOf(root, [REQUIREMENTS]);
    if (isStamped(join(folder, "stamp"), stamp) && existsSync(python)) return python;

    checkPython();
    log("installing the Python packages of the local cloud");
    // Made beside and renamed: whoever runs at the same time, or after an interruption, sees it whole or not at all.
    const draft = `${folder}-${process.pid}`;
    const discarded = `${draft}-old`;
    try {
        mkdirSync(dirname(folder), { recursive: true });
        makeVenv({ folder: draft, requirements: join(root, REQUIREMENTS) });
        writeStamp(join(draft, "stamp"), stamp);
        if (existsSync(folder)) renameSync(folder, discarded);
        renameSync(draft, folder);
    } finally {
        rmSync(draft, { recursive: true, force: true });
        rmSync(discarded, { recursive: true, force: true });
    }
    return python;
}

function checkPython() {
    const version = tryRun("python3", ["-c", "import sys; print(*sys.version_info[:2])"]);
    if (version === undefined) {
        throw new Error(
            "the local cloud needs python3: on Debian or Ubuntu, sudo apt-get install python3 python3-venv",
        );
    }
    const [major, minor] = version.trim().split(" ").map(Number);
    if (major !== OLDEST_PYTHON[0] || minor < OLDEST_PYTHON[1]) {
        throw new Error(
            `the local cloud needs Python ${OLDEST_PYTHON.join(".")} or newer, not ${major}.${minor}`,
        );
    }
    if (tryRun("python3", ["-c", "import venv, ensurepip"]) === undefined) {
        throw new Error(
            "the local cloud needs Python's venv module: on Debian or Ubuntu, sudo apt-get install python3-venv",
        );
    }
}
