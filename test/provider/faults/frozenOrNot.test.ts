import { assert } from "chai";
import {
    type Changes,
    type Outcome,
    Scene,
    initError,
    plainError,
    setRequests,
    stateOf,
} from "../../../lab/scenes/scene";
import { needsRoot } from "../../../lab/hosts/sshHost";

/** Where pre-freeze fails in the first `up`; in the next ones what it needs is there again. */
const PRE = ["before freezing", "in the middle", "after freezing"] as const;
/** How post-thaw ends in the first `up`. */
const POST = ["exits 0", "exits 205", "exits 1", "hangs", "dies"] as const;
const GIVEN = ["by path", "inline"] as const;
/** Where post-thaw is repaired after the first `up`. */
const REPAIRED = ["in the program", "on the host", "not at all"] as const;

interface Row {
    readonly pre: (typeof PRE)[number];
    readonly post: (typeof POST)[number];
    readonly given: (typeof GIVEN)[number];
    readonly repaired: (typeof REPAIRED)[number];
}

const ALL: readonly Row[] = PRE.flatMap((pre) =>
    POST.flatMap((post) =>
        GIVEN.flatMap((given) => REPAIRED.map((repaired) => ({ pre, post, given, repaired }))),
    ),
);

/** As few rows as have each pair of values; all of them take half an hour (`ACS_ALL_ROWS=1`). */
function pairwise(rows: readonly Row[]): Row[] {
    const pairsOf = (row: Row) => {
        const values = Object.entries(row).map(([key, value]) => `${key}: ${value}`);
        return values.flatMap((one, index) => values.slice(index + 1).map((other) => `${one}, ${other}`));
    };
    const left = new Set(rows.flatMap(pairsOf));
    const chosen: Row[] = [];
    while (left.size > 0) {
        const fresh = (row: Row) => pairsOf(row).filter((pair) => left.has(pair)).length;
        const best = rows.reduce((one, other) => (fresh(other) > fresh(one) ? other : one));
        chosen.push(best);
        pairsOf(best).forEach((pair) => left.delete(pair));
    }
    return chosen;
}

const DOWN = "/run/database-is-down";
const BROKEN = "/run/post-thaw-is-broken";
const SECOND = "/run/test-frozen-2";
const MENDED = "/run/hooks/mended";
const APPLICATION = ["pre freeze", "post thaw", "thawed thaw"];

const FAILURES: Record<Row["pre"], (frozen: string) => string> = {
    "before freezing": (frozen) => `[ ! -e ${DOWN} ] || exit 1; : >${frozen}; : >${SECOND}`,
    "in the middle": (frozen) => `: >${frozen}; [ ! -e ${DOWN} ] || exit 1; : >${SECOND}`,
    "after freezing": (frozen) => `: >${frozen}; : >${SECOND}; [ ! -e ${DOWN} ] || exit 1`,
};
const ENDS: Record<Row["post"], string> = {
    "exits 0": "",
    "exits 205": `[ "$1" != freezeFail ] || { rm -f FROZEN ${SECOND}; exit 205; }`,
    "exits 1": `[ ! -e ${BROKEN} ] || exit 1`,
    hangs: `[ ! -e ${BROKEN} ] || sleep 1000`,
    dies: `[ ! -e ${BROKEN} ] || kill -KILL $$`,
};

