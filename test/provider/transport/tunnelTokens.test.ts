import { expect } from "chai";
import { expandTokens, unknownToken } from "../../../provider/transport/tunnelTokens";

describe("tokens of a tunnel's command", () => {
    const values = { host: "%p.example", port: 2222, user: "ad%min" };

    for (const [word, expanded] of [
        ["nc", "nc"],
        ["%h:%p", "%p.example:2222"],
        ["%r@x", "ad%min@x"],
        ["100%%", "100%"],
        ["%%h", "%h"],
        ["%%%h", "%%p.example"],
        ["", ""],
    ] as const) {
        it(JSON.stringify(word), () => {
            expect(unknownToken(word)).to.equal(undefined);
            expect(expandTokens(word, values)).to.equal(expanded);
        });
    }

    for (const [word, token] of [
        ["%n", "%n"],
        ["%h%", "%"],
        ["%%%", "%"],
        ["%H", "%H"],
        ["% h", "% "],
        ["%\n", "%\n"],
    ] as const) {
        it(`${JSON.stringify(word)} has one that is not known`, () => {
            expect(unknownToken(word)).to.equal(token);
        });
    }
});
