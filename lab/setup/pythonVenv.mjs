// Makes a Python environment of pinned packages.
import { join } from "node:path";
import { run } from "./run.mjs";

/** @param {{ folder: string, requirements: string }} options both whole paths */
export function makeVenv({ folder, requirements }) {
    run("python3", ["-m", "venv", folder]);
    const pip = ["-m", "pip", "install", "--quiet", "--no-input", "--no-deps"];
    run(join(folder, "bin/python"), [...pip, "--requirement", requirements]);
}
