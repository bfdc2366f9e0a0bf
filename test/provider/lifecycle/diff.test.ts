import { expect } from "chai";
import { type OldState, diffOf } from "../../../provider/lifecycle/diff";
import { type SnapshotInputs, effectiveTriggers } from "../../../provider/inputs/inputs";

const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9" as never;

const hooks = {
    method: "hooks" as const,
    connection: { host: "10.0.0.5", user: "admin", password: "secret", insecureIgnoreHostKey: true },
};
const news: SnapshotInputs = { instanceId: "i-0123456789abcdef0", quiesce: hooks };
const olds: OldState = {
    instanceId: "i-0123456789abcdef0",
    snapshotIds: ["snap-1", "snap-2"],
    quiesced: { method: "hooks" },
    evidence: {
        method: "hooks",
        vouchedBy: "script",
        executionId: "acs-1",
        identity: "dmi",
        requestedAt: "2026-01-01T00:00:00.000Z",
        returnedAt: "2026-01-01T00:00:01.000Z",
        apiMs: 1000,
        held: true,
        completion: "completed",
        cleanup: "nothingToDo",
    },
    thawPending: false,
    recorded: true,
    unfinished: false,
    lost: [],
};
const pending: OldState = { ...olds, evidence: { ...olds.evidence!, completion: "pending" } };
const adopted: OldState = { ...olds, adopted: true, quiesced: { method: "" } };
const unfinished: OldState = { ...pending, unfinished: true };

/** The state after a create with these inputs. */
const after = (inputs: Partial<SnapshotInputs>): OldState => ({
    ...olds,
    ...(inputs.instanceId && { instanceId: inputs.instanceId }),
    ...(inputs.quiesce && { quiesced: { method: inputs.quiesce.method } }),
    ...(inputs.volumes && { volumes: inputs.volumes }),
    ...(inputs.triggers && { triggers: inputs.triggers }),
    ...(inputs.tags && { tags: inputs.tags }),
    ...(inputs.aws && { aws: inputs.aws }),
});

type Outcome = "nothing" | "update" | readonly string[];

function outcome(old: OldState, inputs: SnapshotInputs): Outcome {
    const { changes, replaces } = diffOf(old, inputs);
    if (replaces.length > 0) {
        expect(changes, "replacing is a change").to.equal(true);
        return replaces;
    }
    return changes ? "update" : "nothing";
}

