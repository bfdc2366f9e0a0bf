import { expect } from "chai";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as recipes from "../recipes";
import { GRACE_MS } from "../provider/aws/earlierSets";
import { LEASE_MS } from "../provider/aws/setTags";
import { reasonCodes, unprovenReasons, unquiescedReasons } from "../provider/base/errors";
import { timing } from "../provider/base/timing";
import {
    limits,
    longestFreeze,
    longestThaw,
    roleSessionLimit,
    timeoutsOf,
    waitLimit,
} from "../provider/inputs/timeouts";
import { AT_ONCE } from "../provider/run/turn";
import { allFigures, hashOf, sentenceOf } from "../tools/figures/measured";
import { ROOT } from "../lab/engine/engine";
import { README, sectionOf, textOf } from "./pages";

interface Package {
    readonly devDependencies: Readonly<Record<string, string>>;
    readonly engines: { readonly node: string };
    readonly peerDependencies: Readonly<Record<string, string>>;
}
const { engines, peerDependencies, devDependencies } = JSON.parse(
    readFileSync(join(ROOT, "package.json"), "utf8"),
) as Package;
const leastOf = (range = "") => /\d+\.\d+/.exec(range)?.[0] ?? "none";

const majorOf = (range = "") => /\d+/.exec(range)?.[0] ?? "none";

/** What the tests run with. */
function installedMinor(name: string): string {
    const text = readFileSync(join(ROOT, "node_modules", name, "package.json"), "utf8");
    return leastOf((JSON.parse(text) as { version: string }).version);
}

/** The release of Pulumi's CLI that the set-up builds where none is installed. */
function builtEngine(): string {
    const goMod = readFileSync(join(ROOT, "lab/setup/engine/cli/go.mod"), "utf8");
    return leastOf(/pulumi\/pkg\/v3 (v\S+)/.exec(goMod)?.[1]);
}

/** Which page each of the figures in docs/figures.json is on. */
const PAGE_OF = {
    "prove-50": "docs/proof.md",
    "prove-20": "docs/proof.md",
    chaos: "docs/chaos.md",
    bench: "docs/performance.md",
    scale: "docs/performance.md",
    reach: "docs/reach.md",
    startup: "docs/performance.md",
    vss: "docs/windows.md",
    groups: "docs/groups.md",
};

/** Without line ends, so that a sentence is found wherever it is broken. */
const flat = (text: string) => text.replace(/\s+/g, " ");
const seconds = (milliseconds: number) => milliseconds / 1000;

/** The value of an assignment in the text that a recipe runs. */
function shellValue(name: string): string {
    const { script } = recipes.fileSystems(["/data"]).preFreeze;
    return new RegExp(`^${name}=(\\d+)$`, "m").exec(script)?.[1] ?? "none";
}

function longestFreezeFormula(): string {
    const pauses = longestThaw({ postThaw: 0 });
    const tries = longestThaw({ postThaw: 1 }) - pauses;
    return `preFreeze + freeze + ${tries} × (postThaw + ${pauses / tries})`;
}

/** Numbers in a table of performance.md, by the start of its first row. */
function rowsOf(page: string, head: string): number[][] {
    const table = textOf(page)
        .split("\n\n")
        .find((part) => part.startsWith(`| ${head}`));
    const rows = (table ?? "").trimEnd().split("\n").slice(2);
    return rows.map((row) => [...row.matchAll(/\| ([\d.]+)/g)].map(([, value]) => Number(value)));
}

