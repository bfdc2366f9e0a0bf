import { runtime } from "@pulumi/pulumi";
import { expect } from "chai";
import type { GroupInputs } from "../../../../provider/inputs/inputs";
import { type ReasonCode, SnapshotError } from "../../../../provider/base/errors";
import { groupError } from "../../../../provider/lifecycle/group/groupError";
import { groupDiffOf } from "../../../../provider/lifecycle/group/diffGroup";
import {
    type GroupOutputs,
    type MemberState,
    groupStateOf,
    stillProven,
} from "../../../../provider/lifecycle/group/groupState";

const { unknownValue } = runtime;
const connection = { host: "db", user: "u", password: "p", insecureIgnoreHostKey: true };
const member = (instanceId: string) => ({ instanceId, quiesce: { method: "hooks" as const, connection } });
const inputs = { members: { db: member("i-00000001"), app: member("i-00000002") }, triggers: ["one"] };

function set(instanceId: string, changes: Partial<MemberState> = {}): MemberState {
    return {
        instanceId,
        snapshotIds: [`snap-${instanceId}`],
        consistencyLevel: "application",
        evidence: {
            executionId: `acs-${instanceId}`,
            completion: "completed",
            held: true,
            requestedAt: `2026-01-01T00:00:0${instanceId.slice(-1)}.000Z`,
            returnedAt: `2026-01-01T00:00:1${instanceId.slice(-1)}.000Z`,
            freezeWindowMs: Number(instanceId.slice(-1)) * 100,
        },
        quiesced: { method: "hooks" },
        recorded: true,
        unfinished: false,
        thawPending: false,
        lost: [],
        ...changes,
    } as MemberState;
}

function outputs(sets: Record<string, MemberState>): GroupOutputs {
    return { ...groupStateOf(sets, 2), triggers: ["one"] };
}
const both = { db: set("i-00000001"), app: set("i-00000002") };

describe("groupDiffOf", () => {
    const rows: [string, GroupOutputs, Partial<GroupInputs>, string[] | undefined][] = [
        ["nothing changes", outputs(both), {}, undefined],
        ["a trigger", outputs(both), { triggers: ["two"] }, ["triggers"]],
        ["tags", outputs(both), { tags: { a: "b" } }, []],
        [
            "one member's instance",
            outputs(both),
            { members: { ...inputs.members, db: member("i-00000003") } },
            ["members"],
        ],
        [
            "a member more",
            outputs(both),
            { members: { ...inputs.members, web: member("i-00000003") } },
            ["members"],
        ],
        [
            "another name",
            outputs(both),
            { members: { db: inputs.members.db, web: inputs.members.app } },
            ["members"],
        ],
        [
            "a member more, named as what every object has",
            outputs(both),
            { members: { ...inputs.members, constructor: member("i-00000003") } },
            ["members"],
        ],
        [
            "the members swap their names",
            outputs(both),
            { members: { db: inputs.members.app, app: inputs.members.db } },
            ["members"],
        ],
        [
            "one member's instance is replaced by one that is not known yet",
            outputs(both),
            { members: { ...inputs.members, db: member(unknownValue) } },
            ["members"],
        ],
        [
            "one member's volumes",
            outputs(both),
            {
                members: {
                    ...inputs.members,
                    db: { ...inputs.members.db, volumes: { excludeBootVolume: true } },
                },
            },
            ["members"],
        ],
        [
            "a snapshot is lost",
            outputs({ ...both, db: set("i-00000001", { lost: ["snap-1 was deleted"] }) }),
            {},
            ["members"],
        ],
        ["a member has no set", outputs({ db: both.db }), {}, ["members"]],
        ["work is unfinished", outputs({ ...both, db: set("i-00000001", { unfinished: true }) }), {}, []],
        [
            "one may still be frozen: that comes first",
            outputs({ ...both, db: set("i-00000001", { thawPending: true }) }),
            { triggers: ["two"] },
            [],
        ],
        [
            "one may still be frozen, and there is no set: create thaws it",
            outputs({ db: set("i-00000001", { thawPending: true, snapshotIds: [] }) }),
            {},
            ["members"],
        ],
    ];
    for (const [title, olds, changes, replaces] of rows) {
        it(title, () => {
            expect(groupDiffOf(olds, { ...inputs, ...changes })).to.deep.equal({
                changes: replaces !== undefined,
                replaces: replaces ?? [],
            });
        });
    }
});

describe("groupStateOf", () => {
    it("has the lowest level, and the times of all", () => {
        const sets = { ...both, app: set("i-00000002", { consistencyLevel: "filesystem" }) };
        expect(groupStateOf(sets, 2)).to.deep.include({
            consistencyLevel: "filesystem",
            samePoint: true,
            evidence: {
                firstRequestAt: "2026-01-01T00:00:01.000Z",
                lastAnswerAt: "2026-01-01T00:00:12.000Z",
                longestFreezeMs: 200,
            },
        });
    });

    const notHeld = set("i-00000002", { evidence: { ...both.app.evidence, held: false } });
    const rows: [string, Record<string, MemberState>][] = [
        ["one was not held", { ...both, app: notHeld }],
        [
            "one's host may be another one, though it was held",
            { ...both, app: set("i-00000002", { consistencyLevel: "crash" }) },
        ],
        ["one has no set", { db: both.db }],
        ["one's set is empty", { ...both, app: set("i-00000002", { snapshotIds: [] }) }],
    ];
    for (const [title, sets] of rows) {
        it(`is crash-consistent, and of no point, when ${title}`, () => {
            expect(groupStateOf(sets, 2)).to.include({ consistencyLevel: "crash", samePoint: false });
        });
    }
});

describe("stillProven", () => {
    it("is what was proven, while all sets are there", () => {
        const before = groupStateOf(both, 2);
        expect(stillProven(before, both)).to.deep.equal(before);
        const failed = { ...both, app: set("i-00000002", { snapshotIds: [] }) };
        expect(stillProven(before, failed)).to.include({ consistencyLevel: "crash", samePoint: false });
    });

    it("is never more than what was proven", () => {
        const before = groupStateOf({ db: both.db }, 2);
        expect(stillProven(before, both)).to.include({ consistencyLevel: "crash", samePoint: false });
    });
});

describe("groupError", () => {
    const error = (code: ReasonCode) =>
        new SnapshotError({ code, message: `${code} happened.`, remedy: "Do it." }, { instanceId: "i-1" });
    const textOf = (...codes: ReasonCode[]) =>
        groupError(new Map(codes.map((code, index) => [`m${index}`, error(code)]))).message;

    it("names those that are the cause, not those that failed because of them", () => {
        expect(textOf("GROUP_FAILED", "PRE_FREEZE_FAILED")).to.equal(
            "PRE_FREEZE_FAILED: Member m1 (i-1), PRE_FREEZE_FAILED: PRE_FREEZE_FAILED happened. " +
                "State: m0: nothing was changed. m1: nothing was changed. What to do: Do it.",
        );
    });

    it("is THAW_PENDING when one may still be frozen, whatever came first", () => {
        expect(textOf("PRE_FREEZE_FAILED", "THAW_PENDING")).to.match(
            /^THAW_PENDING: Member m1 .* Member m0 \(i-1\), PRE_FREEZE_FAILED/,
        );
    });
});
