import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { shellQuote } from "../../provider/quiesce/hooks/guardProgram";
import { enginePath, findEngine, MARK, ROOT } from "../../lab/engine/engine";
import type { Project } from "../../lab/engine/project";
import { commandScript } from "./control";
import { socketIn } from "./folder";
import type { LinuxServer } from "./servers";

/** What belongs to the engine and its children alone: a terminal keeps its own home. */
const OF_THE_ENGINE = [MARK, "HOME", "TMPDIR", "LANG", "PATH"];

/**
 * Writes what a second terminal needs: a file to source, which leads to the local cloud and to a Pulumi of its own, and
 * the commands `pulumi` and `lab`.
 *
 * @returns the file
 */
export function writeEnvironment(folder: string, { env }: Project): string {
    const bin = join(folder, "bin");
    mkdirSync(bin);
    // Only what is started so bears the mark by which the lab ends it: not what else the terminal runs.
    const own = [MARK, "TMPDIR"].map((name) => `${name}=${shellQuote(env[name] ?? "")}`).join(" ");
    writeScript(
        join(bin, "pulumi"),
        `#!/bin/sh\n${own} exec ${shellQuote(join(findEngine(), "pulumi"))} "$@"\n`,
    );
    writeScript(join(bin, "lab"), commandScript(socketIn(folder)));
    const variables = Object.entries(env).filter(([name]) => !OF_THE_ENGINE.includes(name));
    const file = join(folder, "environment");
    writeFileSync(
        file,
        [
            "# Source it: the terminal's Pulumi then works in the lab, and knows no other account and no other stack.",
            ...variables.map(([name, value]) => `export ${name}=${shellQuote(value)}`),
            `export PATH=${shellQuote([bin, ...enginePath()].join(":"))}:"$PATH"`,
            "",
        ].join("\n"),
    );
    return file;
}

/** With the place where the packed package lies, so that `npm install` of one more package finds it. */
export function writeManifest({ folder }: Project): void {
    const file = join(folder, "package.json");
    const text = readFileSync(file, "utf8");
    writeFileSync(file, text.replace('"file:..', `"file:${join(ROOT, ".cache/e2e")}`));
}

/** In the project's folder: `ssh -F ssh_config NAME` logs in to a server. */
export function writeSshConfig(project: Project, servers: readonly LinuxServer[]): void {
    const known = join(project.folder, "known_hosts");
    const hosts = servers.map(({ name, host }) => [
        `Host ${name}`,
        `    HostName ${host.address}`,
        `    Port ${host.port}`,
        `    User ${host.user}`,
        `    IdentityFile ${host.clientKeyFile}`,
        "    IdentitiesOnly yes",
        `    UserKnownHostsFile ${known}`,
        "    StrictHostKeyChecking yes",
        "    LogLevel ERROR",
    ]);
    writeFileSync(join(project.folder, "ssh_config"), `${hosts.flat().join("\n")}\n`);
    const keys = servers.flatMap(({ host }) =>
        host.hostKeyLines.map((key) => `[${host.address}]:${host.port} ${key}`),
    );
    writeFileSync(known, `${keys.join("\n")}\n`);
}

function writeScript(file: string, text: string): void {
    writeFileSync(file, text, { mode: 0o755 });
}
