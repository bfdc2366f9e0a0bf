import { expect } from "chai";
import type { GroupInputs } from "../../../../provider/inputs/inputs";
import { groupDiffOf } from "../../../../provider/lifecycle/group/diffGroup";
import {
    type GroupOutputs,
    type MemberState,
    groupStateOf,
} from "../../../../provider/lifecycle/group/groupState";

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
        ["one has no set", { db: both.db }],
        ["one's set is empty", { ...both, app: set("i-00000002", { snapshotIds: [] }) }],
    ];
    for (const [title, sets] of rows) {
        it(`is crash-consistent, and of no point, when ${title}`, () => {
            expect(groupStateOf(sets, 2)).to.include({ consistencyLevel: "crash", samePoint: false });
        });
    }
});
