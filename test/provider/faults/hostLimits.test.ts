import { assert } from "chai";
import { type Outcome, Scene, plainError, setRequests } from "../../../lab/scenes/scene";
import { needsRoot, type SshHostOptions } from "../../../lab/hosts/sshHost";

/** Shell commands of the host, before a run; each undoes itself with the host. */
const LIMITED: Record<string, { prepare: string; text: RegExp }> = {
    "/run is full": {
        prepare: "mount -o remount,size=512k /run; cat /dev/zero >/run/full 2>/dev/null; true",
        text: /\/run has no room \(df -h \/run; df -i \/run\)/,
    },
    "/run has no free inode": {
        prepare:
            "mount -o remount,nr_inodes=60 /run; i=0; while true >/run/fill-$i; do i=$((i + 1)); done 2>/dev/null; true",
        text: /\/run has no room \(df -h/,
    },
    "/run has two free inodes": {
        prepare:
            "mount -o remount,nr_inodes=60 /run; i=0; while true >/run/fill-$i; do i=$((i + 1)); done 2>/dev/null; rm /run/fill-1 /run/fill-2",
        text: /\/run has no room \(df -h/,
    },
    "/run is read-only": { prepare: "mount -o remount,ro /run", text: /\/run is read-only/ },
};

/** prlimit on the listening sshd: each login has it from there. */
const ULIMITS: Record<string, { limit: string; text: RegExp }> = {
    "ulimit -f 0": { limit: "--fsize=0", text: /files of at most 0 bytes \(ulimit -f\), and \d+ are needed/ },
    "ulimit -f 100": { limit: "--fsize=51200", text: /files of at most 51200 bytes \(ulimit -f\)/ },
    "ulimit -n 12": { limit: "--nofile=12", text: /at most 12 open files \(ulimit -n\), and 32 are needed/ },
};

describe("limits of the host", function () {
    this.timeout(120_000);

    before(function () {
        needsRoot(this);
    });
    after(() => Scene.stopAll());

    async function onHost(host: SshHostOptions, work: (scene: Scene) => Promise<void>): Promise<void> {
        const scene = await Scene.start({ host });
        try {
            await work(scene);
            await scene.assertInvariants();
        } finally {
            await scene.stop();
        }
    }

    /** Nothing was frozen, and nothing is left, though the host could hardly have held it. */
    function assertRefused(outcome: Outcome, text: RegExp): void {
        const { message } = plainError(outcome);
        assert.match(message, /^PRECONDITION_FAILED .*\[HOST_UNSUITABLE\] /);
        assert.match(message, text);
        assert.deepEqual(outcome.events, []);
        assert.deepEqual(setRequests(outcome), []);
    }

    for (const [what, { prepare, text }] of Object.entries(LIMITED)) {
        it(`${what}: refused, and nothing is left`, () =>
            onHost({}, async (scene) => {
                scene.host.exec(prepare);
                assertRefused(await scene.create(), text);
            }));
    }

    for (const [what, { limit, text }] of Object.entries(ULIMITS)) {
        it(`${what}: refused, and nothing is left`, () =>
            // As root, for sudo's own PAM might set other limits.
            onHost({ user: "root" }, async (scene) => {
                const listener = scene.host
                    .processes()
                    .find(({ command }) => /^sshd: .*listener/.test(command));
                scene.host.exec(`prlimit ${limit} --pid ${listener?.pid ?? 0}`);
                assertRefused(await scene.create(), text);
            }));
    }

    it("command_timeout of sudo, in pre-freeze: awake, and the error names it", () =>
        onHost({ sudo: "timeout" }, async (scene) => {
            scene.host.writeHooks({ pre: "sleep 8" });
            const { message } = plainError(await scene.create());
            assert.match(message, /^(PRE_FREEZE_FAILED|CONNECTION_LOST) .*command_timeout/);
            assert.match(message, /State: the instance is awake; no snapshot was kept/);
        }));

    it("command_timeout of sudo, while frozen: awake, no level, and the error names it", () =>
        onHost({ sudo: "timeout" }, async (scene) => {
            const gate = await scene.cloud.gate("CreateSnapshots");
            const running = scene.create();
            await gate.reached();
            assert.isTrue(scene.host.frozen);
            await scene.host.until(() => !scene.host.frozen, { what: "the thaw" });
            await gate.release();
            const { message } = plainError(await running);
            assert.match(message, /^(HOLD_LOST|HOLD_UNPROVEN) .*command_timeout/);
            assert.match(message, /State: the instance is awake; no snapshot was kept/);
        }));
});
