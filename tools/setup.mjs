// Sets up all that the demo and the tests need: `node tools/setup.mjs [--for demo|test|hosts|machine]`.
// Runs on any Node from 18 on and before there is a node_modules. Quick when there is nothing to do.
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { run, tryRun } from "../lab/setup/run.mjs";
import { setupAwsCli } from "../lab/setup/setupAwsCli.mjs";
import { setupCloud } from "../lab/setup/setupCloud.mjs";
import { setupEngine } from "../lab/setup/setupEngine.mjs";
import { setupHost } from "../lab/setup/setupHost.mjs";
import { setupMachine } from "../lab/setup/setupMachine.mjs";
import { BARE_KINDS, INSTALL_KINDS, OLDEST_SDK, setupInstall } from "../lab/setup/setupInstall.mjs";
import { setupSessionClient } from "../lab/setup/setupSessionClient.mjs";
import { TEST_USER_LANDS, USER_LANDS, setupUserLands } from "../lab/setup/setupUserLands.mjs";
import { hashOf, isStamped, writeStamp } from "../lab/setup/stamp.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const log = (line) => console.log(`set-up: ${line}`);
const OLDEST_NODE = [22, 12];

/** All that `bin/` is made from. */
const BUILD_SOURCES = [
    "index.ts",
    "provider",
    "components",
    "recipes",
    "package.json",
    "package-lock.json",
    "tsconfig.json",
    "tsconfig.build.json",
    "tools/copyGuard.mjs",
];

function purposeFrom(args) {
    const [flag, purpose, ...rest] = args;
    if (flag === undefined) return undefined;
    if (flag === "--for" && ["demo", "test", "hosts", "machine"].includes(purpose) && rest.length === 0)
        return purpose;
    throw new Error("usage: node tools/setup.mjs [--for demo|test|hosts|machine]");
}

function setupDependencies() {
    if (!dependenciesAreInstalled()) {
        log("installing the npm packages of package-lock.json");
        run("npm", ["ci"], { cwd: root });
    }
    const node = join(root, "node_modules/.bin/node");
    const [, major, minor] = /^v(\d+)\.(\d+)/.exec(tryRun(node, ["--version"]) ?? "") ?? [];
    if (
        Number(major) > OLDEST_NODE[0] ||
        (Number(major) === OLDEST_NODE[0] && Number(minor) >= OLDEST_NODE[1])
    ) {
        return;
    }
    throw new Error(
        `node_modules/.bin/node is ${major ? `version ${major}.${minor}` : "missing or broken"}, ` +
            `not ${OLDEST_NODE.join(".")} or newer: the install script of the npm package "node" did not run. ` +
            `Allow install scripts (npm config get ignore-scripts), remove node_modules and try again.`,
    );
}

/** Compares npm's own record of what is installed with the lock file: also right after an `npm install` by hand. */
function dependenciesAreInstalled() {
    const record = join(root, "node_modules/.package-lock.json");
    if (!existsSync(record)) return false;
    const installed = JSON.parse(readFileSync(record, "utf8")).packages;
    const wanted = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")).packages;
    return Object.entries(wanted).every(
        ([path, { version, optional }]) =>
            path === "" ||
            (optional && !installed[path]) ||
            (installed[path] && installed[path].version === version),
    );
}

function build() {
    const stamp = join(root, ".cache/stamps/build");
    const sources = hashOf(root, BUILD_SOURCES);
    if (isStamped(stamp, sources) && existsSync(join(root, "bin"))) return;
    log("compiling TypeScript to bin/");
    run("npm", ["run", "build"], { cwd: root });
    writeStamp(stamp, sources);
}

async function setup(purpose) {
    setupDependencies();
    build();
    setupEngine({ root, log });
    if (purpose === undefined) return;
    setupHost({ purpose, log });
    await setupCloud({ root, log });
    if (purpose === "demo") return;
    // Here, because a lane of the tests has no network to fetch it by.
    setupAwsCli({ root, log });
    setupSessionClient({ root, log });
    // Without root nothing could stand on them, and the tests that do are skipped.
    if (process.platform === "linux" && process.getuid() === 0) {
        setupUserLands({ root, log, names: purpose === "hosts" ? USER_LANDS : TEST_USER_LANDS });
    }
    if (purpose === "machine") setupMachine({ root, log });
    for (const kind of [...INSTALL_KINDS, ...BARE_KINDS, OLDEST_SDK]) setupInstall({ root, log, kind });
}

try {
    await setup(purposeFrom(process.argv.slice(2)));
} catch (error) {
    console.error(`set-up: cannot go on: ${error.message}`);
    process.exitCode = 1;
}