describe("an instance that a failed freeze may have left frozen", function () {
    this.timeout(300_000);
    let scene: Scene;

    before(async function () {
        needsRoot(this);
        scene = await Scene.start();
        scene.host.exec("mkdir -p /run/hooks && chmod 755 /run/hooks");
    });
    afterEach(() => scene.afterEach());
    after(() => Scene.stopAll());

    /** What `pulumi up` does, given what the last one has left. */
    async function up(before: Outcome | undefined, owner: string, changes: Changes): Promise<Outcome> {
        if (before === undefined || (before.error !== undefined && before.error.properties === undefined)) {
            return await scene.create({ ...changes, owner });
        }
        const { changes: changed, replaces } = scene.diff(before, changes);
        if (replaces.length > 0) {
            const replacement = await scene.create({ ...changes, owner });
            if (replacement.state === undefined) {
                // The engine keeps what it had.
                return { ...before, error: replacement.error, lines: replacement.lines };
            }
            assert.isUndefined((await scene.remove(before)).error);
            return replacement;
        }
        return changed || before.error !== undefined ? await scene.update(before, changes) : before;
    }

    async function check(row: Row): Promise<void> {
        const { host } = scene;
        const frozen = host.frozenPath;
        const tell = (what: string) => `echo "${what} $1" >>${host.eventsPath}`;
        const pre = `#!/bin/sh\n${tell("pre")}\n${FAILURES[row.pre](frozen)}\n`;
        const thaws = `rm -f ${frozen} ${SECOND}\n${tell("thawed")}\n`;
        const post = `#!/bin/sh\n${tell("post")}\n${ENDS[row.post].replace("FROZEN", frozen)}\n${thaws}`;
        const mended = `#!/bin/sh\n${tell("post")}\n${thaws}`;
        host.exec(`: >${DOWN}; : >${BROKEN}`);
        host.writeScript(host.preFreezePath, pre);
        host.writeScript(host.postThawPath, post);
        host.writeScript(MENDED, mended);
        const scripts = (text: string, path: string) =>
            row.given === "inline"
                ? { preFreeze: { script: pre }, postThaw: { script: text } }
                : { preFreeze: { path: host.preFreezePath }, postThaw: { path } };
        const { owner = "" } = scene.inputs();
        const timeouts = { postThaw: 1 };
        const broken = { quiesce: { scripts: scripts(post, host.postThawPath) }, timeouts };
        const repaired = { quiesce: { scripts: scripts(mended, MENDED) }, timeouts };

        const first = await up(undefined, owner, broken);
        host.exec(`rm ${DOWN}`);
        if (row.post === "exits 0" || row.post === "exits 205") {
            assert.match(plainError(first).message, /^PRE_FREEZE_FAILED .*the instance is awake/);
            assert.isFalse(host.frozen);
            const second = await up(first, owner, broken);
            assert.equal(stateOf(second).consistencyLevel, "application");
            for (const nth of ["third", "fourth"]) {
                assert.equal(await up(second, owner, broken), second, nth);
            }
            return;
        }
        const { message, properties } = initError(first);
        assert.match(
            message,
            /^THAW_PENDING .*Pre-freeze never reported.*\[PRE_FREEZE_FAILED\].*MAY STILL BE FROZEN/,
        );
        assert.deepEqual(properties.snapshotIds, []);
        if (row.repaired !== "not at all") {
            const after = row.repaired === "in the program" ? repaired : broken;
            if (row.repaired === "on the host") {
                host.exec(`rm ${BROKEN}`);
            }
            const second = await up(first, owner, after);
            assert.equal(stateOf(second).consistencyLevel, "application");
            assert.deepEqual(second.events.slice(-3), APPLICATION);
            assert.isFalse(host.exec(`ls ${SECOND} 2>/dev/null || true`).includes(SECOND));
            for (const nth of ["third", "fourth"]) {
                assert.equal(await up(second, owner, after), second, nth);
            }
            return;
        }
        let last = first;
        for (const nth of ["second", "third"]) {
            const events = host.events.length;
            last = await up(last, owner, broken);
            assert.match(last.error?.message ?? "", /^THAW_PENDING .*THE INSTANCE MAY STILL BE FROZEN/);
            assert.notInclude(host.events.slice(events), "pre freeze", nth);
        }
        // Thawed by hand, and confirmed. Post-thaw is still what it was, which its rehearsal finds.
        host.exec(`rm -f ${frozen} ${SECOND}`);
        const events = host.events.length;
        const confirmed = { ...broken, confirmAwake: first.id };
        const rehearsed = { ...broken.quiesce.scripts, rehearse: true };
        last = await up(last, owner, { ...confirmed, quiesce: { scripts: rehearsed } });
        assert.match(last.error?.message ?? "", /^PRECONDITION_FAILED .*\[POST_THAW_NOT_IDEMPOTENT\]/);
        assert.match(last.lines.join("\n"), /warning: confirmAwake: .*was not run/);
        assert.deepEqual(host.events.slice(events), ["post thaw"]);
        assert.deepEqual(setRequests(last), []);
    }

    for (const row of process.env["ACS_ALL_ROWS"] === "1" ? ALL : pairwise(ALL)) {
        it(`pre-freeze fails ${row.pre}, post-thaw ${row.post}, ${row.given}, repaired ${row.repaired}`, () =>
            check(row).finally(() => scene.host.exec(`rm -f ${DOWN} ${BROKEN} ${SECOND} ${MENDED}`)));
    }
});
