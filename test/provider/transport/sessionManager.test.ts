import { expect } from "chai";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { awsAccess } from "../../../provider/aws/awsAccess";
import { clientsFor } from "../../../provider/aws/clients";
import { connect, SshError, type SshConnection } from "../../../provider/transport/ssh/connection";
import { sharedCloud } from "../../../lab/cloud/sharedCloud";
import type { LocalCloud } from "../../../lab/cloud/localCloud";
import { processesIn } from "../../../lab/hosts/hostProcesses";
import { freePort } from "../../../lab/hosts/freePort";
import { KeyFolder, Sshd, type KeyPair } from "../../../lab/hosts/sshServer";
import { type SessionScene, startSessionScene } from "../../../lab/scenes/sessionScene";
import { rejection } from "../../../lab/rejection";
import { actionsOf, policiesOf, sectionOf } from "../../pages";

/** What it takes to start a program on a busy machine is not looked at here. */
const LONG_MS = 60_000;

describe("a tunnel by Session Manager", function () {
    this.timeout(120_000);
    let keys: KeyFolder;
    let hostKey: KeyPair;
    let userKey: KeyPair;
    let sshd: Sshd;
    let scene: SessionScene;
    let cloud: LocalCloud;
    let lines: string[];
    let path: string | undefined;

    before(async () => {
        keys = new KeyFolder();
        hostKey = keys.make("ed25519");
        userKey = keys.make("ed25519");
        sshd = await Sshd.start(keys, { hostKeys: [hostKey], authorized: [userKey] });
        cloud = await sharedCloud();
        scene = await startSessionScene();
        path = process.env["PATH"];
    });
    beforeEach(() => (lines = []));
    // Whatever happened: no session, and no program that carries one.
    afterEach(async () => {
        process.env["PATH"] = path;
        await scene.manager.noSessionLeft();
        await cloud.reset();
        const giveUp = performance.now() + 5_000;
        while (carriers().length > 0 && performance.now() < giveUp) {
            await sleep(10);
        }
        expect(carriers()).to.deep.equal([]);
    });
    after(async () => {
        await scene.stop();
        await sshd.stop();
        keys.remove();
    });

    const carriers = () =>
        processesIn("/proc").filter(({ command }) => command.includes(`"Target":"${scene.instanceId}"`));

    function open({
        timeoutMs = LONG_MS,
        port = sshd.port,
        signal = new AbortController().signal,
        aws = scene.aws,
    } = {}): Promise<SshConnection> {
        const settings = {
            user: sshd.user,
            port,
            privateKey: userKey.privateKey,
            tunnel: { via: "session-manager" },
        } as const;
        const log = (line: string) => void lines.push(line);
        const { instanceId } = scene;
        return connect(settings, { timeoutMs, signal, log, aws, instanceId });
    }

    async function failure(opening: Promise<SshConnection>): Promise<SshError> {
        const error: unknown = await rejection(opening);
        if (!(error instanceof SshError)) {
            throw error as Error;
        }
        return error;
    }

    /** A program that is found as the plugin, before all others. */
    function pluginOf(script: string): void {
        const folder = join(keys.path, `plugin-${Math.random().toString(36).slice(2)}`);
        mkdirSync(folder);
        writeFileSync(join(folder, "session-manager-plugin"), `#!/bin/sh\n${script}\n`);
        chmodSync(join(folder, "session-manager-plugin"), 0o755);
        process.env["PATH"] = `${folder}${delimiter}${path ?? ""}`;
    }

    async function calls(operation: string): Promise<number> {
        return (await cloud.calls()).filter((call) => call.operation === operation).length;
    }

    it("has its token in the environment, where other accounts cannot see it, and ends the session", async () => {
        await cloud.clearCalls();
        const connection = await open();
        const [session] = (await scene.manager.sessions()).slice(-1);
        const [carrier] = carriers();
        expect(carrier?.command).not.to.include(session!.token);
        const words = readFileSync(`/proc/${carrier!.pid}/cmdline`, "utf8").split("\0").slice(-7);
        expect(words.toSpliced(4, 1)).to.deep.equal([
            "AWS_SSM_START_SESSION_RESPONSE",
            cloud.region,
            "StartSession",
            "",
            cloud.env["AWS_ENDPOINT_URL"],
            "",
        ]);
        const { Reason, ...request } = JSON.parse(words[4] ?? "") as Record<string, unknown>;
        expect(Reason).to.match(/^pulumi-app-consistent-snapshot [-0-9a-f]{36}$/);
        expect(request).to.deep.equal({
            Target: scene.instanceId,
            DocumentName: "AWS-StartSSHSession",
            Parameters: { portNumber: [String(sshd.port)] },
        });
        await connection.close();
        await scene.manager.noSessionLeft();
        expect(await calls("TerminateSession")).to.equal(1);
        expect(lines).to.deep.equal([]);
    });

    it("takes the permissions of docs/iam.md, and no others", async () => {
        const [policy = { Statement: [] }] = policiesOf(sectionOf("docs/iam.md", "Session Manager"));
        await cloud.allowPolicy([...policy.Statement]);
        await cloud.clearCalls();
        // The plugin asks for a new token then.
        await scene.manager.setSessionCourse({ refusesToken: true });
        await cloud.fault("StartSession", { kind: "cut", phase: "after" });
        await (await open()).close();
        const used = (await cloud.calls()).flatMap(({ actions }) => actions);
        expect([...new Set(used)]).to.have.members(actionsOf(policy));
    });

    it("stands what a bad line does: messages that are lost, late and twice", async () => {
        await scene.manager.setSessionCourse({ lost: 0.05, swapped: 0.2, readyMs: 300 });
        const connection = await open();
        const channel = await connection.exec("yes 0123456789abcdef | head -n 1000; echo end");
        for (let count = 0; count < 1000; count += 1) {
            expect(await channel.nextLine(LONG_MS)).to.equal("0123456789abcdef");
        }
        expect(await channel.nextLine(LONG_MS)).to.equal("end");
        await connection.close();
    });

    for (const [what, arrange, text, remedy] of [
        [
            "is not there",
            () => (process.env["PATH"] = keys.path),
            /session-manager-plugin could not be started: there is no such program/,
            /install AWS's Session Manager plugin/,
        ],
        [
            "is too old to take its token by the environment",
            () => pluginOf("echo 1.2.497.0"),
            /1\.2\.497\.0 is too old/,
            /update it; AWS asks for 1\.2\.764\.0/,
        ],
        [
            "is something else",
            () => pluginOf("echo hello"),
            /does not tell its version/,
            /install AWS's Session Manager plugin/,
        ],
    ] as const) {
        it(`whose plugin ${what} fails at once, and starts no session`, async () => {
            await cloud.clearCalls();
            arrange();
            const error = await failure(open());
            expect(error).to.include({ code: "TUNNEL_FAILED", where: "instance", transient: false });
            expect(error.message).to.match(text);
            expect(error.remedy).to.match(remedy);
            expect(await calls("StartSession")).to.equal(0);
        });
    }

    it("waits for an agent that is not there yet after a boot", async () => {
        await scene.manager.manage(scene.instanceId, { pingStatus: "ConnectionLost" });
        const refused = await cloud.fault("StartSession", { kind: "delay", ms: 0 }, { times: null });
        const opening = open();
        await refused.reached({ count: 2, limitMs: LONG_MS });
        await scene.manager.manage(scene.instanceId, { pingStatus: "Online" });
        await (await opening).close();
    });

    it("says what to look at when the agent never comes", async () => {
        await scene.manager.manage(scene.instanceId, { pingStatus: "ConnectionLost" });
        pluginOf("echo 1.2.835.0");
        const error = await failure(open({ timeoutMs: 2_000 }));
        await scene.manager.manage(scene.instanceId, { pingStatus: "Online" });
        expect(error).to.include({ code: "TUNNEL_FAILED" });
        expect(error.message).to.match(/TargetNotConnected.*gave up after/);
        expect(error.remedy).to.match(/AmazonSSMManagedInstanceCore.*ssmmessages/);
    });

    it("takes a new session when sshd did not listen yet in the one before", async () => {
        const port = await freePort();
        await cloud.clearCalls();
        const asked = await cloud.fault("StartSession", { kind: "delay", ms: 0 }, { times: null });
        const opening = open({ port });
        await asked.reached({ count: 2, limitMs: LONG_MS });
        const late = await Sshd.start(keys, { hostKeys: [hostKey], authorized: [userKey], port });
        try {
            await (await opening).close();
        } finally {
            await late.stop();
        }
        expect(await calls("TerminateSession")).to.equal(await calls("StartSession"));
    });

    it("outlives a token that has expired, because the plugin asks for another", async () => {
        await scene.manager.setSessionCourse({ refusesToken: true });
        await cloud.clearCalls();
        await (await open()).close();
        expect([await calls("StartSession"), await calls("ResumeSession")]).to.deep.equal([1, 1]);
    });

    it("tells why the service ended a session", async () => {
        const connection = await open();
        const channel = await connection.exec("cat");
        await scene.manager.endSessions("Session terminated because it reached the maximum session duration");
        const { asked, reason } = await connection.closed;
        expect(asked).to.equal(false);
        expect(reason).to.match(
            /session-manager-plugin said: SessionId: \S+ : Session terminated because it reached the maximum session duration$/,
        );
        expect(await channel.exit).to.deep.equal({});
        await connection.close();
    });

    it("ends with an interrupted try, also while StartSession is answered", async () => {
        const stop = new AbortController();
        const gate = await cloud.gate("StartSession", { phase: "after" });
        const opening = rejection(open({ signal: stop.signal }));
        await gate.reached({ limitMs: LONG_MS });
        stop.abort(new Error("interrupted"));
        await gate.release();
        expect(await opening).to.have.property("message", "interrupted");
    });

    for (const [what, spec, match] of [
        ["is cut off", { kind: "cut", phase: "after" }, {}],
        [
            "is an error of the service",
            { kind: "error", phase: "after", code: "InternalServerError", status: 500 },
            {},
        ],
        ["is a proxy's", { kind: "page", phase: "after", status: 504, body: "Gateway Timeout" }, {}],
    ] as const) {
        it(`whose answer ${what} leaves no session: the one that nobody knows of is found, and ended`, async () => {
            await cloud.clearCalls();
            await cloud.fault("StartSession", spec, match);
            const connection = await open();
            const states = (await scene.manager.sessions()).slice(-2).map(({ state }) => state);
            expect(states).to.deep.equal(["Terminated", "Connected"]);
            await connection.close();
            expect(await calls("TerminateSession")).to.equal(2);
            expect(lines.join()).not.to.match(/warning/);
        });
    }

    it("whose answer takes too long is given up with the try, and leaves no session", async () => {
        pluginOf("echo 1.2.835.0");
        const gate = await cloud.gate("StartSession", { phase: "after" });
        const opening = failure(open({ timeoutMs: 2_000 }));
        await gate.reached({ limitMs: LONG_MS });
        expect((await opening).message).to.match(/no answer within 2 s/);
        await scene.manager.noSessionLeft();
        await gate.release();
    });

    it("says so when nobody could look whether a session is left", async () => {
        await cloud.deny("DescribeSessions");
        await cloud.fault("StartSession", { kind: "cut", phase: "after" });
        await (await open()).close();
        expect(lines.join()).to.match(
            /warning: ssm:StartSession was not answered.*could not be seen:.*ssm:DescribeSessions/,
        );
        await scene.manager.endSessions("");
    });

    it("that AWS throttles reaches ten instances within `connect`", async () => {
        await cloud.throttle("StartSession", { rate: 3, burst: 2 });
        await cloud.clearCalls();
        const opened = await Promise.all(Array.from({ length: 10 }, () => open()));
        await Promise.all(opened.map((connection) => connection.close()));
        expect((await cloud.calls()).map(({ code }) => code)).to.include("ThrottlingException");
        // A refusal has started nothing, so that nobody looks.
        expect(await calls("DescribeSessions")).to.equal(0);
    });

    it("goes on when its data channel is cut and nothing is said meanwhile", async () => {
        const connection = await open();
        const channel = await connection.exec("cat");
        await scene.manager.cutDataChannels();
        await scene.manager.resumed();
        channel.write("still there\n");
        expect(await channel.nextLine(LONG_MS)).to.equal("still there");
        await connection.close();
    });

    it("ends with the plugin's words when its data channel is cut in the middle of what is sent", async () => {
        const connection = await open();
        const channel = await connection.exec("cat >/dev/null");
        const sending = setInterval(() => channel.write("x".repeat(3_000)), 1);
        try {
            await scene.manager.cutDataChannels();
            const { asked, reason } = await connection.closed;
            expect(asked).to.equal(false);
            expect(reason).to.match(/session-manager-plugin said: Cannot perform start session: /);
        } finally {
            clearInterval(sending);
        }
    });

    it("is not kept waiting by a session that cannot be ended, and says so", async () => {
        const connection = await open();
        await cloud.deny("TerminateSession");
        await connection.close();
        expect(lines.join()).to.match(/^warning: the session \S+ could not be ended.*ssm:TerminateSession/);
        await scene.manager.endSessions("");
    });

    it("whose plugin cannot be run ends the session that it was to carry", async () => {
        pluginOf('[ "$1" = --version ] && echo 1.2.835.0 && rm "$0"');
        await cloud.clearCalls();
        process.env["PATH"] = `${process.env["PATH"]?.split(delimiter)[0] ?? ""}${delimiter}/bin`;
        const error = await failure(open({ timeoutMs: 1_000 }));
        expect(error.message).to.match(
            /session-manager-plugin could not be started: there is no such program/,
        );
        expect(await calls("StartSession")).to.be.at.least(1);
        expect(await calls("TerminateSession")).to.equal(await calls("StartSession"));
    });

    it("logs in and out with a role whose credentials are renewed meanwhile", async () => {
        const config = {
            "aws:assumeRoles": JSON.stringify([{ roleArn: "arn:aws:iam::123456789012:role/ci" }]),
        };
        // Shorter than the SDK lets them end, so that they are renewed each time.
        await cloud.setRoleDuration(60);
        await cloud.clearCalls();
        const clients = await clientsFor({}, config);
        const connection = await open({ aws: awsAccess(clients) });
        const [carrier] = carriers();
        const environment = readFileSync(`/proc/${carrier!.pid}/environ`, "utf8").split("\0");
        await connection.close();
        await scene.manager.noSessionLeft();
        const made = await cloud.calls();
        const keysOf = (operation: string) =>
            made.filter((call) => call.operation === operation).map(({ accessKeyId }) => accessKeyId);
        expect(keysOf("AssumeRole").length).to.be.greaterThan(1);
        expect(keysOf("StartSession")).not.to.deep.equal(keysOf("TerminateSession"));
        for (const name of ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"]) {
            expect(environment.filter((line) => line.startsWith(`${name}=`))).to.have.length(1);
        }
        expect(environment).not.to.include(`AWS_ACCESS_KEY_ID=${cloud.accessKeyId}`);
    });

    it("without the permission fails at once, by the name of the call", async () => {
        await cloud.deny("StartSession");
        expect((await rejection(open())).message).to.match(/^ACCESS_DENIED.*ssm:StartSession/);
    });

    it("with credentials that have expired fails at once", async () => {
        await cloud.expireCredentials();
        expect((await rejection(open())).message).to.match(/^CREDENTIALS/);
    });
});
