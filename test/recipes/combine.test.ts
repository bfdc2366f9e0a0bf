import { execFileSync } from "node:child_process";
import { expect } from "chai";
import fc from "fast-check";
import { maskSecrets } from "../../provider/base/maskSecrets";
import { combine, fileSystems, mysql, postgresql, redis } from "../../recipes";
import { expectNoWarnings } from "../shellcheck";

describe("recipes", () => {
    it("are pairs of one text that names what it is and vouches for", () => {
        const recipe = postgresql();
        expect(recipe.preFreeze).to.deep.equal(recipe.postThaw);
        expect(recipe).to.include({ level: "application", recipe: "postgresql" });
        expect(fileSystems(["/data"])).to.include({ level: "filesystem", recipe: "fileSystems" });
    });

    it("freeze applications first, in their order, then file systems", () => {
        const recipe = combine(fileSystems(["/data"]), redis(), mysql(), fileSystems(["/log"]));
        expect(recipe).to.include({ level: "application", recipe: "redis+mysql+fileSystems+fileSystems" });
    });

    it("can be combined again", () => {
        const recipe = combine(combine(postgresql(), fileSystems(["/data"])), redis());
        expect(recipe.recipe).to.equal("postgresql+redis+fileSystems");
    });

    it("of file systems alone vouch for no application", () => {
        expect(combine(fileSystems(["/a"]), fileSystems(["/b"])).level).to.equal("filesystem");
    });

    it("are combined only as they are, and not without any", () => {
        expect(() => combine()).to.throw(TypeError);
        expect(() => combine({ ...redis(), level: "application" })).to.throw(TypeError, /unchanged/);
    });

    it("take absolute paths only", () => {
        for (const paths of [[], ["data"], ["/a\n/b"], [""]]) {
            expect(() => fileSystems(paths), JSON.stringify(paths)).to.throw(TypeError, /absolute/);
        }
    });

    it("have nothing that shellcheck warns of in a POSIX sh", function () {
        const { script } = combine(postgresql(), mysql(), redis(), fileSystems(["/data"])).preFreeze;
        expectNoWarnings(this, script);
    });

    it("names its paths, which are no secrets, in what it says", () => {
        const { script } = fileSystems(["/var/lib/postgresql", "/var/lib/it's"]).preFreeze;
        const said = "/var/lib/postgresql is not mounted, /var/lib/it's is";
        expect(maskSecrets(said, [{ script }])).to.equal(said);
    });

    it("can be read by every sh, whatever the settings are", () => {
        fc.assert(
            fc.property(fc.string({ unit: "binary" }), (text) => {
                const setting = text.replaceAll("\0", "").toWellFormed();
                const { script } = mysql({ user: setting, socket: setting }).preFreeze;
                execFileSync("sh", ["-n"], { input: script });
            }),
            { numRuns: 50 },
        );
    });
});