describe("what the pages state", () => {
    const stated: [page: string, statement: string][] = [
        [README, `Node.js ${leastOf(engines.node)} or newer`],
        [README, `quiesced at most ${longestFreeze(timeoutsOf({}))} s`],
        ["docs/components.md", `version ${leastOf(peerDependencies["@pulumi/aws"])} or newer`],
        ["docs/support.md", `the package allows ${leastOf(engines.node)} or newer`],
        ["docs/support.md", `| ${majorOf(devDependencies["node"])}; the package`],
        [
            "docs/support.md",
            `${installedMinor("@pulumi/pulumi")} and ${leastOf(peerDependencies["@pulumi/pulumi"])}, the oldest`,
        ],
        ["docs/support.md", `${leastOf(peerDependencies["@pulumi/aws"])} or newer`],
        ["docs/support.md", `${builtEngine()} is built`],
        ["docs/inputs.md", `\`${longestFreezeFormula()}\``],
        ["docs/inputs.md", `letting go, ${limits.freeze.least} to ${limits.freeze.most}`],
        [
            "docs/inputs.md",
            `\`durationSeconds\` is ${roleSessionLimit.least} to ${roleSessionLimit.most}; without it, STS`,
        ],
        ["docs/linux.md", `timeouts: { wait: ${waitLimit.usual} }`],
        ["docs/limits.md", `a lease of ${(LEASE_MS + GRACE_MS) / 60_000} minutes`],
        ["docs/outcomes.md", `by its tag for ${timing.visibleMs / 60_000} minutes`],
        ["docs/windows.md", `for the others up to ${seconds(timing.inUseMs)} s`],
        ["docs/windows.md", `counts as living for ${seconds(timing.betweenCommandsMs)} s`],
        ["docs/windows.md", `\`timeouts.command\` (${limits.command.usual} s)`],
        ["docs/performance.md", `or after ${seconds(timing.turnMs)} s`],
        ["recipes/README.md", `${shellValue("limit")} s at most`],
        ["recipes/README.md", `lets go after ${shellValue("longest_hold")} s`],
    ];
    for (const [page, statement] of stated) {
        it(`${page}: ${statement}`, () => {
            expect(flat(textOf(page))).to.contain(statement);
        });
    }

    it("is that so many instances begin at once", () => {
        expect(AT_ONCE).to.equal(10);
        expect(flat(textOf("docs/performance.md"))).to.contain(
            "Ten instances of one `pulumi up` begin at once",
        );
    });

    it("of levels has each reason that a set can have", () => {
        // Of `get`, and of a guard that is none when pre-freeze was asked for.
        const others = ["SNAPSHOT_LOST", "DUPLICATE_SNAPSHOTS", "UNEXPECTED_OUTPUT"] as const;
        // There is no set with it: the page says so.
        const without = ["SNAPSHOT_OUTCOME_UNKNOWN"] as const;
        const named = sectionOf("docs/levels.md", "By what happens").match(/`[A-Z]+(_[A-Z]+)*`/g) ?? [];
        const codes = named.map((code) => code.slice(1, -1)).filter((code) => code !== "THAW_PENDING");
        expect([...new Set(codes)]).to.have.members([
            ...unprovenReasons,
            ...unquiescedReasons,
            ...others,
            ...without,
        ]);
        expect(reasonCodes).to.include.members(codes);
    });

    it("of the workflow to copy, that a night can be taken again with its own label, is so", () => {
        const workflow = textOf("examples/github-actions/infrastructure.yml");
        expect(workflow).to.match(/^ {2}workflow_dispatch:\n {4}inputs:\n {6}run:$/m);
        expect(workflow).to.match(/RUN: \$\{\{ inputs\.run \}\}/);
        expect(workflow).to.contain('pulumi config set run "${RUN:-$(date -u +%F)}"');
        expect(textOf("examples/github-actions/README.md")).to.contain("label as `run`");
    });

    it("in README, of what the package adds to a freeze, is in the table", () => {
        const [, least, most] = /adds (\d+) to (\d+) ms/.exec(flat(textOf(README))) ?? [];
        const added = rowsOf("docs/performance.md", "round trip added").map(
            ([, , possible = 0, ours = 0]) => ours - possible,
        );
        expect(added).to.have.length.greaterThan(0);
        for (const milliseconds of added) {
            expect(Math.round(milliseconds)).to.be.within(Number(least), Number(most));
        }
    });

    it("has figures on a page each", () => {
        expect(Object.keys(allFigures())).to.have.members(Object.keys(PAGE_OF));
    });

    for (const [name, page] of Object.entries(PAGE_OF)) {
        it(`${page} says of which state its figures are, and what has changed since (${name})`, () => {
            const figures = allFigures()[name];
            expect(figures).not.to.equal(undefined);
            expect(flat(textOf(page))).to.contain(figures && sentenceOf(figures));
        });
    }

    it("changes when what was measured changes", () => {
        const { chaos } = allFigures();
        const now = chaos && sentenceOf(chaos, (path) => chaos.measured[path] ?? "");
        expect(now).to.match(/Changed since then: nothing of it\.$/);
        const then =
            chaos &&
            sentenceOf(chaos, (path) => (path === "recipes" ? "other" : (chaos.measured[path] ?? "")));
        expect(then).to.match(/Changed since then: `recipes`\.$/);
        expect(hashOf("recipes")).to.match(/^[0-9a-f]{64}$/);
        expect(hashOf("no-such-file")).to.equal("absent");
    });
});
