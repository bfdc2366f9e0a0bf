import { assert } from "chai";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../../lab/engine/engine";
import { type HookEnd, endText } from "../../../provider/base/hookEnd";

const ENDS: [HookEnd, RegExp][] = [
    [0, /^exited with 0$/],
    [1, /^exited with 1$/],
    [126, /^exited with 126$/],
    [
        127,
        /^exited with 127, as for a command that was not found in PATH \(\/usr\/local\/sbin:\S+:\/run\/wrappers\/bin\)$/,
    ],
    [128, /^exited with 128$/],
    [137, /^was ended by signal 9$/],
    [192, /^was ended by signal 64$/],
    [201, /^exited with 201$/],
    ["timeout", /^did not end within its limit$/],
    ["lost", /^was killed, or never ran$/],
];

describe("endText", () => {
    for (const [end, text] of ENDS) {
        it(`tells of ${end}`, () => assert.match(endText(end), text));
    }

    it("names the PATH that the guard sets", () => {
        const guard = readFileSync(join(ROOT, "provider/quiesce/hooks/guard/base.sh"), "utf8");
        const [, path = ""] = /^PATH=(\S+)$/m.exec(guard) ?? [];
        assert.include(endText(127), `(${path})`);
    });
});
