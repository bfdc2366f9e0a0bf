import { expect } from "chai";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { reasonCodes } from "../provider/base/errors";
import { ROOT } from "../lab/engine/engine";
import { DOCS, README, proseOf, textOf } from "./pages";

const EXAMPLES = readdirSync(join(ROOT, "examples")).map((name) => `examples/${name}/README.md`);
const PAGES = [README, "CONTRIBUTING.md", "recipes/README.md", ...EXAMPLES, ...DOCS];

/** This is the report of a tool, with tables as wide as it makes them. */
const REPORTS = ["docs/hosts.md", "docs/proof.md"];
const WRITTEN = PAGES.filter((page) => !REPORTS.includes(page));

/** What a terminal shows. */
const LONGEST_LINE = 120;
const LONGEST_README = 220;
/** Longer pages begin with their contents. */
const LONGEST_WITHOUT_CONTENTS = 60;

/** As GitHub makes them: lower case, blanks to dashes, punctuation left out. */
function anchorOf(heading: string): string {
    return heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, "")
        .replaceAll(" ", "-");
}

/** Of the headings of these levels. The second of a name would get a number: no page needs that. */
function anchorsOf(page: string, levels = "1,6"): string[] {
    const headings = proseOf(page).matchAll(new RegExp(`^#{${levels}} (.+)$`, "gm"));
    return [...headings].map(([, heading = ""]) => anchorOf(heading));
}

interface Link {
    readonly target: string;
    readonly path: string;
    readonly anchor: string | undefined;
}

/** Those that do not lead to another site; `path` is in the repository. */
function linksOf(page: string): Link[] {
    const targets = [...proseOf(page).matchAll(/\]\((?!https?:)([^)\s]+)\)/g)];
    return targets.map(([, target = ""]) => {
        const [path = "", anchor] = target.split("#");
        return { target, path: path === "" ? page : normalize(join(dirname(page), path)), anchor };
    });
}

function linesOf(page: string): string[] {
    return textOf(page).trimEnd().split("\n");
}

/** The TypeScript that users run or read. */
function sources(): string[] {
    return ["provider", "components", "recipes", "cli", "examples"].flatMap((folder) =>
        readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
            .filter((name) => name.endsWith(".ts"))
            .map((name) => readFileSync(join(ROOT, folder, name), "utf8")),
    );
}

/** What `npm pack` would put into the package. */
function packedFiles(): string[] {
    const args = ["pack", "--dry-run", "--json", "--ignore-scripts"];
    const answer = execFileSync("npm", args, {
        cwd: ROOT,
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
    });
    const [{ files }] = JSON.parse(answer) as [{ files: { path: string }[] }];
    return files.map(({ path }) => path);
}

describe("documentation", () => {
    for (const page of PAGES) {
        it(`${page}: its links lead somewhere`, () => {
            for (const { target, path, anchor } of linksOf(page)) {
                expect(existsSync(join(ROOT, path)), target).to.equal(true);
                if (anchor !== undefined) {
                    expect(anchorsOf(path), target).to.include(anchor);
                }
            }
        });

        it(`${page}: its reason codes exist`, () => {
            const codes = [...textOf(page).matchAll(/`([A-Z]+(?:_[A-Z]+)+)`/g)].map(([, code = ""]) => code);
            const known = (code: string) => (reasonCodes as readonly string[]).includes(code);
            expect(codes.filter((code) => !known(code) && !/^(AWS|ACS)_|_PROXY$/.test(code))).to.deep.equal(
                [],
            );
        });
    }

    for (const page of WRITTEN) {
        it(`${page}: a terminal can show its lines`, () => {
            const long = proseOf(page)
                .split("\n")
                .filter((line) => line.length > LONGEST_LINE);
            expect(long).to.deep.equal([]);
        });
    }

    for (const page of WRITTEN.filter((name) => name !== README)) {
        it(`${page}: begins with its contents if it is long, and these are whole`, () => {
            const [top = ""] = textOf(page).split(/^## /m);
            const contents = [...top.matchAll(/\]\(#([^)]+)\)/g)].map(([, anchor = ""]) => anchor);
            if (contents.length > 0 || linesOf(page).length > LONGEST_WITHOUT_CONTENTS) {
                expect(contents).to.include.members(anchorsOf(page, "2"));
            }
        });
    }

    it(`README has at most ${LONGEST_README} lines`, () => {
        expect(linesOf(README).length).to.be.at.most(LONGEST_README);
    });

    it("leads to nothing that the package does not have", () => {
        const packed = packedFiles();
        const missing = packed
            .filter((file) => file.endsWith(".md"))
            .flatMap((page) => linksOf(page).map(({ path, target }) => ({ page, path, target })))
            .filter(({ path }) => !packed.includes(path));
        expect(missing).to.deep.equal([]);
        expect(packed).to.include.members([README, "CONTRIBUTING.md", ...DOCS]);
    });

    it("has the pages and headings that the program's own texts name", () => {
        const named = sources().flatMap((text) => [
            ...text.matchAll(/\b(docs\/[\w-]+\.md)(?:, "([^"]+)")?/g),
        ]);
        expect(named).not.to.deep.equal([]);
        for (const [text, page = "", heading] of named) {
            expect(DOCS, text).to.include(page);
            if (heading !== undefined) {
                expect(proseOf(page), text).to.match(new RegExp(`^#+ ${heading}$`, "m"));
            }
        }
    });
});
