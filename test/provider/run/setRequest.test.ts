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
            clients: { clock: { now: () => 0 } },
            healed: new Set(healed),
        } as unknown as Run;
        const volumes = [{ tagKeys: Array.from({ length: copied ?? 0 }, (_, n) => `volume-${n}`) }];
        const request = setRequest(run, { volumes } as unknown as Parameters<typeof setRequest>[1]);
        expect(new Set([...request.tags.map(({ Key }) => Key), tagKeys.level]).size).to.be.at.most(50);
        return request.tags.find(({ Key }) => Key === tagKeys.healed)?.Value;
    };

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
