import { spawnSync } from "node:child_process";
import { expect } from "chai";
import { type Secret, maskSecrets } from "../../../provider/base/maskSecrets";
import * as recipes from "../../../recipes";

describe("maskSecrets", () => {
    const rows: [what: string, text: string, secrets: Secret[], masked: string][] = [
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

    describe("a script", () => {
        const script = [
            "#!/bin/bash",
            "set -x",
            '    mysql -uroot --password "hunter2" -e "flush tables"',
            'if ! fsfreeze -f "$mount"; then echo "cannot freeze" >&2; fi',
            "API_TOKEN=abcd; PGPASSWORD='it is'",
            "curl https://me:s3cr@example.org/x",
            "# the password file is here",
            "python3 - <<END",
            "connect(secret='four')",
            "END",
        ].join("\n");
        const lines: [what: string, text: string, masked: string][] = [
            [
                "its lines, as set -v and Python's tracebacks have them",
                `  ${script.split("\n")[2]}`,
                "      [secret]",
            ],
            ["all of it", `a ${script} b`, "a [secret] b"],
            ["what set -x of dash and busybox has", "+ mysql -uroot --password hunter2", "[secret]"],
            ["what set -x of bash has, at any depth", "+++ cat 'a b' $'c\\n'\nrest", "[secret]\nrest"],
            ["what set -x of zsh has", "+hook:3> cat", "[secret]"],
            ["a password that a program quotes", "ERROR: no hunter2", "ERROR: no [secret]"],
            ["a password that was assigned", "abcd, it is", "[secret], [secret]"],
            ["one in an address", "no user me:s3cr", "no user me:[secret]"],
            ["one in another language", "refused: four", "refused: [secret]"],
            ["nothing that it says itself", "cannot freeze /data: busy", "cannot freeze /data: busy"],
            ["no word of a comment", "no such file", "no such file"],
            ["no sum", "1 + 1 is 2", "1 + 1 is 2"],
        ];
        for (const [what, text, masked] of lines) {
            it(`masks ${what}`, () => expect(maskSecrets(text, [{ script }])).to.equal(masked));
        }

        it("masks everything where it changes the prefix of what set -x prints", () => {
            const secrets = [{ script: "PS4='trace '; set -x\ncat" }];
            expect(maskSecrets("trace cat\nno such file", secrets)).to.equal("[secret]\n[secret]");
        });

        it("leaves the lines of set -x where the script is the host's own, but for the values", () => {
            expect(maskSecrets("+ psql hunter2", ["hunter2"])).to.equal("+ psql [secret]");
        });

        for (const shell of ["bash", "dash", "busybox sh"]) {
            it(`masks what ${shell} prints of it`, function () {
                const [command = "", ...options] = shell.split(" ");
                if (spawnSync(command, ["--help"]).error) {
                    this.skip();
                }
                const marker = "unmistakable-marker";
                const body = [
                    `set -xv; word=${marker}; export word`,
                    `printf '%s' "a b ${marker}" 'one`,
                    `two ${marker}' >/dev/null`,
                    `( : "$word $(echo "${marker}")" ); for x in ${marker} "$word"; do case $x in *marker) :;; esac; done`,
                    `f() { : "$1"; }; f "${marker}\t'"`,
                    "echo it is said >&2",
                ].join("\n");
                const { stderr } = spawnSync(command, [...options, "-c", `eval "$SCRIPT"`], {
                    encoding: "utf8",
                    // bash takes a socket, which a pipe of Node's is, for a remote login, and reads its own files.
                    stdio: ["ignore", "pipe", "pipe"],
                    env: { PATH: process.env["PATH"], SCRIPT: body },
                });
                expect(stderr).to.include(marker);
                const masked = maskSecrets(stderr, [{ script: body }]);
                expect(masked).not.to.include(marker);
                expect(masked).to.match(/^it is said$/m);
            });
        }
    });

    it("leaves what the recipes say", () => {
        const { preFreeze } = recipes.combine(
            recipes.mysql(),
            recipes.postgresql(),
            recipes.redis(),
            recipes.fileSystems(["/data"]),
        );
        const said = [...preFreeze.script.matchAll(/\bsay (["'])(.*?)\1/g)].map(([, , text = ""]) => text);
        expect(said.length).to.be.greaterThan(10);
        for (const text of said) {
            expect(maskSecrets(text, [preFreeze])).to.equal(text);
        }
    });
});
