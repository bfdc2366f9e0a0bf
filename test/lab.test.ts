// Freezes: real file systems of the lab's servers, which a watchdog outside of this process thaws when the lab is killed.
import { assert } from "chai";
import { type ChildProcessByStdio, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { ROOT } from "../lab/engine/engine";
import { needsRoot } from "../lab/hosts/sshHost";
import { type Lines, linesOf } from "../lab/lines";
import { sectionOf } from "./pages";

const LIMIT_MS = 300_000;
const PAGE = "docs/lab.md";
const SECTIONS = [
    "Take the snapshots",
    "Fail a script",
    "Refuse the API",
    "Kill the provider",
    "Disable an image",
    "Your own project",
];

interface RunningLab extends Lines {
    readonly child: ChildProcessByStdio<Writable, Readable, Readable>;
    readonly exitCode: Promise<number | null>;
    /** Runs it in a second terminal, where the lines of the first were pasted. @returns all that it said */
    terminal(commands: string): Promise<string>;
}

describe("the lab", function () {
    this.timeout(LIMIT_MS);
    let home: string;
    let lab: RunningLab;

    before(function () {
        // First: what `after` ends is found by it.
        home = realpathSync(mkdtempSync(join(tmpdir(), "acs-lab-test-")));
        chmodSync(home, 0o755);
        needsRoot(this);
    });
    after(async () => {
        processesIn(home).forEach(killIfThere);
        await nothingLeft();
        rmSync(home, { recursive: true, force: true });
    });

    function start(): RunningLab {
        const child = spawn(process.execPath, ["--import", "tsx", "tools/lab.ts"], {
            cwd: ROOT,
            env: { ...environment(), TMPDIR: home },
            stdio: ["pipe", "pipe", "pipe"],
            detached: true,
        });
        const exitCode = once(child, "exit").then(([code]) => code as number | null);
        const lines = linesOf([child.stdout, child.stderr], exitCode);
        const terminal = async (commands: string): Promise<string> => {
            const pasted = lines.lines.filter((line) => /^ {4}(\. |cd )/.test(line));
            assert.lengthOf(pasted, 2);
            // The types of the program have been looked at, by the compiler of this repository.
            const script = [...pasted, "export PULUMI_NODEJS_TRANSPILE_ONLY=true", commands].join("\n");
            return await new Promise((resolve) => {
                const shell = execFile(
                    "bash",
                    ["-c", `exec 2>&1 </dev/null\n${script}`],
                    { env: environment(), timeout: LIMIT_MS },
                    (_, stdout) => resolve(stdout),
                );
                shell.stdin?.end();
            });
        };
        return { child, exitCode, terminal, ...lines };
    }

    const startUntilReady = async (): Promise<void> => {
        lab = start();
        await lab.waitForLine(/^Press Enter/);
    };

    /** Frozen, with a writer that waits: it could be killed by nothing. */
    const freeze = async (): Promise<void> => {
        const frozen = await lab.terminal(
            `ssh -F ssh_config files "sudo env PATH=/usr/sbin:/usr/bin:/sbin:/bin fsfreeze -f /mnt/data && ` +
                `(sudo touch /mnt/data/waits >/dev/null 2>&1 &)"; lab servers`,
        );
        assert.match(frozen, /^files +i-\w+ {2}frozen /m);
    };

    const nothingLeft = async (): Promise<void> => {
        for (const left of [() => processesIn(home), () => loopDevicesIn(home)]) {
            const deadline = performance.now() + 60_000;
            while (left().length > 0) {
                assert.isBelow(performance.now(), deadline, `left: ${left().join(", ")}`);
                await delay(50);
            }
        }
    };
    const foldersOfLabs = () => readdirSync(home).filter((name) => name.startsWith("acs-lab-"));

    describe("as docs/lab.md says", () => {
        before(startUntilReady);

        for (const section of SECTIONS) {
            for (const [index, { commands, shown }] of stepsOf(section).entries()) {
                it(`${section}, ${index + 1}: shows what the page shows`, async () => {
                    const output = await lab.terminal(commands);
                    assertShown(output, shown);
                });
            }
        }

        it("goes through all of the page's commands", () => {
            const steps = SECTIONS.flatMap(stepsOf);
            const all = readFileSync(join(ROOT, PAGE), "utf8").match(/^```sh$/gm) ?? [];
            assert.lengthOf(steps, all.length);
        });

        it("tells in the first terminal what happened when", () => {
            const said = lab.lines.join("\n");
            assert.match(said, /^\d\d:\d\d:\d\d {2}lab kill CreateSnapshots$/m);
            assert.match(said, /CreateSnapshots was carried out; killed the provider: \d+$/m);
            assert.match(said, /postgresql and files can be written to \d+ ms later$/m);
        });

        it("says what is no command, with an exit code", async () => {
            const output = await lab.terminal('lab freeze; echo "exit $?"');
            assert.match(output, /"freeze" is no command of the lab:\nlab servers/);
            assert.match(output, /exit 22$/m);
        });

        it("has nothing frozen, no process and no mount when it is killed; only files are left", async () => {
            await freeze();
            lab.child.kill("SIGKILL");
            await lab.exitCode;
            await nothingLeft();
            assert.lengthOf(foldersOfLabs(), 1);
            const output = await lab.terminal('lab servers; echo "exit $?"');
            assert.match(output, /the lab has ended: start it again, and paste its new lines\nexit 7$/m);
        });
    });

    describe("afterwards", () => {
        it("starts again after it was killed, and ends by Enter while a server is frozen", async () => {
            await startUntilReady();
            assert.match(lab.lines[0] ?? "", /^removed .*, which a lab that was killed had left$/);
            assert.lengthOf(foldersOfLabs(), 1);
            await freeze();
            lab.child.stdin.write("\n");
            assert.equal(await lab.exitCode, 0, lab.lines.join("\n"));
            await nothingLeft();
            assert.isEmpty(foldersOfLabs());
        });

        it("ends by a signal, also while it starts", async () => {
            lab = start();
            await lab.waitForLine(/^The lab starts/);
            lab.child.kill("SIGTERM");
            assert.equal(await lab.exitCode, 130, lab.lines.join("\n"));
            assert.include(lab.lines, "Everything that the lab started is stopped, and its folder is gone.");
            await nothingLeft();
            assert.isEmpty(foldersOfLabs());
        });

        it("takes no arguments: these are for the command in the second terminal", async () => {
            const child = spawn(process.execPath, ["--import", "tsx", "tools/lab.ts", "servers"], {
                cwd: ROOT,
            });
            const [code] = (await once(child, "exit")) as [number | null];
            assert.equal(code, 2);
        });
    });
});

interface Step {
    readonly commands: string;
    readonly shown: string[];
}

/** Each block of commands, and the lines of the block after it. */
function stepsOf(section: string): Step[] {
    const blocks = sectionOf(PAGE, section).matchAll(/^```sh\n([^]*?)^```\n+```text\n([^]*?)^```$/gm);
    return [...blocks].map(([, commands = "", shown = ""]) => ({
        commands,
        shown: shown.split("\n").filter(Boolean),
    }));
}

/** Each line is in the output, in their order; `...` stands for anything within a line. */
function assertShown(output: string, shown: readonly string[]): void {
    const lines = output.split("\n");
    for (const line of shown) {
        const parts = line
            .trim()
            .split("...")
            .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
        const pattern = new RegExp(parts.join(".*"));
        const at = lines.findIndex((one) => pattern.test(one));
        assert.isAtLeast(at, 0, `not shown, or not there: ${line}\n${output}`);
        lines.splice(0, at + 1);
    }
}

/** Nothing of this machine's but what finds the programs, and what the lanes of a run share. */
function environment(): Record<string, string> {
    const names = ["PATH", "HOME", "NODE_COMPILE_CACHE", "ACS_LANES_FOLDER"];
    return Object.fromEntries(
        names.flatMap((name) => {
            const value = process.env[name];
            return value === undefined ? [] : [[name, value]];
        }),
    );
}

/** Every process that has the folder in its environment or its arguments. */
function processesIn(folder: string): number[] {
    return readdirSync("/proc")
        .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
        .filter((name) =>
            ["environ", "cmdline"].some((file) => textOf(`/proc/${name}/${file}`).includes(folder)),
        )
        .map(Number);
}

/** Those whose file is, or was, in the folder: a mount of it is there as long as they are. */
function loopDevicesIn(folder: string): string[] {
    return readdirSync("/sys/block")
        .map((name) => `/sys/block/${name}/loop/backing_file`)
        .filter((file) => existsSync(file) && textOf(file).includes(folder));
}

/** The end of one process ends others. */
function killIfThere(pid: number): void {
    try {
        process.kill(pid, "SIGKILL");
    } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ESRCH") {
            throw error;
        }
    }
}

function textOf(file: string): string {
    try {
        return readFileSync(file, "utf8");
    } catch {
        return ""; // gone in between
    }
}
