import { expect } from "chai";
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
import { sharedCloud, useCloud } from "../../../lab/cloud/sharedCloud";
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
                `^HOST_KEYS_NOT_FOUND \\(${instanceId}\\): .*What to do: .*ssh_host_ed25519_key\\.pub`,
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
