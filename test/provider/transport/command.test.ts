import { expect } from "chai";
import { chmodSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { connect, SshError, type SshSettings } from "../../../provider/transport/ssh/connection";
import { processesIn } from "../../../lab/hosts/hostProcesses";
import { freePort } from "../../../lab/hosts/freePort";
import { KeyFolder, Sshd, type KeyPair } from "../../../lab/hosts/sshServer";

const AWS = {
    AWS_ACCESS_KEY_ID: "AKIAOFTHERESOURCE",
    AWS_SECRET_ACCESS_KEY: "secret-of-the-resource",
    AWS_SESSION_TOKEN: "token-of-the-resource",
    AWS_REGION: "eu-west-3",
    AWS_DEFAULT_REGION: "eu-west-3",
};
const PASSWORD = "correct horse battery staple";
/** Marks the processes of a test, in whatever they do. */
const marked = (name: string) => `${name}-${process.pid}`;

describe("a command as tunnel", () => {
    let keys: KeyFolder;
    let hostKey: KeyPair;
    let userKey: KeyPair;
    let sshd: Sshd;
    const kept = { ...process.env };

    before(async () => {
        keys = new KeyFolder();
        hostKey = keys.make("ed25519");
        userKey = keys.make("ed25519");
        sshd = await Sshd.start(keys, { hostKeys: [hostKey], authorized: [userKey] });
    });
    after(async () => {
        await sshd.stop();
        keys.remove();
    });
    afterEach(() => {
        process.env = { ...kept };
    });

    function open(
        command: readonly string[],
        {
            timeoutMs = 1_000,
            signal = new AbortController().signal,
            ...changes
        }: Partial<SshSettings> & {
            timeoutMs?: number;
            signal?: AbortSignal;
        } = {},
    ) {
        const settings: SshSettings = {
            host: "127.0.0.1",
            port: sshd.port,
            user: sshd.user,
            privateKey: userKey.privateKey,
            hostKey: hostKey.publicLine,
            tunnel: { via: "command", command },
            ...changes,
        };
        const unused = () => Promise.reject(new Error("no program needs this"));
        const aws = {
            environment: () => Promise.resolve(AWS),
            sendPublicKey: unused,
            signTunnel: unused,
            startSession: unused,
            endSession: unused,
        };
        return connect(settings, { timeoutMs, signal, log: () => undefined, aws });
    }

    async function failure(opening: ReturnType<typeof open>): Promise<SshError> {
        const error: unknown = await opening.then(
            () => new Error("it connected"),
            (reason: unknown) => reason,
        );
        if (!(error instanceof SshError)) {
            throw error as Error;
        }
        return error;
    }

    const running = (mark: string) => processesIn("/proc").filter(({ command }) => command.includes(mark));

    /** The kernel takes a moment with those that were killed. */
    async function expectNoneLeft(mark: string): Promise<void> {
        const giveUp = performance.now() + 5_000;
        while (running(mark).length > 0 && performance.now() < giveUp) {
            await sleep(10);
        }
        expect(running(mark)).to.deep.equal([]);
    }

    it("gets its words as they are, by no shell, with host, port and account in their places", async () => {
        const seen = join(keys.path, "words");
        const script = `printf '%s\\n' "$@" >${seen}; exec busybox nc "$1" "$2"`;
        const odd = "$HOME; `date` %% 'x'";
        const connection = await open(["sh", "-c", script, "sh", "%h", "%p", "%r@%h:%p", odd]);
        await connection.close();
        const { port, user } = sshd;
        expect(readFileSync(seen, "utf8").trimEnd().split("\n")).to.deep.equal([
            "127.0.0.1",
            String(port),
            `${user}@127.0.0.1:${port}`,
            odd.replace("%%", "%"),
        ]);
    });

    it("gets the resource's credentials, and nothing of Pulumi's", async () => {
        Object.assign(process.env, {
            PULUMI_ACCESS_TOKEN: "pul-0123456789",
            PULUMI_CONFIG_PASSPHRASE: "open sesame",
            AWS_PROFILE: "another-account",
            AWS_ACCESS_KEY_ID: "AKIAOFSOMEBODYELSE",
            OF_THE_USER: "kept",
        });
        const seen = join(keys.path, "environment");
        const connection = await open(["sh", "-c", `env >${seen}; exec busybox nc "$0" "$1"`, "%h", "%p"]);
        await connection.close();
        const lines = readFileSync(seen, "utf8").split("\n");
        const environment = Object.fromEntries(
            lines.map((line) => [line.split("=")[0] ?? "", line.slice(line.indexOf("=") + 1)]),
        );
        expect(environment).to.include({ ...AWS, OF_THE_USER: "kept", PATH: process.env["PATH"] });
        expect(Object.keys(environment).filter((name) => /PULUMI|PROFILE/.test(name))).to.deep.equal([]);
    });

    for (const [what, command, said] of [
        [
            "is not there",
            ["no-such-program-here", "%h"],
            /no-such-program-here, could not be started: there is no/,
        ],
        ["is not executable", ["NOT-EXECUTABLE"], /could not be started: it is not executable/],
        ["is a folder", ["/"], /could not be started/],
    ] as const) {
        it(`that ${what} fails at once`, async () => {
            const file = keys.file("not-executable", "#!/bin/sh\n");
            chmodSync(file, 0o600);
            const words = command.map((word) => word.replace("NOT-EXECUTABLE", file));
            const error = await failure(open(words, { timeoutMs: 60_000 }));
            expect(error).to.include({ code: "TUNNEL_FAILED", where: "instance", transient: false });
            expect(error.message).to.match(said);
            expect(error.remedy).to.include("tunnel.command");
        });
    }

    it("of a bastion is named as such", async () => {
        const tunnel = { via: "command", command: ["no-such-program-here"] } as const;
        const { user } = sshd;
        const proxy = {
            host: "b",
            user,
            privateKey: userKey.privateKey,
            hostKey: hostKey.publicLine,
            tunnel,
        };
        const settings = {
            host: "x",
            user,
            privateKey: userKey.privateKey,
            hostKey: hostKey.publicLine,
            proxy,
        };
        const signal = new AbortController().signal;
        const error = await failure(connect(settings, { timeoutMs: 5_000, signal, log: () => undefined }));
        expect(error).to.include({ code: "TUNNEL_FAILED", where: "proxy" });
    });

    it("that dies is tried again, and its last words are told, without secrets", async () => {
        const words = `yes filler | head -n 2000 >&2; echo "${PASSWORD}, $AWS_SECRET_ACCESS_KEY: not found" >&2; exit 7`;
        const error = await failure(open(["sh", "-c", words], { password: PASSWORD }));
        expect(error).to.include({ code: "SSH_UNREACHABLE" });
        expect(error.message).to.match(
            /the command sh exited with 7, and said: .*\[secret\], \[secret\]: not found/,
        );
        expect(error.message).to.match(/gave up after \d+ tries/);
        expect(error.message).not.to.include(PASSWORD).and.not.to.include(AWS.AWS_SECRET_ACCESS_KEY);
    });

    it("that tells why on its standard output is quoted as well", async () => {
        const error = await failure(open(["sh", "-c", "echo; echo TargetNotConnected; exit 0"]));
        expect(error.message).to.match(/it said: TargetNotConnected.*; the command sh exited with 0/);
    });

    it("that is killed is told so", async () => {
        const error = await failure(open(["sh", "-c", "kill -9 $$"]));
        expect(error.message).to.include("the command sh was ended by SIGKILL");
    });

    it("that answers with something else is no server", async () => {
        const error = await failure(open(["yes"], { timeoutMs: 30_000 }));
        expect(error).to.include({ code: "SSH_PROTOCOL_ERROR" });
    });

    it("that never answers is given up, and its group ends though it will not", async () => {
        const mark = marked("never");
        const stubborn = `trap '' TERM; echo waiting for ${mark} >&2; sh -c "sleep 600; : ${mark}" & sleep 600`;
        const error = await failure(open(["sh", "-c", stubborn]));
        expect(error.message).to.match(
            /no answer within 1 s; the command sh runs, and said: waiting for never/,
        );
        await expectNoneLeft(mark);
    });

    it("ends with an interrupted try", async () => {
        const mark = marked("interrupted");
        const file = join(keys.path, mark);
        const stop = new AbortController();
        const opening = open(["sh", "-c", `: >${file}; sleep 600; : ${mark}`], {
            timeoutMs: 60_000,
            signal: stop.signal,
        });
        const ended = opening.catch((error: unknown) => error);
        while (!existsSync(file)) {
            await sleep(10);
        }
        stop.abort(new Error("interrupted"));
        expect(await ended).to.have.property("message", "interrupted");
        await expectNoneLeft(mark);
    });

    it("ends with the connection, with all that it has started", async () => {
        const mark = marked("ends");
        const script = `sh -c "sleep 600; : ${mark}" & busybox nc "$0" "$1"; : ${mark}`;
        const connection = await open(["sh", "-c", script, "%h", "%p"]);
        expect(running(mark)).not.to.deep.equal([]);
        await connection.close();
        await expectNoneLeft(mark);
    });

    it("that is killed under a connection ends it, and that is told", async () => {
        const mark = marked("killed");
        const connection = await open(["sh", "-c", `busybox nc "$0" "$1"; : ${mark}`, "%h", "%p"]);
        for (const { pid } of running(mark)) {
            process.kill(pid, "SIGKILL");
        }
        const { asked, reason } = await connection.closed;
        expect(asked).to.equal(false);
        expect(reason).to.match(/the command sh was ended by SIGKILL/);
        await connection.close();
    });

    it("is told where nobody listens", async () => {
        const error = await failure(open(["busybox", "nc", "%h", "%p"], { port: await freePort() }));
        expect(error.message).to.match(/the command busybox exited with 1, and said: .*refused/i);
    });
});
