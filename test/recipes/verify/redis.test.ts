import { expect } from "chai";
import { RecipeHost } from "../../../lab/hosts/recipeHost";
import { needsRoot } from "../../../lab/hosts/sshHost";
import type { RestoredVolume } from "../../../lab/volumes/volumes";
import { verify } from "../../../recipes";
import { DATA_AND_LOG } from "../../../tools/prove/application";
import {
    WITH_DUMPS,
    WITH_LOG,
    redisWithDumps,
    redisWithLog,
    startRestored,
} from "../../../tools/prove/redis";

const SOCKET = "/run/redis/socket";
const CLIENT = `redis-cli -s ${SOCKET}`;
const FOLDER = "/mnt/data/redis";
const FULL =
    "for size in 1M 4k; do dd if=/dev/zero of=/mnt/data/filler-$size bs=$size 2>/dev/null; done; true";

describe("the script for restore tests of Redis", function () {
    this.timeout(180_000);
    let lab: RecipeHost;
    let volumes: RestoredVolume[];

    before(function () {
        needsRoot(this);
    });
    beforeEach(async () => {
        volumes = await lab.restored();
    });

    const run = (
        after: string,
        { shell = "sh", ...options }: { shell?: string; startSeconds?: number; passwordFile?: string } = {},
    ) => lab.verify(verify.redis({ socket: SOCKET, ...options }), { shell, on: { volumes, after } });

    async function expectPass(after: string, output: RegExp, options = {}): Promise<void> {
        const ended = await run(after, options);
        expect(ended.output, ended.output).to.match(output);
        expect(ended.exitCode).to.equal(0);
    }
    async function expectFailure(after: string, message: RegExp, options = {}): Promise<void> {
        const ended = await run(after, options);
        expect(ended.output, ended.output).to.match(message);
        expect(ended.exitCode).to.equal(1);
    }

    describe("with an append-only file", () => {
        const started = startRestored(WITH_LOG);
        const unclosed = startRestored(`${WITH_LOG} --aof-load-truncated no`);
        const cut = `file=$(ls ${FOLDER}/appendonlydir/*.incr.aof) && truncate -s -7 "$file"`;
        before(async () => {
            lab = await RecipeHost.start(DATA_AND_LOG.slice(0, 1));
            await redisWithLog.start(lab.host);
            await lab.shell(
                `for n in $(seq 200); do echo set key-$n value-$n; done | ${CLIENT} >/dev/null; ${CLIENT} bgrewriteaof`,
            );
            await lab.shell(
                `until ${CLIENT} info persistence | grep -q aof_rewrite_in_progress:0; do sleep 0.1; done; ${CLIENT} set last one`,
            );
        });
        after(() => (lab as RecipeHost | undefined)?.stop());

        const good = (log: string) =>
            new RegExp(
                "^Redis had loaded its data after \\d+ s\nread whole, and dumped, in \\d+ s\nkeys: 201\n" +
                    `bytes in memory: \\d+\nappend-only file: ${log}\nchecksums of dumps: yes\n$`,
            );
        for (const shell of ["dash", "busybox sh"]) {
            it(`passes what is whole, with its figures, under ${shell}`, () =>
                expectPass(started, good("whole, as Redis has logged"), { shell }));
        }
        it("passes without a look at the log, where Redis starts on nothing that is cut off", () =>
            expectPass(
                `${unclosed} && : >/run/redis/log`,
                good("whole, as Redis would not have started otherwise"),
            ));

        it("fails for a file that Redis has cut off", () =>
            expectFailure(
                `${cut} && ${started}`,
                /verify: the append-only file was not whole, and Redis has cut it off: .*AOF/,
            ));
        it("fails for such a one, where Redis does not start on it", () =>
            expectFailure(
                `${cut} && ! (${unclosed.replace("lt 600", "lt 5")})`,
                /verify: Redis is not up within 1 s: /,
                { startSeconds: 1 },
            ));
        it("fails where nobody can tell whether it was cut off", async () => {
            const advice = /, nobody can tell, because .* set aof-load-truncated no/;
            await expectFailure(`${started} && : >/run/redis/log`, advice);
            await expectFailure(`${started} && rm /run/redis/log`, advice);
            await expectFailure(started.replace("--logfile /run/redis/log", "--logfile ''"), advice);
        });
        it("fails for a changed byte in the file's base", () =>
            expectFailure(
                `printf damaged | dd of=$(ls ${FOLDER}/appendonlydir/*.base.rdb) bs=1 seek=1000 conv=notrunc status=none && ! (${started.replace("lt 600", "lt 20")})`,
                /verify: Redis is not up within 1 s: /,
                { startSeconds: 1 },
            ));
        it("fails where the folder is not mounted", () =>
            expectFailure(`mount -t tmpfs empty ${FOLDER} && ${started}`, /verify: Redis has no key at all/));
        it("fails for a replica", () =>
            expectFailure(`${started} && ${CLIENT} replicaof 127.0.0.1 1`, /verify: Redis is a replica/));
        it("fails where the disk is full", () =>
            expectFailure(`${started} && { ${FULL}; }`, /verify: Redis cannot (write|dump)/));
        it("fails where the disk fails", () =>
            expectFailure(
                `${started} && xfs_io -x -c shutdown /mnt/data`,
                /verify: Redis cannot (write|dump)/,
            ));
        it("fails where the file system is read-only, because it is not up then", () =>
            expectFailure(
                `mount -o remount,ro /mnt/data && ! (${started.replace("lt 600", "lt 20")})`,
                /verify: Redis is not up within 1 s: /,
                { startSeconds: 1 },
            ));
        it("takes the password from a file", async () => {
            const protectedBy = `${started} && ${CLIENT} config set requirepass s3cret`;
            await expectPass(
                `${protectedBy} && echo s3cret >/run/redis/password`,
                good("whole, as Redis has logged"),
                {
                    passwordFile: "/run/redis/password",
                },
            );
            await expectFailure(protectedBy, /verify: Redis is not up within 1 s: .*NOAUTH/, {
                startSeconds: 1,
            });
            await expectFailure(protectedBy, /verify: \/nowhere has no password in it, or cannot be read/, {
                passwordFile: "/nowhere",
            });
        });
        it("has a password file of an absolute path only", () => {
            expect(() => verify.redis({ passwordFile: "password" })).to.throw(TypeError, /absolute path/);
        });
    });

    describe("with dumps only", () => {
        const started = startRestored(WITH_DUMPS);
        before(async () => {
            lab = await RecipeHost.start(DATA_AND_LOG.slice(0, 1));
            await redisWithDumps.start(lab.host);
            await lab.shell(
                `for n in $(seq 200); do echo set key-$n value-$n; done | ${CLIENT} >/dev/null; ${CLIENT} save`,
            );
        });
        after(() => (lab as RecipeHost | undefined)?.stop());

        it("passes what is whole", () =>
            expectPass(started, /keys: 200\n[^]*append-only file: none, only dumps\n/));
        it("passes where all keys have expired since", () =>
            expectPass(
                `${started} && for n in $(seq 200); do echo pexpire key-$n 1; done | ${CLIENT} && until [ "$(${CLIENT} dbsize)" = 0 ]; do sleep 0.1; done`,
                /keys: 0\n/,
            ));
        it("fails for a changed byte in the dump", () =>
            expectFailure(
                `printf damaged | dd of=${FOLDER}/dump.rdb bs=1 seek=1000 conv=notrunc status=none && ! (${started.replace("lt 600", "lt 20")})`,
                /verify: Redis is not up within 1 s: /,
                { startSeconds: 1 },
            ));
        it("fails where the dump is not there", () =>
            expectFailure(`rm ${FOLDER}/dump.rdb && ${started}`, /verify: Redis has no key at all/));
    });
});
