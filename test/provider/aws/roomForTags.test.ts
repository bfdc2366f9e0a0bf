import { expect } from "chai";
import { tagsInTheWay } from "../../../provider/aws/roomForTags";

describe("which tags give way to others", () => {
    const some = (count: number) => Array.from({ length: count }, (_, n) => `k${n}`);
    const rows: [what: string, held: string[][], wanted: string[], mayGo: string[], gone: string[]][] = [
        ["there is room", [some(49)], ["thaw"], ["k0"], []],
        ["what is there already needs none", [some(50)], ["k7"], ["k0"], []],
        ["one too many", [some(50)], ["thaw"], ["k0", "k1"], ["k0"]],
        ["two too many, in the order given", [some(50)], ["a", "b"], ["k3", "k1", "k2"], ["k3", "k1"]],
        ["one that is not there makes no room", [some(50)], ["thaw"], ["lease", "k1"], ["k1"]],
        ["one that is wanted stays", [some(50)], ["k0", "thaw"], ["k0", "k1"], ["k1"]],
        ["only one of two is full", [some(3), some(50)], ["thaw"], ["k0"], ["k0"]],
        ["one that only the other has", [["lease"], some(50)], ["thaw"], ["lease", "k1"], ["k1"]],
        ["no snapshot is left", [], ["thaw"], ["k0"], []],
        ["nothing may go", [some(50)], ["thaw"], [], []],
    ];
    for (const [what, held, wanted, mayGo, gone] of rows) {
        it(what, () => {
            expect(tagsInTheWay(held, wanted, mayGo)).to.deep.equal(gone);
        });
    }
});
