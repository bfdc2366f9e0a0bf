// Installs this package as its users do, for the end-to-end tests: packed or linked, with each package manager.
import {
    existsSync,
    mkdirSync,
    readdirSync,
    readFileSync,
    renameSync,
    rmSync,
    symlinkSync,
    writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { run } from "./run.mjs";
import { setupManagers } from "./setupManagers.mjs";
import { hashOf, isStamped, writeStamp } from "./stamp.mjs";

/** How a project got the package, and by which package manager; a link is npm's where it does not say. */
export const INSTALL_KINDS = ["pack-npm", "link", "pack-pnpm", "link-pnpm"];

/** Packed, in a project that has no `@pulumi/aws`, as its program only takes snapshots. */
export const BARE_KINDS = ["bare-npm", "bare-pnpm", "bare-yarn", "bare-berry", "bare-bun"];

/**
 * With the oldest Pulumi SDK that the package allows; all others have the repository's, which is the newest. It refuses
 * the repository's TypeScript: its programs are JavaScript.
 */
export const OLDEST_SDK = "pack-npm-oldest";

const PACKAGE = "pulumi-app-consistent-snapshot";

/** What `npm pack` puts into the package. */
const PACKED_FILES = ["package.json", "bin", "examples", "README.md", "CHANGELOG.md", "LICENSE"];

/** What a project has besides, in the versions of the repository. */
const COMPANIONS = ["@pulumi/pulumi", "@types/node", "typescript"];
const AWS = "@pulumi/aws";

/**
 * @param {{ root: string, kind: string, log: (line: string) => void }} options
 * @returns {string} a folder outside of which nothing is needed: `node_modules` and the package.json that led to it
 */
export function setupInstall({ root, kind, log }) {
    const [how, manager = "npm"] = kind.split("-");
    const folder = join(root, ".cache/e2e", kind);
    const stamp = join(folder, "stamp");
    const contents = hashOf(root, PACKED_FILES);
    const manifest = JSON.stringify({
        name: "a-users-project",
        private: true,
        dependencies: {
            ...companionsOf(root, kind),
            ...(how !== "link" ? { [PACKAGE]: `file:../${tarballName(contents)}` } : {}),
        },
    });
    if (isStamped(stamp, manifest)) return folder;
    log(`installing the package as a user would: ${kind}`);
    if (how !== "link") pack(root, contents);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "package.json"), manifest);
    install(root, folder, manager, log);
    if (how === "link") link(root, folder);
    writeStamp(stamp, manifest);
    return folder;
}

function versionOf(root, name) {
    return JSON.parse(readFileSync(join(root, "node_modules", name, "package.json"), "utf8")).version;
}

function companionsOf(root, kind) {
    if (kind === OLDEST_SDK) {
        const { peerDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
        return {
            [AWS]: versionOf(root, AWS),
            "@pulumi/pulumi": peerDependencies["@pulumi/pulumi"].replace("^", ""),
        };
    }
    const names = BARE_KINDS.includes(kind) ? COMPANIONS : [...COMPANIONS, AWS];
    return Object.fromEntries(names.map((name) => [name, versionOf(root, name)]));
}

/** Named after its contents: package managers do not look again at a tarball whose name they know. */
function tarballName(contents) {
    return `${PACKAGE}-${contents.slice(0, 16)}.tgz`;
}

function pack(root, contents) {
    const folder = join(root, ".cache/e2e");
    const tarball = join(folder, tarballName(contents));
    if (existsSync(tarball)) return;
    mkdirSync(folder, { recursive: true });
    for (const name of readdirSync(folder)) if (name.endsWith(".tgz")) rmSync(join(folder, name));
    const args = ["pack", "--ignore-scripts", "--json", "--pack-destination", folder];
    const [{ filename }] = JSON.parse(run("npm", args, { cwd: root }));
    renameSync(join(folder, filename), tarball);
}

function install(root, folder, manager, log) {
    const cache = join(root, ".cache/e2e", `${manager}-cache`);
    switch (manager) {
        case "npm":
            run("npm", ["install", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund"], {
                cwd: folder,
            });
            return;
        case "pnpm": {
            const options = [
                "--ignore-workspace",
                "--no-frozen-lockfile",
                "--config.confirmModulesPurge=false",
                "--store-dir",
                cache,
            ];
            run(
                join(root, "node_modules/.bin/pnpm"),
                ["install", "--ignore-scripts", "--prefer-offline", ...options],
                { cwd: folder },
            );
            return;
        }
        case "yarn": {
            const [node, yarn] = setupManagers({ root, log }).yarn;
            const options = ["--non-interactive", "--pure-lockfile", "--cache-folder", cache];
            run(node, [yarn, "install", "--ignore-scripts", "--prefer-offline", ...options], { cwd: folder });
            return;
        }
        case "berry": {
            const [node, yarn] = setupManagers({ root, log }).berry;
            // Makes the folder a project of its own, whatever is above it.
            writeFileSync(join(folder, "yarn.lock"), "");
            const env = {
                ...process.env,
                YARN_NODE_LINKER: "node-modules",
                YARN_GLOBAL_FOLDER: cache,
                YARN_ENABLE_SCRIPTS: "false",
                YARN_ENABLE_IMMUTABLE_INSTALLS: "false",
                YARN_ENABLE_TELEMETRY: "false",
            };
            run(node, [yarn, "install"], { cwd: folder, env });
            return;
        }
        case "bun": {
            const [bun] = setupManagers({ root, log }).bun;
            run(bun, ["install", "--ignore-scripts", "--cache-dir", cache], { cwd: folder });
            return;
        }
    }
}

/** As `npm link` does. Not by a `file:` dependency: npm would then also tidy the repository's own node_modules. */
function link(root, folder) {
    const at = join(folder, "node_modules", PACKAGE);
    rmSync(at, { force: true });
    symlinkSync(root, at, "dir");
}
