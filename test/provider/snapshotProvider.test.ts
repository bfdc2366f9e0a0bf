import { execFileSync } from "node:child_process";
import { expect } from "chai";
import { ROOT } from "../../lab/engine/engine";

const LOADED = `
require("./provider/snapshotProvider");
require("./provider/hostKeysProvider");
console.log(JSON.stringify(Object.keys(require.cache)));
`;

describe("the provider's process", () => {
    it("loads for `check` and `diff` no AWS SDK and no ssh2, and never what is for the program", () => {
        const text = execFileSync(process.execPath, ["--import", "tsx", "-e", LOADED], {
            cwd: ROOT,
            encoding: "utf8",
        });
        const files = JSON.parse(text) as string[];
        expect(files.some((file) => file.endsWith("provider/lifecycle/checkSnapshot.ts"))).to.equal(true);
        expect(
            files.filter((file) =>
                /@pulumi\/aws\/|\/components\/|@aws-sdk|@smithy|\/ssh2\//.test(file.slice(ROOT.length)),
            ),
        ).to.deep.equal([]);
    });
});
