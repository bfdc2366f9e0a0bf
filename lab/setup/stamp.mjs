// Stamps remember what a finished step was made from, so that the next run can leave it alone.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** Hash of the names and contents of files and of all files below folders; what is missing counts as missing. */
export function hashOf(root, paths) {
    const hash = createHash("sha256");
    for (const path of paths.flatMap((path) => filesAt(root, path))) {
        hash.update(`${path}\0`)
            .update(readFileSync(join(root, path)))
            .update("\0");
    }
    return hash.digest("hex");
}

function filesAt(root, path) {
    const full = join(root, path);
    if (!existsSync(full)) return [];
    if (!statSync(full).isDirectory()) return [path];
    return readdirSync(full)
        .sort()
        .filter((name) => name !== "node_modules")
        .flatMap((name) => filesAt(root, join(path, name)));
}

export function isStamped(file, value) {
    return existsSync(file) && readFileSync(file, "utf8") === value;
}

export function writeStamp(file, value) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, value);
}
