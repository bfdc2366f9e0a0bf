import { expect } from "chai";
import { connect, type SshConnection, type SshSettings } from "../../../provider/ssh/connection";
import { KeyFolder, Sshd, type KeyPair } from "../../support/sshServer";

describe("connect", () => {
    let keys: KeyFolder;
    let hostKey: KeyPair;
    let userKey: KeyPair;
    let sshd: Sshd;
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

    const settings = (): SshSettings => ({
        host: "127.0.0.1",
        port: sshd.port,
        user: sshd.user,
        privateKey: userKey.privateKey,
        hostKey: hostKey.publicLine,
    });

    it("runs a command and reads its lines", async () => {
        const connection: SshConnection = await connect(settings(), {
            timeoutMs: 20_000,
            signal: new AbortController().signal,
            log: () => undefined,
        });
        const channel = await connection.exec("echo one; cat; echo err >&2; exit 3");
        expect(await channel.nextLine(10_000)).to.equal("one");
        channel.write("two\n");
        expect(await channel.nextLine(10_000)).to.equal("two");
        channel.end();
        expect(await channel.nextLine(10_000)).to.equal(undefined);
        expect(await channel.exit).to.deep.equal({ code: 3 });
        expect(channel.stderrHead()).to.equal("err\n");
        await connection.close();
        expect((await connection.closed).asked).to.equal(true);
    });
});
