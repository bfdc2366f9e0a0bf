import { execFileSync, spawnSync } from "node:child_process";
import { expect } from "chai";
import fc from "fast-check";
import { maskSecrets } from "../../../provider/base/maskSecrets";
import { fileSystems, verify } from "../../../recipes";
import { expectNoWarnings } from "../../shellcheck";

const ALL = verify.combine(
    verify.mysql(),
    verify.postgresql(),
    verify.redis({ passwordFile: "/etc/redis/password" }),
    verify.fileSystems(["/data"]),
);

describe("the scripts for restore tests", () => {
    it("have nothing that shellcheck warns of in a POSIX sh", function () {
        expectNoWarnings(this, ALL.script);
    });

    it("name their paths, which are no secrets, in what they say", () => {
        const { script } = verify.fileSystems(["/var/lib/postgresql", "/var/lib/wal"]);
        const said = "/var/lib/postgresql: ext4, /var/lib/wal: xfs";
        expect(maskSecrets(said, [{ script }])).to.equal(said);
    });

    it("can be read by every sh, whatever the settings are", () => {
        fc.assert(
            fc.property(fc.string({ unit: "binary" }), (text) => {
                const setting = text.replaceAll("\0", "").toWellFormed();
                const { script } = verify.mysql({ user: setting, socket: setting });
                execFileSync("sh", ["-n"], { input: script });
            }),
            { numRuns: 20 },
        );
    });

    it("are patient for a whole number of seconds", () => {
        for (const startSeconds of [0, -1, 1.5, Number.NaN]) {
            expect(() => verify.postgresql({ startSeconds })).to.throw(TypeError, /whole number of seconds/);
            expect(() => verify.fileSystems(["/data"], { startSeconds })).to.throw(TypeError);
        }
    });

    it("are combined with file systems first, and with each text once", () => {
        const { script } = verify.combine(
            verify.postgresql(),
            verify.combine(verify.postgresql({ port: 5433 }), verify.fileSystems(["/data"])),
        );
        const calls = script.match(/^ {4}(\w+_verify|port=.*)$/gm)?.map((line) => line.trim());
        expect(calls).to.deep.equal([
            "file_systems_verify",
            "port='5432'",
            "postgresql_verify",
            "port='5433'",
            "postgresql_verify",
        ]);
        expect(script.match(/^postgresql_verify\(\)/gm)).to.have.length(1);
    });

    it("are combined of nothing else", () => {
        expect(() => verify.combine()).to.throw(TypeError, /at least one/);
        for (const other of [{ script: "true" }, fileSystems(["/data"]), [verify.mysql()]]) {
            expect(() => verify.combine(other as never)).to.throw(
                TypeError,
                "recipes.verify.combine() takes what recipes.verify returns, unchanged, one after the other: " +
                    'recipes.verify.combine(recipes.verify.postgresql(), recipes.verify.fileSystems(["/data"]))',
            );
        }
    });

    for (const shell of ["dash", "busybox sh"]) {
        it(`stop at the first that fails, under ${shell}`, () => {
            const missing = "/there is no such folder";
            const { script } = verify.combine(
                verify.postgresql({ port: 1, startSeconds: 1 }),
                verify.fileSystems([missing], { startSeconds: 1 }),
            );
            const { status, stdout, stderr } = spawnSync("sh", ["-c", `exec ${shell} -s verify`], {
                input: script,
                encoding: "utf8",
            });
            expect(stderr).to.equal(
                `verify: ${missing} is not mounted within 1 s: there is no folder ${missing}\n`,
            );
            expect({ status, stdout }).to.deep.equal({ status: 1, stdout: "" });
        });
    }
});
