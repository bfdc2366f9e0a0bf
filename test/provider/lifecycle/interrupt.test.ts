import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, type Socket, connect, createServer } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { SnapshotError } from "../../../provider/base/errors";
import { isHurried, isUnheard } from "../../../provider/base/interruption";
import { engineAddress, isEngineGone } from "../../../provider/lifecycle/engine";
import { needsRoot } from "../../../lab/hosts/sshHost";

describe("the engine's address", () => {
    const rows: [argv: string[], { host: string; port: number } | undefined][] = [
        [["node", "/x/dynamic-provider", "127.0.0.1:40123"], { host: "127.0.0.1", port: 40123 }],
        [["node", "/x/dynamic-provider", "--logtostderr", "[::1]:5"], { host: "::1", port: 5 }],
        [["node", "/x/dynamic-provider", "localhost:65535"], { host: "localhost", port: 65535 }],
        [["node", "mocha", "test/a.test.ts"], undefined],
        [["node", "127.0.0.1:40123", "--flag"], undefined],
        [["node", "10.0.0.1:40123"], undefined],
        [["node", "127.0.0.1:"], undefined],
        [["node", "x127.0.0.1:5"], undefined],
        [[], undefined],
    ];
    for (const [argv, expected] of rows) {
        it(`of ${JSON.stringify(argv)} is ${expected === undefined ? "none" : JSON.stringify(expected)}`, () => {
            expect(engineAddress(argv)).to.deep.equal(expected);
        });
    }
});

describe("the reason of an interruption", () => {
    const aborted = (code: "INTERRUPTED" | "ENGINE_GONE" | "AWS_ERROR") =>
        AbortSignal.abort(new SnapshotError({ code, message: "m", remedy: "r" }));

    it("leaves little time after SIGINT, and nobody to hear when the engine is gone", () => {
        const signals = [
            new AbortController().signal,
            AbortSignal.abort(),
            aborted("AWS_ERROR"),
            aborted("INTERRUPTED"),
            aborted("ENGINE_GONE"),
        ];
        expect(signals.map(isHurried)).to.deep.equal([false, false, false, true, false]);
        expect(signals.map(isUnheard)).to.deep.equal([false, false, false, false, true]);
    });
});

describe("whether the engine is gone", () => {
    const { argv } = process;
    let child: ChildProcess | undefined;
    const sockets: Socket[] = [];

    afterEach(async () => {
        process.argv = argv;
        for (const socket of sockets.splice(0)) {
            socket.destroy();
        }
        if (child?.exitCode === null && child.signalCode === null) {
            child.kill("SIGKILL");
            await once(child, "exit");
        }
    });

    const gone = async (port: number): Promise<boolean> => {
        process.argv = [...argv, `127.0.0.1:${port}`];
        return await isEngineGone();
    };

    /** A process that listens, and never accepts, as one that is stopped or at work: the kernel answers for it. */
    async function startDeaf(backlog: number): Promise<number> {
        const program = `
            const server = require("node:net").createServer();
            server.listen({ host: "127.0.0.1", port: 0, backlog: ${backlog} }, () => {
                require("node:fs").writeSync(1, server.address().port + "\\n");
                Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60000);
            });`;
        child = spawn(process.execPath, ["-e", program], { stdio: ["ignore", "pipe", "inherit"] });
        const [line] = (await once(createInterface({ input: child.stdout! }), "line", {
            signal: AbortSignal.timeout(20_000),
        })) as [string];
        return Number(line);
    }

    /** Fills what the kernel lets wait, until one more is not answered. */
    async function fill(port: number): Promise<void> {
        for (let count = 0; count < 50; count += 1) {
            const socket = connect({ host: "127.0.0.1", port });
            socket.on("error", () => undefined);
            sockets.push(socket);
            const answered = await Promise.race([
                once(socket, "connect").then(() => true),
                sleep(500, false, { ref: false }),
            ]);
            if (!answered) {
                return;
            }
        }
        throw new Error("the backlog is never full");
    }

    it("no: it accepts", async () => {
        const server = createServer().listen(0, "127.0.0.1");
        await once(server, "listening");
        expect(await gone((server.address() as AddressInfo).port)).to.equal(false);
        server.close();
    });

    it("yes: nobody listens any more", async () => {
        const server = createServer().listen(0, "127.0.0.1");
        await once(server, "listening");
        const { port } = server.address() as AddressInfo;
        server.close();
        await once(server, "close");
        expect(await gone(port)).to.equal(true);
    });

    it("no: it listens, but never accepts", async () => {
        expect(await gone(await startDeaf(128))).to.equal(false);
    });

    it("no: so many wait for it already that a connection gets no answer", async () => {
        const port = await startDeaf(1);
        await fill(port);
        expect(await gone(port)).to.equal(false);
    });

    it("no: this host's own network is down, which says nothing of the engine", function () {
        needsRoot(this);
        const program = `
            process.argv.push("127.0.0.1:1");
            const { isEngineGone } = require(${JSON.stringify(join(__dirname, "../../../provider/lifecycle/engine"))});
            void isEngineGone().then((gone) => console.log(gone));`;
        // In a network namespace of its own even loopback is down: ENETUNREACH.
        const node = [process.execPath, "--require", "tsx/cjs", "-e", program];
        const said = execFileSync("unshare", ["--net", ...node], { encoding: "utf8", timeout: 30_000 });
        expect(said.trim()).to.equal("false");
    });

    it("no: none started this process", async () => {
        expect(await isEngineGone()).to.equal(false);
    });
});
