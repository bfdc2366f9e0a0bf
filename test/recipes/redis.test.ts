import { expect } from "chai";
import { combine, fileSystems, redis } from "../../recipes";
import { RecipeHost } from "../../lab/hosts/recipeHost";
import { needsRoot } from "../../lab/hosts/sshHost";

const SOCKET = "/run/redis/socket";
const PASSWORD = { REDISCLI_AUTH: "secret" };
/** A port that nothing else has: the host shares the network of the machine. */
const TLS_PORT = 20_000 + (process.pid % 10_000);

describe("the recipe for Redis", function () {
    this.timeout(180_000);
    let lab: RecipeHost;
    before(async function () {
        needsRoot(this);
        lab = await RecipeHost.start([{ mountPoint: "/mnt/data", fileSystem: "ext4" }]);
        // The package that starts no server has it under another name.
        await lab.shell(
            "mkdir /run/redis /mnt/data/redis && for name in server sentinel; " +
                "do ln -s $(command -v redis-check-rdb) /run/redis/redis-$name; done",
        );
    });
    after(() => (lab as RecipeHost | undefined)?.stop());
    afterEach(async () => {
        await lab.run("thaw", { environment: PASSWORD });
        await lab.shell(
            "! read -r pid </run/redis/pid || { kill -KILL $pid; while kill -0 $pid; do sleep 0.02; done; } 2>/dev/null; " +
                "rm -rf /run/redis/pid /run/redis/socket /mnt/data/redis/* /usr/sbin/redis-cli",
        );
    });

    const client = (command: string, password = "secret") =>
        lab.shell(`REDISCLI_AUTH=${password} timeout 5 redis-cli -s ${SOCKET} ${command} 2>/dev/null; true`);

    /** @param answer what a PING is answered when it is ready */
    async function start(options: string, { program = "server", answer = "[^ ]" } = {}): Promise<void> {
        await lab.shell(
            `cd /mnt/data/redis && /run/redis/redis-${program} ${options} --unixsocket ${SOCKET} --pidfile /run/redis/pid ` +
                `--logfile /run/redis/log --daemonize yes >/dev/null && ` +
                `until redis-cli -s ${SOCKET} ping 2>/dev/null | grep -q -e '${answer}'; do sleep 0.02; done`,
        );
    }

    const startServer = (options: string) => start(`--port 0 --save '' ${options}`);
    const rights = (denied: string) => `--user default on nopass '~*' '+@all' ${denied}`;

    async function expectNothingHeld(environment: Record<string, string> = {}): Promise<void> {
        expect(await lab.left()).to.deep.equal([]);
        for (const verb of ["freezeFail", "thaw"]) {
            expect((await lab.run(verb, { environment })).exitCode, verb).to.equal(205);
        }
        // Nobody else has to wait for the end of a hold that is none.
        const recipe = fileSystems(["/mnt/data"]);
        const other = { recipe, execution: "acs-other" };
        expect(await lab.run("freeze", other)).to.deep.equal({ exitCode: 0, output: "" });
        expect((await lab.run("thaw", other)).exitCode).to.equal(0);
    }

    const refusals: [name: string, start: () => Promise<void>, message: RegExp, environment?: object][] = [
        ["asks for a password", () => startServer("--requirepass secret"), /NOAUTH Authentication required/],
        [
            "has another password",
            () => startServer("--requirepass other"),
            /NOAUTH Authentication required/,
            PASSWORD,
        ],
        ["lets nobody pause", () => startServer(rights("'-client|pause'")), /does not pause.*NOPERM/],
        [
            "lets nobody unpause, so that it would stay paused",
            () => startServer(rights("'-client|unpause'")),
            /would not let its writers go on: .*NOPERM/,
        ],
        ["tells nobody its state", () => startServer(rights("-info")), /does not tell its state: .*NOPERM/],
        ["makes no dump", () => startServer(rights("-bgsave")), /makes no dump: .*NOPERM/],
        [
            "has CLIENT under another name",
            () => startServer("--rename-command CLIENT ''"),
            /ERR unknown command/,
        ],
        [
            "has as many clients as it takes",
            async () => {
                await startServer("--maxclients 1");
                await lab.shell(
                    `until redis-cli -s ${SOCKET} ping | grep -q max; ` +
                        `do redis-cli -s ${SOCKET} subscribe nothing >/dev/null 2>&1 & sleep 0.1; done`,
                );
            },
            // It may hang up before the client has read why.
            /does not tell its state: .*(max number of clients reached|no answer|[Cc]onnection)/,
        ],
        [
            "is still loading its data",
            async () => {
                await startServer("--enable-debug-command yes");
                await client("debug populate 10000 && redis-cli -s /run/redis/socket shutdown save");
                const slowly = "--key-load-delay 10000 --loading-process-events-interval-bytes 1024";
                await start(`--port 0 ${slowly}`, { answer: "LOADING" });
            },
            /still loading/,
        ],
        [
            "is a Sentinel",
            async () => {
                await lab.shell(": >/run/redis/sentinel.conf");
                await start("/run/redis/sentinel.conf --port 0", { program: "sentinel" });
            },
            /does not tell its state/,
        ],
    ];
    for (const [name, begin, message, environment = {}] of refusals) {
        it(`leaves nothing where the server ${name}`, async () => {
            await begin();
            await lab.ready(redis({ socket: SOCKET }));
            const { exitCode, output } = await lab.run("freeze", { environment: { ...environment } });
            expect(exitCode).to.equal(1);
            expect(output).to.match(message);
            await expectNothingHeld({ ...environment });
        });
    }

    it("leaves nothing where the port speaks TLS only", async () => {
        await lab.shell(
            "cd /run/redis && openssl req -x509 -newkey rsa:2048 -nodes -keyout key -out certificate -days 2 " +
                "-subj /CN=localhost 2>/dev/null",
        );
        const tls =
            "--tls-cert-file /run/redis/certificate --tls-key-file /run/redis/key --tls-auth-clients no";
        await startServer(`--tls-port ${TLS_PORT} ${tls} --tls-ca-cert-file /run/redis/certificate`);
        await lab.ready(redis({ port: TLS_PORT }));
        const { exitCode, output } = await lab.run("freeze");
        expect({ exitCode, output }).to.deep.equal({
            exitCode: 1,
            output: "Redis does not tell its state: Error: Connection reset by peer\n",
        });
        await expectNothingHeld();
    });

    /** Whose certificate is signed by nobody else, so that the client has to be told of it. */
    async function makeCertificate(): Promise<string> {
        await lab.shell(
            "cd /run/redis && openssl req -x509 -newkey rsa:2048 -nodes -keyout key -out certificate -days 2 " +
                "-subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 2>/dev/null",
        );
        return "--tls-cert-file /run/redis/certificate --tls-key-file /run/redis/key --tls-ca-cert-file /run/redis/certificate";
    }

    const TLS = {
        ca: "/run/redis/certificate",
        certificate: "/run/redis/certificate",
        key: "/run/redis/key",
    };

    it("holds a server by TLS, at its address, as a user of its own, with a certificate of its own", async () => {
        const tls = await makeCertificate();
        const user =
            "--user default off --user snapshot on '>secret' '+info' '+bgsave' '+client|pause' '+client|unpause'";
        await startServer(`--tls-port ${TLS_PORT} ${tls} ${user}`);
        const recipe = redis({ host: "127.0.0.1", port: TLS_PORT, user: "snapshot", tls: TLS });
        await lab.ready(recipe);
        for (const verb of ["freeze", "check", "thaw"]) {
            const run = await lab.run(verb, { environment: PASSWORD });
            expect(run, verb).to.deep.equal({ exitCode: 0, output: "" });
        }
        const { exitCode, output } = await lab.run("freeze", {
            recipe: redis({ port: TLS_PORT, user: "snapshot", tls: { ...TLS, ca: "/run/redis/nothing" } }),
            environment: PASSWORD,
        });
        expect(exitCode).to.equal(1);
        expect(output).to.match(/Invalid CA Certificate|does not tell its state/);
        const stranger = await lab.run("freeze", {
            recipe: redis({ port: TLS_PORT, user: "stranger", tls: TLS }),
            environment: PASSWORD,
        });
        expect(stranger.exitCode).to.equal(1);
        expect(stranger.output).to.match(/WRONGPASS|NOAUTH|AUTH failed/);
        await expectNothingHeld(PASSWORD);
    });

    it("takes absolute paths, and a socket or an address", () => {
        expect(() => redis({ tls: { ca: "certificate" } })).to.throw(TypeError, /absolute/);
        expect(() => redis({ socket: SOCKET, tls: true })).to.throw(TypeError, /socket/);
        expect(() => redis({ socket: SOCKET, host: "db" })).to.throw(TypeError, /socket/);
    });

    it("with what it knew before has the name that it had, so that it thaws what an earlier release froze", () => {
        const nameOf = (recipe: { preFreeze: { script: string } }) =>
            /^recipe=(\w+)$/m.exec(recipe.preFreeze.script)?.[1];
        expect(nameOf(redis())).to.equal("417c25400e853c86");
        expect(nameOf(redis({ host: "127.0.0.1" }))).not.to.equal(nameOf(redis()));
    });

    it("holds a server that wants no password, whatever the client says of the one that it was given", async () => {
        await startServer("");
        await lab.ready(redis({ socket: SOCKET }));
        for (const verb of ["freeze", "check", "thaw"]) {
            const run = await lab.run(verb, { environment: PASSWORD });
            expect(run, verb).to.deep.equal({ exitCode: 0, output: "" });
        }
        expect(await lab.left()).to.deep.equal([]);
    });

    it("is held with a corrected password right after a refusal", async () => {
        await startServer("--requirepass secret");
        await lab.ready(combine(redis({ socket: SOCKET }), fileSystems(["/mnt/data"])));
        expect((await lab.run("freeze", { execution: "acs-1" })).exitCode).to.equal(1);
        for (const verb of ["freeze", "check", "thaw"]) {
            const run = await lab.run(verb, { execution: "acs-2", environment: PASSWORD });
            expect(run, verb).to.deep.equal({ exitCode: 0, output: "" });
        }
    });

    it("lets writers go on after a refusal that comes when they are paused", async () => {
        await startServer(rights("-bgsave"));
        await client("set written 1");
        await lab.ready(redis({ socket: SOCKET }));
        expect((await lab.run("freeze")).exitCode).to.equal(1);
        expect(await client("set written 2")).to.equal("OK\n");
    });

    /** Stands before the client: `text` is run where it is told to pause. */
    const whenPausing = (text: string) =>
        lab.host.writeScript(
            "/usr/sbin/redis-cli",
            `#!/bin/sh\ncase $* in *pause*write) ${text} ;; esac\nexec /usr/bin/redis-cli "$@"\n`,
        );

    it("lets writers go on when the answer is lost: they may have been paused", async () => {
        await startServer("");
        await lab.ready(redis({ socket: SOCKET }));
        whenPausing('/usr/bin/redis-cli "$@" >/dev/null; echo "Error: Server closed the connection"; exit 1');
        const { exitCode, output } = await lab.run("freeze");
        expect({ exitCode, output }).to.deep.equal({
            exitCode: 1,
            output: "Redis does not pause its writers: Error: Server closed the connection\n",
        });
        expect(await client("set written 1")).to.equal("OK\n");
        await expectNothingHeld();
    });

    it("remembers a pause that may be there until the server can be told to end it", async () => {
        await startServer("");
        await lab.ready(redis({ socket: SOCKET }));
        whenPausing(
            '/usr/bin/redis-cli "$@" >/dev/null; /usr/bin/redis-cli -s /run/redis/socket config set requirepass secret >/dev/null; exit 1',
        );
        expect((await lab.run("freeze")).exitCode).to.equal(1);
        const { exitCode, output } = await lab.run("freezeFail");
        expect(exitCode).to.equal(1);
        expect(output).to.match(/does not let its writers go on: .*NOAUTH/);
        expect((await lab.run("freezeFail", { environment: PASSWORD })).exitCode).to.equal(0);
        expect(await client("set written 1")).to.equal("OK\n");
        await expectNothingHeld(PASSWORD);
    });

    it("has nothing to thaw when the server is no more, and its pause with it", async () => {
        await startServer("");
        await lab.ready(redis({ socket: SOCKET }));
        expect((await lab.run("freeze")).exitCode).to.equal(0);
        await client("shutdown nosave");
        await lab.shell("rm -f /run/redis/pid");
        expect((await lab.run("check")).exitCode).to.equal(1);
        expect((await lab.run("thaw")).exitCode).to.equal(205);
        await expectNothingHeld();
    });

    it("speaks by valkey-cli where there is no redis-cli", async () => {
        await startServer("");
        await lab.ready(redis({ socket: SOCKET }));
        await lab.shell(
            "cp $(command -v redis-cli) /usr/sbin/valkey-cli && mount --bind /dev/null /usr/bin/redis-cli",
        );
        try {
            for (const verb of ["freeze", "check", "thaw"]) {
                expect(await lab.run(verb), verb).to.deep.equal({ exitCode: 0, output: "" });
            }
            await lab.shell("rm /usr/sbin/valkey-cli");
            const { exitCode, output } = await lab.run("freeze");
            expect({ exitCode, output }).to.deep.equal({
                exitCode: 1,
                output: "neither redis-cli nor valkey-cli is installed\n",
            });
        } finally {
            await lab.shell("umount /usr/bin/redis-cli");
        }
        await expectNothingHeld();
    });
});
