import { assert } from "chai";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
    chmodSync,
    existsSync,
    mkdtempSync,
    readFileSync,
    readdirSync,
    realpathSync,
    rmSync,
    writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { ROOT } from "../lab/engine/engine";
import { type Lines, linesOf } from "../lab/lines";
import { spawnAsOrdinaryUser } from "../lab/hosts/ordinaryUser";
import { needsRoot } from "../lab/hosts/sshHost";

const LIMIT_MS = 300_000;
const SNAPSHOTS = /^ +(?:snapshots +)?snap-[0-9a-f]{17} {2}of vol-[0-9a-f]{17} {2}completed$/gm;

/** The demo as it runs: what it makes is in `home`, and so can be found. */
interface Running extends Lines {
    readonly child: ChildProcess;
    readonly exitCode: Promise<number | null>;
}

describe("the demo", function () {
    this.timeout(LIMIT_MS);
    let home: string;

    beforeEach(() => {
        home = folderForAll("acs-demo-test-");
    });
    afterEach(() => {
        for (const pid of processesIn(home)) {
            process.kill(pid, "SIGKILL");
        }
        rmSync(home, { recursive: true, force: true });
    });

    /** Nothing but PATH of this machine's environment, and a home without a past. */
    const env = (path = "") => ({
        PATH: [path, process.env["PATH"] ?? ""].filter(Boolean).join(delimiter),
        LANG: "C.UTF-8",
    });
    const npm = (args: string[]) =>
        spawn("npm", args, {
            cwd: ROOT,
            env: { ...env(), HOME: home, TMPDIR: home },
            stdio: ["ignore", "pipe", "pipe"],
            detached: true,
        });
    const start = (child: ChildProcess): Running => {
        const exitCode = once(child, "exit").then(([code]) => code as number | null);
        return { child, exitCode, ...linesOf([child.stdout!, child.stderr!], exitCode) };
    };
    /** npm does not say how a script ended that was interrupted. */
    const withoutNpm = [process.execPath, "--import", "tsx", "tools/demo.ts"];

    /** What every demo shows. */
    async function assertShown(demo: Running, level: string): Promise<string> {
        const exitCode = await demo.exitCode;
        const output = demo.lines.join("\n");
        assert.equal(exitCode, 0, output);
        assert.lengthOf(output.match(SNAPSHOTS) ?? [], 3, output);
        assert.match(output, new RegExp(`^ +level +${level}\\b`, "m"));
        assert.match(output, /\+ (\d) created[^]*\b\1 unchanged[^]*- \1 deleted/);
        assert.include(output, "Snapshots left in the cloud: 0.");
        return output;
    }

    async function assertLinuxShown(demo: Running, level: string): Promise<string> {
        const output = await assertShown(demo, level);
        assert.match(output, /^ +freeze window +\d+(\.\d)? ms$/m);
        assert.match(output, /^ +> .* pre-freeze-script freeze: /m);
        assert.match(output, /^ +> .* post-thaw-script thaw: /m);
        assert.include(output, "Snapshots left in the cloud: 0. Files left on the server: 0.");
        // A preview first; killed while frozen, awake by itself, and taken again.
        assert.match(output, /will freeze[^]*\+ 2 to create[^]*\+ 2 created/);
        assert.match(output, /The server is FROZEN[^]*kill -9[^]*The server is awake/);
        const [, afterMs = ""] = /That is (\d+) ms after the kill/.exec(output) ?? [];
        assert.isBelow(Number(afterMs || Infinity), 10_000);
        assert.match(output, /\+-1 replaced/);
        // Words that are longer, such as URNs and the path of the picture, cannot be broken.
        const tooLong = output
            .split("\n")
            .filter((line) => /^ {3}(?!.*\S{80})/.test(line) && line.length > 100);
        assert.deepEqual(tooLong, []);
        return output;
    }

    function assertNothingLeft(): void {
        assert.deepEqual(processesIn(home), []);
        const made = readdirSync(home).filter((name) => !/^\.|^tsx-|^node-compile-cache$/.test(name));
        assert.deepEqual(made, []);
        assert.isFalse(existsSync(join(ROOT, "Pulumi.demo.yaml")), "a file in the repository");
    }

    it("sets up what it needs, shows a snapshot from preview to destroy, draws it, and leaves nothing", async () => {
        const folder = folderForAll("acs-demo-test-svg-");
        const svg = join(folder, "timeline.svg");
        try {
            const demo = start(npm(["run", "demo", "--", "--svg", svg]));
            const output = await assertLinuxShown(demo, "application");
            const bar =
                /^ +(pre-freeze runs|frozen|CreateSnapshots|post-thaw runs) +\|[ #]+\| +\d+\.\d ms$/gm;
            assert.lengthOf(output.match(bar) ?? [], 4, output);
            assert.match(readFileSync(svg, "utf8"), /^<svg [^]*frozen for \d+\.\d ms/);
        } finally {
            rmSync(folder, { recursive: true });
        }
        assertNothingLeft();
    });

    it("does so without root", async function () {
        needsRoot(this);
        const demo = start(spawnAsOrdinaryUser(["npm", "run", "--silent", "demo:run"], home, env()));
        const output = await assertLinuxShown(demo, "application");
        assert.include(output, 'account "demo"');
        assert.notInclude(output, "with sudo");
        assertNothingLeft();
    });

    it("claims nothing where the server cannot prove who it is, and stops everything on Ctrl-C", async function () {
        needsRoot(this);
        // As where an ordinary user may make no namespaces.
        const folder = folderForAll("acs-demo-test-path-");
        writeFileSync(join(folder, "unshare"), "#!/bin/sh\nexit 1\n", { mode: 0o755 });
        try {
            const demo = start(
                spawnAsOrdinaryUser(["env", `PATH=${env(folder).PATH}`, ...withoutNpm], home, env()),
            );
            await demo.waitForLine(/the identity of/);
            await demo.waitForLine(/^ +level +crash$/);
            await demo.waitForLine(/^ +> .* post-thaw-script thaw: /);
            await demo.waitForLine(/once more/);
            signalGroup(demo, "SIGINT");
            assert.equal(await demo.exitCode, 130, demo.lines.join("\n"));
            assert.include(demo.lines, "Everything that the demo started is stopped.");
            assertNothingLeft();
        } finally {
            rmSync(folder, { recursive: true });
        }
    });

    it("--windows shows an image of a Windows server, and that the components were there for it only", async () => {
        const output = await assertShown(start(npm(["run", "demo", "--", "--windows"])), "application");
        assert.match(output, /simulated: +EC2 and Systems Manager,.*and Windows with\n +its VSS/);
        assert.match(output, /^ +image +ami-[0-9a-f]{17} {2}sqlserver-acs-\S+ {2}available$/m);
        assert.include(output, "VSS vouches for 3 of 3");
        const components = /AwsVssComponents: (.*)[^]*for the snapshots: (.*)\n +now: (.*)/.exec(output);
        assert.match(components?.[2] ?? "", /^\d+\.\d+\.\d+, installed for this$/);
        assert.deepEqual([components?.[1], components?.[3]], ["not installed", "not installed"]);
        const commands = [...output.matchAll(/^ +> (\S+(?: \S+)?) +acs:acs-\S+ {2}Success$/gm)];
        assert.deepEqual(
            commands.map(([, what]) => what),
            [
                "AWS-RunPowerShellScript",
                "AWS-ConfigureAWSPackage Install",
                "AWSEC2-CreateVssSnapshot",
                "AWS-ConfigureAWSPackage Uninstall",
            ],
        );
        assert.include(output, "commands sent to it this time: 0.");
        assert.include(output, "Images left: 0.\n   AwsVssComponents on the server: not installed.");
        assertNothingLeft();
    });

    it("knows no other arguments", async () => {
        const demo = start(npm(["run", "--silent", "demo:run", "--", "--macos"]));
        assert.equal(await demo.exitCode, 2);
        assert.deepEqual(demo.lines, ["usage: npm run demo [-- --windows | -- --svg FILE]"]);
    });
});

/** One that other accounts may pass through, as /tmp is. */
function folderForAll(prefix: string): string {
    const folder = realpathSync(mkdtempSync(join(tmpdir(), prefix)));
    chmodSync(folder, 0o755);
    return folder;
}

/** As a terminal's Ctrl-C does. */
function signalGroup({ child }: Running, signal: NodeJS.Signals): void {
    if (child.pid !== undefined) {
        process.kill(-child.pid, signal);
    }
}

/** Every process that has the folder in its environment. */
function processesIn(folder: string): number[] {
    return readdirSync("/proc")
        .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
        .filter((name) => {
            try {
                return readFileSync(`/proc/${name}/environ`, "utf8").includes(folder);
            } catch {
                return false; // ended in between
            }
        })
        .map(Number);
}
