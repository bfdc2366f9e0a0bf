import { assert } from "chai";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { timing } from "../../provider/base/timing";
import { type Outcome, Scene } from "../../lab/scenes/scene";
import { needsRoot } from "../../lab/hosts/sshHost";

/** Of the longest limits together that a run has here. */
const RUN_LIMIT_MS = 90_000;
/** In which no other instance would be answered; with room for a slow machine. */
const STALL_LIMIT_MS = 5_000;
const MEMORY_LIMIT_BYTES = 150 * 1024 * 1024;

const READY = 'echo "ready dmi $boot"';
const FROZEN = "echo freezing; echo frozen";
const GONE = "echo thawed 0; echo cleaned ok";

/** What the host says after its first line, when it is to freeze or to recover. */
const lies: Record<string, string> = {
    "prints lines for ever": "yes y",
    "prints empty lines for ever": "yes ''",
    "prints one line for ever": "cat /dev/zero",
    "prints errors for ever": "yes >&2",
    drips: "while echo -n x; do sleep 0.1; done",
    "drips lines": "while echo x; do sleep 0.1; done",
    "says nothing": "cat >/dev/null",
    ends: "exit 0",
    "says wrong words": `echo "Welcome to this host"; ${READY}; ${FROZEN}; echo releasing asked; ${GONE}`,
    "is ready twice": `${READY}; read -r word; ${READY}; ${FROZEN}`,
    "freezes, thaws and swears before it was asked": `${READY}; ${FROZEN}; echo releasing asked; ${GONE}; cat >/dev/null`,
    "swears before it was asked": `${READY}; read -r word; ${FROZEN}; echo releasing asked; read -r word; ${GONE}`,
    "swears twice, in time too": `${READY}; read -r word; ${FROZEN}; echo releasing asked; read -r word; echo releasing asked; ${GONE}`,
    "freezes, then prints lines for ever": `${READY}; read -r word; ${FROZEN}; yes y`,
    "freezes, then prints empty lines for ever": `${READY}; read -r word; ${FROZEN}; yes ''`,
    "freezes, then drips": `${READY}; read -r word; ${FROZEN}; while echo -n x; do sleep 0.1; done`,
};

describe("a hostile host, by what sshd hands it", function () {
    this.timeout(2 * RUN_LIMIT_MS);
    const usual = { ...timing };
    let scene: Scene;

    before(async function () {
        needsRoot(this);
        scene = await Scene.start({ host: { forcedCommand: "/bin/sh /run/hostile/guard" } });
        scene.host.exec("mkdir -m 755 -p /run/hostile");
        scene.host.writeScript(
            "/run/hostile/guard",
            readFileSync(join(__dirname, "hostileGuard.sh"), "utf8"),
        );
        Object.assign(timing, {
            guardStartMs: 3_000,
            checkMs: 3_000,
            guardMarginMs: 500,
        });
    });
    after(async () => {
        Object.assign(timing, usual);
        await Scene.stopAll();
    });
    afterEach(() => scene.reset());

    /** Takes a snapshot of an instance that lies; whatever it says, it costs little. */
    async function runWith(lie: string, when: { check?: boolean; mute?: boolean } = {}): Promise<Outcome> {
        scene.host.exec("rm -f /run/hostile/check /run/hostile/mute");
        for (const [name, wanted] of Object.entries(when)) {
            if (wanted) {
                scene.host.exec(`: >/run/hostile/${name}`);
            }
        }
        scene.host.writeScript("/run/hostile/lie", lie);
        const stalls = monitorEventLoopDelay({ resolution: 20 });
        stalls.enable();
        const memory = process.memoryUsage.rss();
        const started = performance.now();
        const outcome = await scene.create({
            minimumLevel: "crash",
            timeouts: { connect: 5, preFreeze: 1, freeze: 1, postThaw: 1 },
        });
        stalls.disable();
        assert.isBelow(performance.now() - started, RUN_LIMIT_MS, "milliseconds");
        assert.isBelow(process.memoryUsage.rss() - memory, MEMORY_LIMIT_BYTES, "bytes of memory");
        assert.isBelow(stalls.max / 1e6, STALL_LIMIT_MS, "milliseconds without an answer to anybody");
        await scene.untilIdle();
        return outcome;
    }

    const levelOf = ({ state, error }: Outcome) => (state ?? error?.properties)?.consistencyLevel;

    function assertNothingClaimed(outcome: Outcome): void {
        const level = levelOf(outcome);
        assert.isTrue(level === "crash" || outcome.error !== undefined, `it claims to be ${String(level)}`);
        assert.oneOf(level, ["crash", undefined]);
    }

    for (const [what, lie] of Object.entries(lies)) {
        it(`that ${what} earns no level`, async () => {
            assertNothingClaimed(await runWith(lie));
        });
    }

    for (const what of [
        "prints lines for ever",
        "prints empty lines for ever",
        "prints one line for ever",
        "drips",
    ]) {
        it(`that ${what} when it is checked, too, earns no level`, async () => {
            assertNothingClaimed(await runWith(lies[what] ?? "", { check: true }));
            assertNothingClaimed(await runWith(lies[what] ?? "", { check: true, mute: true }));
        });
    }

    it("that plays the guard to the end is believed: it is root there, and docs/security.md says what root can forge", async () => {
        const lie = `${READY}; read -r word; ${FROZEN}; read -r word; echo releasing asked; ${GONE}`;
        assert.equal(levelOf(await runWith(lie)), "application");
    });
});
