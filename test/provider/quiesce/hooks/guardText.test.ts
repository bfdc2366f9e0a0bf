import { expect } from "chai";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expectNoWarnings } from "../../../shellcheck";

const ROOT = join(__dirname, "../../../..");
const FOLDER = join(ROOT, "provider/quiesce/hooks/guard");
/** As they are put together: a part may use what an earlier one sets. */
const PARTS =
    "base host state hooks company decide thaw freeze recover watch inspect start entry verify".split(" ");

const TEXTS: Record<string, () => string> = {
    "the guard's text": () => PARTS.map((part) => readFileSync(join(FOLDER, `${part}.sh`), "utf8")).join(""),
    "the first process of a test's host": () => readFileSync(join(ROOT, "lab/hosts/sshHostInit.sh"), "utf8"),
};

for (const [name, text] of Object.entries(TEXTS)) {
    describe(name, () => {
        it("has nothing that shellcheck warns of in a POSIX sh", function () {
            expectNoWarnings(this, text());
        });
    });
}

describe("the guard's parts", () => {
    it("are all looked at", () => {
        expect(
            readdirSync(FOLDER)
                .map((name) => name.replace(".sh", ""))
                .sort(),
        ).to.deep.equal([...PARTS].sort());
    });
});
