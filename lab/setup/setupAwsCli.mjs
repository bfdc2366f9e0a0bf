// Makes a Python environment with the AWS CLI, for what users type by hand: pages of the documentation, and the bench's script.
import { rmSync } from "node:fs";
import { join } from "node:path";
import { makeVenv } from "./pythonVenv.mjs";
import { hashOf, isStamped, writeStamp } from "./stamp.mjs";

const REQUIREMENTS = "lab/setup/awsCli.txt";

/** Quick when it is done already. @returns {string} the folder for PATH */
export function setupAwsCli({ root, log }) {
    const folder = join(root, ".cache/aws-cli-venv");
    const stamp = hashOf(root, [REQUIREMENTS]);
    if (isStamped(join(folder, "stamp"), stamp)) return join(folder, "bin");
    log("installing the AWS CLI");
    rmSync(folder, { recursive: true, force: true });
    // Its programs name its path: it is made where it stays, and counts only with its stamp.
    makeVenv({ folder, requirements: join(root, REQUIREMENTS) });
    writeStamp(join(folder, "stamp"), stamp);
    return join(folder, "bin");
}
