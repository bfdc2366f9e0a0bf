import { expect } from "chai";
import { maskSecrets } from "../../provider/maskSecrets";

describe("maskSecrets", () => {
    const rows: [what: string, text: string, secrets: string[], masked: string][] = [
        ["each, everywhere", "a hunter2 b hunter2", ["hunter2"], "a [secret] b [secret]"],
        ["the longer one first", "hunter2-extended", ["hunter2", "hunter2-extended"], "[secret]"],
        ["no empty one", "text", [""], "text"],
        ["a line of a longer one", "got bGluZS10d28=", ["bGluZS1vbmU=\nbGluZS10d28=\n"], "got [secret]"],
        [
            "a line, whatever its ends",
            "got bGluZS10d28=",
            ["bGluZS1vbmU=\r\nbGluZS10d28=\r\n"],
            "got [secret]",
        ],
        ["no line that every key has", "-----END KEY-----", ["x\n-----END KEY-----\n"], "-----END KEY-----"],
        ["no line that says nothing", "a fine day", ["secret-words\na\n"], "a fine day"],
    ];
    for (const [what, text, secrets, masked] of rows) {
        it(`masks ${what}`, () => expect(maskSecrets(text, secrets)).to.equal(masked));
    }
});
