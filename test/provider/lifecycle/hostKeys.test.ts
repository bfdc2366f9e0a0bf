import { expect } from "chai";
import { join } from "node:path";
import { timing } from "../../../provider/base/timing";
import { clientsFor } from "../../../provider/aws/clients";
import { readHostKeys } from "../../../provider/aws/consoleHostKeys";
import {
    checkHostKeys,
    createHostKeys,
    diffHostKeys,
    updateHostKeys,
} from "../../../provider/lifecycle/hostKeys";
import { Session } from "../../../provider/lifecycle/session";
import { CapturedLog } from "../../../lab/capturedLog";
import { type LocalCloud, consoleOutputOfHostKeys } from "../../../lab/cloud/localCloud";
import { rejection } from "../../../lab/rejection";
import { actionsOf, policiesOf, sectionOf } from "../../pages";
import { LocalSystemsManager } from "../../../lab/cloud/localSystemsManager";
import { sharedCloud, useCloud } from "../../../lab/cloud/sharedCloud";
import { needsRoot, startSshHost } from "../../../lab/hosts/sshHost";
import { KeyFolder, type KeyPair } from "../../../lab/hosts/sshServer";

describe("InstanceHostKeys", function () {
    // An instance is looked at every 5 s.
    this.timeout(60_000);

    let cloud: LocalCloud;
    let session: Session;
    let folder: KeyFolder;
    let keys: KeyPair[];
    let log: CapturedLog;
    let restore: () => void;

    before(async () => {
        cloud = await sharedCloud();
        restore = useCloud(cloud);
        folder = new KeyFolder();
        keys = [folder.make("ed25519"), folder.make("ecdsa256")];
        session = new Session();
    });
    beforeEach(() => (log = new CapturedLog()));
    afterEach(async () => {
        log.restore();
        await cloud.reset();
    });
    after(() => {
        folder.remove();
        restore();
    });

    const printed = () => consoleOutputOfHostKeys(keys.map((key) => key.publicLine));
    const fingerprints = () => keys.map((key) => key.fingerprint);

    it("are read from the console, and kept", async () => {
        const { instanceId } = await cloud.createInstance({ consoleOutput: printed() });
        const { id, outs } = await createHostKeys(session, {
            instanceId,
            aws: { region: cloud.region },
            __provider: "text",
        });
        expect(id).to.equal(instanceId);
        expect(outs).to.deep.equal({
            instanceId,
            aws: { region: cloud.region },
            __provider: "text",
            hostKeys: fingerprints(),
        });
    });

    it("are waited for while the instance boots, and that is told once", async () => {
        const { instanceId } = await cloud.createInstance();
        const looked = await cloud.fault("GetConsoleOutput", { kind: "delay", ms: 0 }, { times: null });
        const creating = createHostKeys(session, { instanceId });
        await looked.reached();
        const half = printed().split("-----END SSH HOST KEY FINGERPRINTS")[0]!;
        await cloud.setConsoleOutput(instanceId, half);
        await looked.reached({ count: 3 });
        await cloud.setConsoleOutput(instanceId, printed());
        expect((await creating).outs.hostKeys).to.deep.equal(fingerprints());
        expect(log.lines).to.deep.equal([
            `${instanceId}: waiting for the instance to print its SSH host keys on its console`,
        ]);
    });

    it("that never come end in an error that says what to do", async () => {
        const { instanceId } = await cloud.createInstance({ consoleOutput: "Linux version 6.1\r\nlogin: " });
        const clients = await clientsFor();
        const reading = readHostKeys(clients, instanceId, {
            deadline: performance.now() + 50,
            log: () => undefined,
            signal: new AbortController().signal,
        });
        expect((await rejection(reading)).message).to.match(
            new RegExp(
                `^HOST_KEYS_NOT_FOUND \\(${instanceId}\\): .*What to do: .*source: "systems-manager".*ssh_host_ed25519_key\\.pub`,
            ),
        );
    });

    it("are waited for no longer than timeouts.wait says, under the resource's own name", async () => {
        const { instanceId } = await cloud.createInstance({ consoleOutput: "login: " });
        const owner = "urn:pulumi:test::p::pulumi-nodejs:dynamic/ec2:InstanceHostKeys::server";
        const creating = createHostKeys(session, { instanceId, owner, timeouts: { wait: 1 } });
        expect((await rejection(creating)).message).to.match(/^HOST_KEYS_NOT_FOUND/);
        expect(log.lines).to.deep.equal([
            "server: waiting for the instance to print its SSH host keys on its console",
        ]);
        for (const wait of [0, 90_000, "5m"]) {
            const { failures } = checkHostKeys({ instanceId, timeouts: { wait } } as never);
            expect(failures.map(({ property }) => property)).to.deep.equal(["timeouts.wait"]);
        }
    });

    describe("by Systems Manager", () => {
        const source = "systems-manager";
        let manager: LocalSystemsManager;
        let instanceId: string;
        const kept = timing.hostKeysPauseMs;

        before(() => {
            manager = new LocalSystemsManager(cloud);
            timing.hostKeysPauseMs = 20;
        });
        beforeEach(async () => ({ instanceId } = await cloud.createInstance({ consoleOutput: "login: " })));
        after(() => (timing.hostKeysPauseMs = kept));

        const commands = async () =>
            (await manager.commands()).filter(({ instanceIds }) => instanceIds.includes(instanceId));

        it("are those that the instance has in /etc/ssh", async function () {
            needsRoot(this);
            const host = await startSshHost();
            try {
                await manager.manage(instanceId, { platformType: "Linux", shell: host.shell });
                const { outs } = await createHostKeys(session, { instanceId, source });
                expect(outs.hostKeys).to.have.members([...host.fingerprints]);
                const [command] = await commands();
                expect(command?.document).to.equal("AWS-RunShellScript");
                // Whoever sees it in the account's history sees whose it is.
                expect(command?.comment).to.match(/^InstanceHostKeys acs-/);
            } finally {
                await host.stop();
            }
        });

        it("are waited for while the agent is not there, then offline, and the instance has none yet", async () => {
            const marker = join(folder.path, "made");
            const line = keys[0]!.publicLine;
            // Stands for the keys of an instance that boots: there from the second command on.
            const shell = ["sh", "-c", `if [ -e ${marker} ]; then echo ${line}; fi; : >${marker}; : "$0"`];
            const looked = await cloud.fault(
                "DescribeInstanceInformation",
                { kind: "delay", ms: 0 },
                { times: null },
            );
            const creating = createHostKeys(session, { instanceId, source });
            await looked.reached({ count: 2 });
            await manager.manage(instanceId, { platformType: "Linux", pingStatus: "ConnectionLost", shell });
            await looked.reached({ count: 5 });
            await manager.manage(instanceId, { pingStatus: "Online" });
            expect((await creating).outs.hostKeys).to.deep.equal([keys[0]!.fingerprint]);
            expect(await commands()).to.have.lengthOf(2);
            expect(log.lines).to.deep.equal([
                `${instanceId}: waiting for Systems Manager to read the SSH host keys on the instance`,
            ]);
        });

        const timeouts = { wait: 2 };
        for (const [what, arrange, expected] of [
            ["no agent", () => undefined, /^SSM_NOT_MANAGED .*AmazonSSMManagedInstanceCore/],
            [
                "an agent that is away",
                (id: string) => manager.manage(id, { platformType: "Linux", pingStatus: "Inactive" }),
                /^SSM_OFFLINE .*Inactive.*amazon-ssm-agent/,
            ],
            [
                "no keys",
                (id: string) => manager.manage(id, { platformType: "Linux", shell: ["true"] }),
                /^HOST_KEYS_NOT_FOUND .*no SSH host keys in \/etc\/ssh.*HostKey in sshd_config/,
            ],
            [
                "something else than keys",
                (id: string) =>
                    manager.manage(id, { platformType: "Linux", shell: ["echo", "ssh-ed25519 AAAA"] }),
                /^HOST_KEYS_NOT_FOUND .*no SSH host keys/,
            ],
            [
                "Windows",
                (id: string) => manager.manage(id),
                /^HOST_KEYS_NOT_FOUND .*on Linux only, and this instance has Windows.*give it as hostKey/,
            ],
            [
                "a command that fails",
                (id: string) =>
                    manager.manage(id, {
                        platformType: "Linux",
                        shell: ["sh", "-c", "echo full >&2; exit 7"],
                    }),
                /^HOST_KEYS_NOT_FOUND .*did not succeed: Failed: full \(command /,
            ],
            [
                "a stopped instance",
                (id: string) => cloud.setInstanceState(id, "stopped"),
                /^INSTANCE_STATE .*is stopped.*Start it/,
            ],
        ] as const) {
            it(`${what}: an error that says what to do`, async () => {
                await arrange(instanceId);
                const error = await rejection(createHostKeys(session, { instanceId, source, timeouts }));
                expect(error.message).to.match(expected);
                expect(error.message).to.include(instanceId).and.include("What to do: ");
            });
        }

        it("of no instance, or without permission, fail at once", async () => {
            const missing = createHostKeys(session, { instanceId: "i-0ffffffffffffffff", source });
            expect((await rejection(missing)).message).to.match(/^INSTANCE_NOT_FOUND/);
            await manager.manage(instanceId, { platformType: "Linux" });
            await cloud.deny("SendCommand");
            expect((await rejection(createHostKeys(session, { instanceId, source }))).message).to.match(
                /^ACCESS_DENIED.*ssm:SendCommand/,
            );
        });

        it("take the permissions of docs/iam.md, and no others", async () => {
            const [, policy = { Statement: [] }] = policiesOf(sectionOf("docs/iam.md", "Host keys"));
            await cloud.allowPolicy([...policy.Statement]);
            await cloud.clearCalls();
            const run = () => createHostKeys(session, { instanceId, source, timeouts });
            const shellOf = (...shell: string[]) =>
                manager.manage(instanceId, { platformType: "Linux", shell });
            // An answer is lost, a command fails without a word, and one does not end.
            await shellOf("echo", keys[0]!.publicLine);
            await cloud.fault("SendCommand", { kind: "cut", phase: "after" });
            expect((await run()).outs.hostKeys).to.deep.equal([keys[0]!.fingerprint]);
            await shellOf("false");
            expect((await rejection(run())).message).to.match(/^HOST_KEYS_NOT_FOUND/);
            await shellOf("sh", "-c", "exec sleep 600");
            expect((await rejection(run())).message).to.match(/^HOST_KEYS_NOT_FOUND/);
            const used = (await cloud.calls()).flatMap(({ actions }) => actions);
            expect([...new Set(used)]).to.have.members(actionsOf(policy));
        });

        it("end with the run, and cancel what they have sent", async () => {
            await manager.manage(instanceId, {
                platformType: "Linux",
                shell: ["sh", "-c", "exec sleep 600"],
            });
            const creating = createHostKeys(session, { instanceId, source, timeouts });
            expect((await rejection(creating)).message).to.match(/no end within the time limit/);
            const [command] = await commands();
            const { status } = await manager.reached({ commandId: command!.commandId });
            expect(status).to.equal("Cancelled");
        });
    });

    it("of no instance, or without permission, fail at once", async () => {
        const missing = await rejection(createHostKeys(session, { instanceId: "i-0ffffffffffffffff" }));
        expect(missing.message).to.match(/^INSTANCE_NOT_FOUND/);
        const { instanceId } = await cloud.createInstance();
        await cloud.deny("GetConsoleOutput");
        expect((await rejection(createHostKeys(session, { instanceId }))).message).to.match(
            /^ACCESS_DENIED.*ec2:GetConsoleOutput/,
        );
    });

    it("are replaced with the instance, and for nothing else", () => {
        const olds = { instanceId: "i-12345678", hostKeys: ["SHA256:x"] };
        expect(diffHostKeys(olds, { instanceId: "i-12345678" })).to.deep.equal({
            changes: false,
            replaces: [],
        });
        expect(diffHostKeys(olds, { instanceId: "i-12345678", aws: { region: "x" } })).to.deep.equal({
            changes: false,
            replaces: [],
        });
        expect(diffHostKeys(olds, { instanceId: "i-87654321" })).to.deep.equal({
            changes: true,
            replaces: ["instanceId"],
        });
    });

    it("survive an update", () => {
        const olds = { instanceId: "i-12345678", hostKeys: ["SHA256:x"], __provider: "old" };
        const news = { instanceId: "i-12345678", aws: { region: "x" }, __provider: "new" };
        expect(updateHostKeys("i-12345678", olds, news).outs).to.deep.equal({
            ...news,
            hostKeys: ["SHA256:x"],
        });
    });

    it("are checked", () => {
        const news = { instanceId: "i-1", __provider: "text" };
        expect(checkHostKeys(news).inputs).to.equal(news);
        expect(checkHostKeys(news).failures.map((failure) => failure.property)).to.deep.equal(["instanceId"]);
    });
});
