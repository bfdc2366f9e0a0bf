import { expect } from "chai";
import { GuardSession, guardParams } from "../../../../lab/hosts/guardSession";
import { needsRoot, startSshHost, type SshHost } from "../../../../lab/hosts/sshHost";
import { TcpProxy } from "../../../../lab/hosts/tcpProxy";

describe("guard, when the connection is cut while frozen", () => {
    let host: SshHost;
    let proxy: TcpProxy;

    before(async function () {
        needsRoot(this);
        host = await startSshHost();
        host.writeHooks();
    });
    after(() => host.stop());
    afterEach(async () => {
        await proxy.stop();
        host.exec(`rm -f ${host.eventsPath}`);
    });

    async function freeze(freezeLimit: number, delay = 0): Promise<GuardSession> {
        proxy = await TcpProxy.start({ to: host.port, delay });
        const limits = { lock: 0, wait: 30, preFreeze: 30, freeze: freezeLimit, postThaw: 30 };
        const guard = await GuardSession.start(host, guardParams(host, { limits }), { port: proxy.port });
        await guard.freeze();
        expect(host.frozen).to.equal(true);
        return guard;
    }

    for (const how of ["FIN", "RST"] as const) {
        it(`with ${how}: thaws at once`, async () => {
            await freeze(120);
            proxy.cut(how);
            await host.until(() => !host.frozen && host.stateLeft.length === 0);
            expect(host.events.at(-1)).to.equal("thawed thaw");
        });
    }

    it("without a FIN: thaws at its own limit", async () => {
        await freeze(2);
        proxy.goSilent();
        expect(host.frozen).to.equal(true);
        await host.until(() => !host.frozen && host.stateLeft.length === 0);
        expect(host.events.at(-1)).to.equal("thawed thaw");
    });

    it("without a FIN: thaws in 5 s, whatever its limit is", async () => {
        await freeze(120);
        const from = performance.now();
        proxy.goSilent();
        await host.until(() => !host.frozen && host.stateLeft.length === 0);
        expect(performance.now() - from).to.be.lessThan(7_000);
        expect(host.events.at(-1)).to.equal("thawed thaw");
    });

    it("a slow line delays the words and nothing else", async () => {
        const guard = await freeze(60, 50);
        guard.send("release");
        expect((await guard.end()).slice(-3)).to.deep.equal(["releasing asked", "thawed 0", "cleaned ok"]);
    });
});
