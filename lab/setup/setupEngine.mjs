// Finds the Pulumi engine (command line tool and Node language host), or builds it.
//
// The npm package `pulumi` only downloads the tool at first run. Where the tool is not installed it is
// built from the Go module registry instead, from the two modules pinned in lab/setup/engine: two, because
// the language host's last release as a module needs other versions than the tool does.
import {
    existsSync,
    mkdirSync,
    readFileSync,
    realpathSync,
    renameSync,
    rmSync,
    writeFileSync,
} from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { run, tryRun } from "./run.mjs";
import { hashOf, isStamped, writeStamp } from "./stamp.mjs";

const OLDEST_PULUMI = [3, 200];
const OLDEST_GO = [1, 26];
const LANGUAGE_HOST = "pulumi-language-nodejs";
const DYNAMIC_PROVIDER = "pulumi-resource-pulumi-nodejs";
const MODULES = ["lab/setup/engine/cli", "lab/setup/engine/language-nodejs"];

/** What an installed Pulumi ships as the plugin of dynamic providers: node as a child of a shell. */
const DYNAMIC_PROVIDER_SCRIPT = `#!/bin/sh
server=$(node -e 'console.log(require.resolve("@pulumi/pulumi/cmd/dynamic-provider"))') || exit
node "$server" "$@"
`;

/**
 * @param {{ root: string, log: (line: string) => void }} options
 * @returns {string} the folder that holds `pulumi` and its plugins: put it first on PATH
 */
export function setupEngine({ root, log }) {
    return installedEngine() ?? builtEngine(root, log);
}

/** An installed tool counts only with its own plugins beside it. */
function installedEngine() {
    for (const folder of (process.env.PATH ?? "").split(delimiter)) {
        const pulumi = join(folder, "pulumi");
        if (folder === "" || !existsSync(pulumi)) continue;
        const home = dirname(realpathSync(pulumi));
        if (![LANGUAGE_HOST, DYNAMIC_PROVIDER].every((plugin) => existsSync(join(home, plugin)))) continue;
        const version = /^v?(\d+)\.(\d+)/.exec(tryRun(pulumi, ["version"], { limitSeconds: 60 }) ?? "");
        if (version && isAtLeast(version, OLDEST_PULUMI)) return home;
    }
    return undefined;
}

function builtEngine(root, log) {
    const bin = join(root, ".cache/engine/bin");
    const sources = hashOf(root, [...MODULES, "lab/setup/setupEngine.mjs"]);
    if (isStamped(join(bin, "stamp"), sources)) return bin;
    requireGo();
    log("building the Pulumi engine from Go modules (about 5 minutes the first time)");
    // Made beside and renamed: an engine that is running at this moment, or an interruption, does no harm.
    const draft = `${bin}-${process.pid}`;
    try {
        mkdirSync(draft, { recursive: true });
        for (const module of MODULES) buildTool(join(root, module), draft);
        writeFileSync(join(draft, DYNAMIC_PROVIDER), DYNAMIC_PROVIDER_SCRIPT, { mode: 0o755 });
        writeStamp(join(draft, "stamp"), sources);
        rmSync(bin, { recursive: true, force: true });
        renameSync(draft, bin);
    } finally {
        rmSync(draft, { recursive: true, force: true });
    }
    return bin;
}

/** Builds what the module's `tool` directive names; without the version in it, the tool reports none. */
function buildTool(module, bin) {
    const goMod = readFileSync(join(module, "go.mod"), "utf8");
    const tool = /^tool (\S+)$/m.exec(goMod)[1];
    const version = /^\s*(?:require )?github\.com\/pulumi\/pulumi\/pkg\/v3 (v\S+)/m.exec(goMod)?.[1];
    const ldflags = version
        ? ["-ldflags", `-X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=${version}`]
        : [];
    run("go", ["build", "-mod=readonly", ...ldflags, "-o", join(bin, tool.split("/").at(-1)), tool], {
        cwd: module,
        env: { ...process.env, GOWORK: "off" },
        limitSeconds: 3600,
    });
}

function requireGo() {
    const version = /go(\d+)\.(\d+)/.exec(tryRun("go", ["env", "GOVERSION"], { limitSeconds: 60 }) ?? "");
    if (version && isAtLeast(version, OLDEST_GO)) return;
    const found = version ? `Go ${version[1]}.${version[2]}` : "no Go";
    throw new Error(
        `no Pulumi ${OLDEST_PULUMI.join(".")} or newer on PATH, and ${found} to build it with. ` +
            `Install Pulumi (pulumi.com/docs/install) or Go ${OLDEST_GO.join(".")} or newer (go.dev/dl), then try again.`,
    );
}

function isAtLeast([, major, minor], [oldestMajor, oldestMinor]) {
    return Number(major) > oldestMajor || (Number(major) === oldestMajor && Number(minor) >= oldestMinor);
}
