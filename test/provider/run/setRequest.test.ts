import { expect } from "chai";
import { tagKeys } from "../../../provider/aws/tags";
import type { Run } from "../../../provider/run/run";
import { setRequest } from "../../../provider/run/setRequest";

describe("what CreateSnapshots is asked for", () => {
    const tags = (count: number) =>
        Object.fromEntries(Array.from({ length: count }, (_, n) => [`k${n}`, "v"]));
    const healedTagOf = (healed: string[], own: number, copied?: number) => {
        const run = {
            executionId: "acs-2",
            inputs: {
                instanceId: "i-1",
                quiesce: { method: "hooks" },
                owner: "urn:nightly",
                tags: tags(own),
                copyTagsFromVolumes: copied !== undefined,
            },
            clients: { clock: { now: () => 0 }, config: {} },
            healed: new Set(healed),
        } as unknown as Run;
        const volumes = [{ tagKeys: Array.from({ length: copied ?? 0 }, (_, n) => `volume-${n}`) }];
        const request = setRequest(run, { volumes } as unknown as Parameters<typeof setRequest>[1]);
        expect(new Set([...request.tags.map(({ Key }) => Key), tagKeys.level]).size).to.be.at.most(50);
        return request.tags.find(({ Key }) => Key === tagKeys.healed)?.Value;
    };

    function tagsWith(method: string, own: Record<string, string>, defaults: Record<string, string>) {
        const run = {
            executionId: "acs-2",
            inputs: { instanceId: "i-1", quiesce: { method }, tags: own },
            clients: { clock: { now: () => 0 }, config: { defaultTags: { tags: defaults } } },
            healed: new Set(),
        } as unknown as Run;
        const { tags: all } = setRequest(run, { volumes: [] });
        return Object.fromEntries(all.map(({ Key = "", Value }) => [Key, Value]));
    }

    it("names the group, the member and all its instances, whose sets are taken together", () => {
        const ids = Array.from({ length: 10 }, (_, n) => `i-0123456789abcdef${n}`);
        const run = {
            executionId: "acs-2",
            inputs: { instanceId: ids[0], quiesce: { method: "hooks" } },
            clients: { clock: { now: () => 0 }, config: {} },
            healed: new Set(),
            group: { id: "acs-group", member: "db", instanceIds: ids, known: new Set() },
        } as unknown as Run;
        const { tags: all } = setRequest(run, { volumes: [] });
        const valueOf = (key: string) => all.find(({ Key }) => Key === key)?.Value;
        expect(valueOf(tagKeys.members)?.split(" ")).to.deep.equal(ids);
        expect(valueOf(tagKeys.members)).to.have.length.at.most(256);
        expect([valueOf(tagKeys.group), valueOf(tagKeys.member)]).to.deep.equal(["acs-group", "db"]);
    });

    it("has the stack's default tags, and the resource's own before them", () => {
        expect(tagsWith("hooks", { team: "mine" }, { team: "all", cost: "42" })).to.include({
            team: "mine",
            cost: "42",
        });
    });

    it("has no default tag that has no room, that is ours, or that VSS does not take", () => {
        expect(Object.keys(tagsWith("none", tags(43), tags(50)))).to.have.length.at.most(50);
        const defaults = { [tagKeys.owner]: "me", "a;b": "x", c: "a;b", Device: "x", fine: "x" };
        const set = tagsWith("vss", {}, defaults);
        expect(set).to.include({ fine: "x" }).and.not.have.any.keys(tagKeys.owner, "a;b", "c", "Device");
    });

    const rows: [
        what: string,
        healed: string[],
        own: number,
        copied: number | undefined,
        tag: string | undefined,
    ][] = [
        ["nothing was healed", [], 0, undefined, undefined],
        ["what was healed", ["acs-1"], 0, undefined, "acs-1"],
        ["the newest first", ["acs-0", "acs-1"], 0, undefined, "acs-1 acs-0"],
        ["the last one that there is room for", ["acs-1"], 42, undefined, "acs-1"],
        ["no room beside the user's own", ["acs-1"], 43, undefined, undefined],
        ["no room beside those copied from a volume", ["acs-1"], 3, 40, undefined],
        ["room beside those copied from a volume", ["acs-1"], 3, 39, "acs-1"],
    ];
    for (const [what, healed, own, copied, tag] of rows) {
        it(`says what the run has healed: ${what}`, () => {
            expect(healedTagOf(healed, own, copied)).to.equal(tag);
        });
    }
});