describe("diff", () => {
    /** One row per input of the resource: two values, and what a change from one to the other means, both ways. */
    const inputRows: [what: string, a: Partial<SnapshotInputs>, b: Partial<SnapshotInputs>, Outcome][] = [
        ["instanceId", {}, { instanceId: "i-0fedcba9876543210" }, ["instanceId"]],
        ["quiesce.method", {}, { quiesce: { method: "none" } }, ["quiesce"]],
        [
            "quiesce.connection",
            {},
            { quiesce: { ...hooks, connection: { ...hooks.connection, host: "10.9.9.9", password: "new" } } },
            "nothing",
        ],
        [
            "quiesce.scripts",
            {},
            { quiesce: { ...hooks, scripts: { preFreeze: { script: "a" }, postThaw: { script: "b" } } } },
            "nothing",
        ],
        ["quiesce.scripts.level", {}, { quiesce: { ...hooks, scripts: { level: "filesystem" } } }, "nothing"],
        ["quiesce.sudo", {}, { quiesce: { ...hooks, sudo: false } }, "nothing"],
        ["quiesce.environment", {}, { quiesce: { ...hooks, environment: { A: "b" } } }, "nothing"],
        [
            "quiesce.verifyInstanceIdentity",
            {},
            { quiesce: { ...hooks, verifyInstanceIdentity: false } },
            "nothing",
        ],
        ["quiesce.showHookOutput", {}, { quiesce: { ...hooks, showHookOutput: "onFailure" } }, "nothing"],
        ["quiesce.scripts.rehearse", {}, { quiesce: { ...hooks, scripts: { rehearse: false } } }, "nothing"],
        ["confirmAwake", {}, { confirmAwake: "acs-00000000-0000-4000-8000-000000000000" }, "nothing"],
        ["minimumLevel", {}, { minimumLevel: "crash" }, "nothing"],
        ["volumes, boot", {}, { volumes: { excludeBootVolume: true } }, ["volumes"]],
        ["volumes, data", {}, { volumes: { excludeDataVolumeIds: ["vol-12345678"] } }, ["volumes"]],
        [
            "volumes, the defaults",
            {},
            { volumes: { excludeBootVolume: false, excludeDataVolumeIds: [] } },
            "nothing",
        ],
        ["volumes, empty", {}, { volumes: {} }, "nothing"],
        [
            "volumes, their order",
            { volumes: { excludeDataVolumeIds: ["vol-12345678", "vol-87654321"] } },
            { volumes: { excludeDataVolumeIds: ["vol-87654321", "vol-12345678"] } },
            "nothing",
        ],
        ["triggers, two lists", { triggers: ["mon"] }, { triggers: ["tue"] }, ["triggers"]],
        ["triggers, their order", { triggers: ["a", "b"] }, { triggers: ["b", "a"] }, ["triggers"]],
        ["triggers, keys' order", { triggers: [{ a: 1, b: 2 }] }, { triggers: [{ b: 2, a: 1 }] }, "nothing"],
        ["triggers, no list and an empty one", {}, { triggers: [] }, "nothing"],
        ["triggers, no list and nulls", {}, { triggers: [null, null] }, "nothing"],
        ["triggers, a null beside", { triggers: ["mon"] }, { triggers: ["mon", null] }, ["triggers"]],
        ["tags", {}, { tags: { Name: "x" } }, "update"],
        ["tags, a value", { tags: { Name: "x" } }, { tags: { Name: "y" } }, "update"],
        ["tags, none", {}, { tags: {} }, "nothing"],
        ["tags, their order", { tags: { a: "1", b: "2" } }, { tags: { b: "2", a: "1" } }, "nothing"],
        ["description", {}, { description: "nightly" }, "nothing"],
        ["copyTagsFromVolumes", {}, { copyTagsFromVolumes: true }, "nothing"],
        ["timeouts", {}, { timeouts: { freeze: 30 } }, "nothing"],
        ["waitForCompletion", {}, { waitForCompletion: false }, "nothing"],
        ["aws.region", {}, { aws: { region: "eu-central-1" } }, "update"],
        ["aws.profile", { aws: { profile: "a" } }, { aws: { profile: "b" } }, "update"],
        [
            "aws.assumeRole",
            {},
            { aws: { assumeRole: { roleArn: "arn:aws:iam::123456789012:role/r" } } },
            "update",
        ],
        ["owner", { owner: "urn:a" }, { owner: "urn:b" }, "nothing"],
    ];

    for (const [what, a, b, expected] of inputRows) {
        it(`${what}: ${expected instanceof Array ? "replaces" : expected}, both ways`, () => {
            expect(outcome(after(a), { ...news, ...a }), "no change").to.equal("nothing");
            expect(outcome(after(b), { ...news, ...b }), "no change").to.equal("nothing");
            expect(outcome(after(a), { ...news, ...b })).to.deep.equal(expected);
            expect(outcome(after(b), { ...news, ...a })).to.deep.equal(expected);
        });
    }

    const none = { quiesce: { method: "none" as const } };
    const rows: [what: string, old: OldState, inputs: Partial<SnapshotInputs>, Outcome][] = [
        // Triggers that are away mean "keep"; the list that the set was taken for is remembered.
        ["triggers, a list then none", after({ triggers: ["mon"] }), {}, "nothing"],
        ["triggers, a list then an empty one", after({ triggers: ["mon"] }), { triggers: [] }, "nothing"],
        ["triggers, a list then null", after({ triggers: ["mon"] }), { triggers: [null] }, "nothing"],
        ["triggers, none then a list", olds, { triggers: ["mon"] }, ["triggers"]],
        ["triggers, null then a list", after({ triggers: [null] }), { triggers: ["mon"] }, ["triggers"]],
        ["triggers, false and 0 mean something", olds, { triggers: [0, false] }, ["triggers"]],

        // What the state itself asks for.
        ["no set", { ...olds, snapshotIds: [] }, {}, ["snapshotIds"]],
        ["no set, and other inputs", { ...olds, snapshotIds: [] }, none, ["quiesce", "snapshotIds"]],
        ["a snapshot is lost", { ...olds, lost: ["snap-1 was deleted"] }, {}, ["snapshotIds"]],
        ["thaw pending", { ...olds, thawPending: true }, {}, "update"],
        ["thaw pending, and other inputs", { ...olds, thawPending: true }, none, "update"],
        ["thaw pending, and triggers", { ...olds, thawPending: true }, { triggers: ["tue"] }, "update"],
        ["thaw pending, and a lost snapshot", { ...olds, thawPending: true, lost: ["snap-1"] }, {}, "update"],
        ["thaw pending without a set", { ...olds, thawPending: true, snapshotIds: [] }, {}, ["snapshotIds"]],
        [
            "thaw pending without a set, another instance: create heals the old one first",
            { ...olds, thawPending: true, snapshotIds: [] },
            { instanceId: "i-0fedcba9876543210" },
            ["instanceId", "snapshotIds"],
        ],
        ["unfinished", unfinished, {}, "update"],
        ["unfinished, waiting asked for", unfinished, { waitForCompletion: true }, "update"],
        ["unfinished, nobody waits", unfinished, { waitForCompletion: false }, "nothing"],
        ["unfinished, and a lost snapshot", { ...unfinished, lost: ["snap-1"] }, {}, ["snapshotIds"]],
        // It was not waited for on purpose: a change of `waitForCompletion` means nothing.
        ["completion pending, nobody waited", pending, {}, "nothing"],
        ["completion pending, waiting asked for", pending, { waitForCompletion: true }, "nothing"],
        ["not recorded", { ...olds, recorded: false }, {}, "update"],
        [
            "not recorded, nobody waits",
            { ...pending, recorded: false },
            { waitForCompletion: false },
            "update",
        ],
        ["several reasons", pending, { ...none, triggers: [1], tags: { a: "b" } }, ["quiesce", "triggers"]],

        // At preview.
        ["an unknown instance", olds, { instanceId: UNKNOWN }, ["instanceId"]],
        ["unknown triggers", after({ triggers: ["mon"] }), { triggers: UNKNOWN }, ["triggers"]],
        ["an unknown trigger", after({ triggers: ["mon"] }), { triggers: [UNKNOWN] }, ["triggers"]],
        ["unknown volumes", olds, { volumes: UNKNOWN }, ["volumes"]],
        ["an unknown list of volumes", olds, { volumes: { excludeDataVolumeIds: UNKNOWN } }, ["volumes"]],
        ["an unknown volume", olds, { volumes: { excludeDataVolumeIds: [UNKNOWN] } }, ["volumes"]],
        ["an unknown host", olds, { quiesce: { ...hooks, connection: UNKNOWN } }, "nothing"],
        ["unknown tags", olds, { tags: UNKNOWN }, "update"],
        ["an unknown tag", after({ tags: { a: "b" } }), { tags: { a: UNKNOWN } }, "update"],
        ["unknown timeouts", olds, { timeouts: UNKNOWN, description: UNKNOWN }, "nothing"],
        ["an unknown level", olds, { minimumLevel: UNKNOWN }, "nothing"],

        // Imported, for whatever the program asks for: it is never replaced before `update` has recorded that.
        ["adopted", adopted, {}, "update"],
        ["adopted, and triggers", adopted, { triggers: ["tue"] }, "update"],
        ["adopted, and volumes", adopted, { volumes: { excludeBootVolume: true } }, "update"],
        ["adopted, and another method", adopted, none, "update"],
        ["adopted, an instance that is not known yet", adopted, { instanceId: UNKNOWN }, "update"],
        ["adopted, and a lost snapshot", { ...adopted, lost: ["snap-1"] }, {}, ["snapshotIds"]],

        // State of a version that had fewer outputs.
        ["only ids", { instanceId: news.instanceId, snapshotIds: ["snap-1"] }, {}, "nothing"],
        ["no quiesced", without(olds, "quiesced"), {}, "nothing"],
        ["no quiesced, another method", without(olds, "quiesced"), none, ["quiesce"]],
        ["no lost and no recorded", without(without(olds, "lost"), "recorded"), {}, "nothing"],
        ["no unfinished", without(pending, "unfinished"), {}, "nothing"],
        ["no snapshotIds", without(olds, "snapshotIds"), {}, ["snapshotIds"]],
        [
            "no snapshotIds, thaw pending",
            { instanceId: news.instanceId, thawPending: true },
            {},
            ["snapshotIds"],
        ],
    ];

    for (const [what, old, inputs, expected] of rows) {
        it(`${what}: ${expected instanceof Array ? `replaces (${expected.join(", ")})` : expected}`, () => {
            expect(outcome(old, { ...news, ...inputs })).to.deep.equal(expected);
        });
    }

    it("does not touch what it compares", () => {
        const volumes = { excludeDataVolumeIds: ["vol-87654321", "vol-12345678"] };
        outcome(after({ volumes }), { ...news, volumes });
        expect(volumes.excludeDataVolumeIds).to.deep.equal(["vol-87654321", "vol-12345678"]);
    });
});

describe("effectiveTriggers", () => {
    it("is nothing for absent, empty and only nulls", () => {
        for (const triggers of [undefined, [], [null], [undefined, null]]) {
            expect(effectiveTriggers(triggers)).to.equal(undefined);
        }
        expect(effectiveTriggers([null, ""])).to.deep.equal([null, ""]);
    });
});

function without(state: OldState, key: keyof OldState): OldState {
    const { [key]: _, ...rest } = state;
    return rest as OldState;
}
