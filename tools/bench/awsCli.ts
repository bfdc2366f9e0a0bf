import { rmSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../lab/engine/engine";
import { run } from "../../lab/setup/run.mjs";
import { hashOf, isStamped, writeStamp } from "../../lab/setup/stamp.mjs";

const REQUIREMENTS = "tools/bench/requirements.txt";

/** Sets up the AWS CLI that the script uses. Quick when it is done already. @returns the folder for PATH */
export function setupAwsCli(): string {
    const folder = join(ROOT, ".cache/bench-venv");
    const stamp = hashOf(ROOT, [REQUIREMENTS]);
    if (isStamped(join(folder, "stamp"), stamp)) {
        return join(folder, "bin");
    }
    console.error("bench: installing the AWS CLI");
    rmSync(folder, { recursive: true, force: true });
    // Its programs name its path: it is made where it stays, and counts only with its stamp.
    run("python3", ["-m", "venv", folder]);
    const pip = ["-m", "pip", "install", "--quiet", "--no-input", "--no-deps"];
    run(join(folder, "bin/python"), [...pip, "--requirement", join(ROOT, REQUIREMENTS)]);
    writeStamp(join(folder, "stamp"), stamp);
    return join(folder, "bin");
}
