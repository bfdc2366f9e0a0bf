import { expect } from "chai";
import fc from "fast-check";
import { LineBuffer } from "../../../../provider/transport/ssh/lineBuffer";

/** Feeds bytes in pieces of the given lengths, then ends. */
function feed(text: string, cuts: readonly number[], maxLine: number): string[] {
    const buffer = new LineBuffer(maxLine);
    let bytes = Buffer.from(text);
    const lines: string[] = [];
    for (const cut of cuts) {
        lines.push(...buffer.push(bytes.subarray(0, cut)));
        bytes = bytes.subarray(cut);
    }
    lines.push(...buffer.push(bytes));
    const last = buffer.end();
    return last === undefined ? lines : [...lines, last];
}

describe("LineBuffer", () => {
    const rows: [string, string, string[]][] = [
        ["nothing", "", []],
        ["one line", "a\n", ["a"]],
        ["an unfinished line", "a\nb", ["a", "b"]],
        ["empty lines", "\n\n", ["", ""]],
        ["a line that is as long as allowed", "12345\nx\n", ["12345", "x"]],
        ["a line that is too long", "123456789\nx\n", ["12345", "x"]],
    ];
    for (const [name, text, lines] of rows) {
        it(name, () => expect(feed(text, [], 5)).to.deep.equal(lines));
    }

    it("gives the same lines however the bytes are cut, even inside a character", () => {
        fc.assert(
            fc.property(
                fc.string({ unit: fc.constantFrom("a", "é", "\u{1f600}", "\n") }),
                fc.array(fc.nat(7)),
                (text, cuts) => {
                    const expected = text.split("\n");
                    if (expected.at(-1) === "") {
                        expected.pop();
                    }
                    expect(feed(text, cuts, 1000)).to.deep.equal(expected);
                },
            ),
        );
    });
});
