import { expect } from "chai";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { reasonCodes } from "../provider/base/errors";
import { ROOT } from "../lab/engine/engine";

const docs = join(ROOT, "docs");
const pages = [join(ROOT, "README.md"), ...readdirSync(docs).map((name) => join(docs, name))];

/** As GitHub makes them: lower case, blanks to dashes, punctuation left out. */
const anchorsOf = (text: string): string[] =>
    [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
        heading
            .toLowerCase()
            .replace(/[^\p{L}\p{N} _-]/gu, "")
            .replaceAll(" ", "-"),
    );

describe("documentation", () => {
    for (const page of pages) {
        const name = relative(ROOT, page);
        const text = readFileSync(page, "utf8");

        it(`${name}: its links lead somewhere`, () => {
            for (const [, target = ""] of text.matchAll(/\]\((?!https?:)([^)\s]+)\)/g)) {
                const [path = "", anchor] = target.split("#");
                const file = path === "" ? page : join(dirname(page), path);
                expect(existsSync(file), target).to.equal(true);
                if (anchor !== undefined) {
                    expect(anchorsOf(readFileSync(file, "utf8")), target).to.include(anchor);
                }
            }
        });

        it(`${name}: its reason codes exist`, () => {
            const codes = [...text.matchAll(/`([A-Z]+(?:_[A-Z]+)+)`/g)].map(([, code = ""]) => code);
            const known = (code: string) => (reasonCodes as readonly string[]).includes(code);
            expect(codes.filter((code) => !known(code) && !/^(AWS|ACS)_/.test(code))).to.deep.equal([]);
        });
    }
});
