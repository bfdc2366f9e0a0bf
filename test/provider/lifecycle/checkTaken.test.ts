import { expect } from "chai";
import { check } from "../../../lab/scenes/lifecycle";
import type { SnapshotInputs } from "../../../provider/inputs/inputs";

const inputs: SnapshotInputs = { instanceId: "i-0123456789abcdef0", quiesce: { method: "none" } };

describe("a set that an earlier run took", () => {
    for (const [what, news, olds, refused] of [
        ["is left alone while it is there", { ...inputs, taken: true }, inputs, false],
        ["is not taken anew when it is gone or would be replaced", { ...inputs, taken: true }, {}, true],
        ["does not stand in the way of a new one", inputs, {}, false],
        ["may be taken anew on purpose", inputs, { ...inputs, taken: true }, false],
    ] as const) {
        it(what, async () => {
            const { failures } = await check(news, olds);
            expect(failures.map(({ property }) => property)).to.deep.equal(refused ? ["taken"] : []);
        });
    }

    it("is left alone when a volume that it left out is gone by now", async () => {
        const volumes = { excludeDataVolumeIds: ["vol-0123456789abcdef0"] };
        const { failures } = await check({ ...inputs, volumes, taken: true }, { ...inputs, volumes });
        expect(failures).to.deep.equal([]);
    });

    it("that is gone is refused with the way out", async () => {
        const { failures } = await check({ ...inputs, taken: true }, {});
        expect(failures[0]?.reason).to.match(/`drop` of recoveryPoints/);
    });
});
