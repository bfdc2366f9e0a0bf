// Builds a client of Session Manager that nobody here wrote, from crates of the registry: the local cloud is held to it.
import { join } from "node:path";
import { homedir } from "node:os";
import { run, tryRun } from "./run.mjs";
import { hashOf, isStamped, writeStamp } from "./stamp.mjs";

const SOURCES = "lab/sessionClient";
/** What the crate's dependencies ask for. */
const OLDEST_RUST = [1, 95];

/**
 * Quick when it is done already. Without a Rust toolchain the tests that need the client are skipped.
 * @returns {string | undefined} the program's path
 */
export function setupSessionClient({ root, log }) {
    const folder = join(root, ".cache/session-client");
    const program = join(folder, "bin/session-client");
    const sources = hashOf(root, [SOURCES]);
    if (isStamped(join(folder, "stamp"), sources)) return program;
    const version = /(\d+)\.(\d+)/.exec(tryRun("cargo", ["--version"], { limitSeconds: 60 }) ?? "");
    if (!version || !isAtLeast(version, OLDEST_RUST)) {
        log(
            `no Rust ${OLDEST_RUST.join(".")} or newer: tests with another client of Session Manager are skipped`,
        );
        return undefined;
    }
    log("building a client of Session Manager from crates (some minutes the first time)");
    // What was compiled is kept for all checkouts, as Go does it by itself.
    const built = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "acs-session-client");
    const source = join(root, SOURCES);
    run(
        "cargo",
        ["install", "--quiet", "--locked", "--path", source, "--root", folder, "--no-track", "--force"],
        {
            cwd: source,
            env: { ...process.env, CARGO_TARGET_DIR: built },
        },
    );
    writeStamp(join(folder, "stamp"), sources);
    return program;
}

function isAtLeast([, major, minor], [oldestMajor, oldestMinor]) {
    return Number(major) > oldestMajor || (Number(major) === oldestMajor && Number(minor) >= oldestMinor);
}
