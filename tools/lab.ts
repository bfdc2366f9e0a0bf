// The lab: a local cloud and three servers, for one's own program. `npm run lab` sets up what it needs first; the user's
// page is docs/lab.md.
import { once } from "node:events";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type LocalCloud, startLocalCloud } from "../lab/cloud/localCloud";
import { makeProject, type Project } from "../lab/engine/project";
import { INTERRUPTIONS } from "./interruptions";
import { Actions } from "./lab/actions";
import { commandOf } from "./lab/commands";
import { listen } from "./lab/control";
import { makeFolder, removeDeadFolders, socketIn } from "./lab/folder";
import { type LabServer, type LinuxServer, startFiles, startPostgresql, startWindows } from "./lab/servers";
import { writeEnvironment, writeManifest, writeSshConfig } from "./lab/terminal";
import { type AtEnd, stopAll } from "./stopAll";

const say = (line = "") => console.log(line);
const now = () => new Date().toTimeString().slice(0, 8);

interface Ends {
    readonly interruption: AbortSignal;
    readonly atEnd: AtEnd;
}

async function run(ends: Ends): Promise<void> {
    const { interruption, atEnd } = ends;
    for (const dead of await removeDeadFolders()) {
        say(`removed ${dead}, which a lab that was killed had left`);
    }
    const folder = makeFolder();
    atEnd(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
    // So that everything is below it that the parts of the lab make.
    process.env["TMPDIR"] = folder;
    const running: { actions?: Actions } = {};
    atEnd(
        await listen(socketIn(folder), async (words) => {
            const command = commandOf(words);
            if (running.actions === undefined) {
                throw new Error("the lab is still starting");
            }
            const said = await running.actions.run(command);
            say(`${now()}  lab ${[command.name, ...words.slice(1)].join(" ")}`);
            return said;
        }),
    );
    say("\nThe lab starts: a local cloud, and three servers. It takes about half a minute.");
    const cloud = await startLocalCloud();
    atEnd(() => cloud.stop());
    const linux: LinuxServer[] = [];
    for (const start of [startPostgresql, startFiles]) {
        interruption.throwIfAborted();
        linux.push(await start(cloud, atEnd));
    }
    const windows = await startWindows(cloud);
    interruption.throwIfAborted();
    const project = await projectOf(cloud, linux, windows);
    // The engine's processes first: what they hold is let go while there is a server to let go of.
    atEnd(() => project.dispose());
    writeManifest(project);
    writeSshConfig(project, linux);
    const environment = writeEnvironment(folder, project);
    const [{ host }] = linux as [LinuxServer];
    const actions = new Actions({
        cloud,
        project,
        linux,
        windows,
        clientKeyFile: host.clientKeyFile,
        say: (line) => say(`${now()}  ${line}`),
    });
    await actions.mend();
    running.actions = actions;
    explain(environment, project, [...linux, windows]);
    await enterOrEnd(interruption);
}

async function projectOf(
    cloud: LocalCloud,
    linux: readonly LinuxServer[],
    windows: LabServer,
): Promise<Project> {
    const servers = linux.map(({ name, instanceId, login }): [string, string] => [
        name,
        JSON.stringify({ instanceId, ...login, port: Number(login?.port) }),
    ]);
    return await makeProject({
        program: readFileSync(join(__dirname, "lab/program.ts"), "utf8"),
        typeCheck: true,
        env: cloud.env,
        config: { "aws:region": cloud.region, ...Object.fromEntries(servers), windows: windows.instanceId },
        secrets: { privateKey: linux[0]?.host.clientKey ?? "" },
    });
}

function explain(environment: string, { folder }: Project, servers: readonly LabServer[]): void {
    say(
        "\n  real:       the Pulumi engine, this package as `npm pack` makes it, sshd, sudo, the guard, the scripts,",
    );
    say(
        "              PostgreSQL, the file systems and their freeze, the snapshots of the two Linux servers",
    );
    say(
        "  simulated:  EC2 and Systems Manager, by the local cloud; Windows and its VSS, of which nothing is here\n",
    );
    for (const { name, instanceId, login, what } of servers) {
        const at = login === undefined ? "" : `${login.user}@${login.host}:${login.port}  `;
        say(`  ${name.padEnd(10)}  ${instanceId}  ${at}${what}`);
    }
    say("\nIn a second terminal, paste these lines:\n");
    say(`    . ${environment}`);
    say(`    cd ${folder}`);
    say("    pulumi preview");
    say("    pulumi up\n");
    say(
        "The first line leads that terminal to the local cloud, and to a Pulumi without your stacks. In the folder,",
    );
    say(
        "index.ts is yours to change, and the config for it is set. `lab help` shows how to break things, and",
    );
    say("docs/lab.md goes through it step by step.\n");
    say("Press Enter here to end the lab. Everything is gone then, also that folder.\n");
}

/** Also when standard input ends: whoever would press Enter is gone. */
async function enterOrEnd(interruption: AbortSignal): Promise<void> {
    const input = createInterface({ input: process.stdin });
    try {
        await Promise.race([
            once(input, "line", { signal: interruption }),
            once(input, "close", { signal: interruption }),
        ]);
    } finally {
        input.close();
    }
}

async function main(args: string[]): Promise<void> {
    if (args.length > 0) {
        console.error("usage: npm run lab\nIn the second terminal, the command `lab` talks to the lab.");
        process.exitCode = 2;
        return;
    }
    if (process.platform !== "linux" || process.getuid?.() !== 0) {
        console.error(
            "the lab needs root on Linux: it mounts file systems, and makes namespaces for its servers",
        );
        process.exitCode = 1;
        return;
    }
    const interruption = new AbortController();
    for (const signal of INTERRUPTIONS) {
        process.on(signal, () => interruption.abort());
    }
    const stops: (() => unknown)[] = [];
    try {
        await run({ interruption: interruption.signal, atEnd: (stop) => stops.push(stop) });
    } catch (error) {
        process.exitCode = interruption.signal.aborted ? 130 : 1;
        if (!interruption.signal.aborted) {
            console.error("the lab failed:", error);
        }
    } finally {
        say("\nThe lab ends.");
        await stopAll(stops);
        say("Everything that the lab started is stopped, and its folder is gone.");
    }
}

void main(process.argv.slice(2));
