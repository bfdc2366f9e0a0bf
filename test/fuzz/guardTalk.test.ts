import { assert } from "chai";
import fc from "fast-check";
import { hold } from "../../provider/quiesce/hooks/hold";
import { QuiesceError } from "../../provider/quiesce/quiesceError";
import { type Talk, sessionWith } from "./guardTalk";
import { holdSettings } from "../../lab/scenes/holdSettings";

const LINES = [
    "refused HOST_BUSY acs-2 i-1",
    "recovered acs-0 0",
    "ready dmi b-1",
    "freezing",
    "frozen",
    "unfrozen 1",
    "unfrozen eof",
    "unfrozen silent",
    "releasing asked",
    "releasing eof",
    "releasing silent",
    "releasing expired",
    "releasing lost",
    "releasing unheld",
    "thawed 0",
    "thawed 205",
    "thawed 1",
    "thawed lost",
    "output post aGk=",
    "cleaned ok",
    "cleaned failed /run/x",
    "gone dmi b-1",
];
const FREEZE = ["freezing", "frozen"];
const RELEASE = ["releasing asked", "thawed 0", "cleaned ok"];
const RELEASE_UNHELD = ["releasing unheld", "thawed 0", "cleaned ok"];
/** The line by which a guard says that it lets go, and why. */
const LET_GO = /^releasing (asked|eof|silent|expired|lost|unheld)( |$)/;

/** A line of the protocol with something in it replaced, or anything at all. */
const line = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...LINES) },
    {
        weight: 2,
        arbitrary: fc
            .tuple(fc.constantFrom(...LINES), fc.nat(20), fc.string({ maxLength: 3 }))
            .map(([text, at, put]) => text.slice(0, at) + put + text.slice(at + 1)),
    },
    { weight: 1, arbitrary: fc.string({ unit: "binary" }) },
);

/** What is usual here, with a few lines added and left out. */
const near = (usual: readonly string[]): fc.Arbitrary<string[]> =>
    fc
        .tuple(fc.subarray([...usual], { minLength: usual.length - 1 }), fc.array(fc.tuple(fc.nat(3), line)))
        .map(([kept, added]) => {
            const lines = [...kept];
            for (const [at, text] of added.slice(0, 2)) {
                lines.splice(at, 0, text);
            }
            return lines;
        });

const phase = (usual: readonly string[]): fc.Arbitrary<string> =>
    fc
        .oneof(
            { weight: 3, arbitrary: fc.constant([...usual]) },
            { weight: 3, arbitrary: near(usual) },
            { weight: 1, arbitrary: fc.array(line) },
        )
        .chain((lines) => fc.constantFrom("\n", "\n", "\n", "").map((end) => lines.join("\n") + end));

interface Said {
    readonly first: string;
    readonly onFreeze: string;
    readonly onRelease: string;
    /** Where the bytes are cut into pieces. */
    readonly cut: number;
}

const said: fc.Arbitrary<Said> = fc.record({
    first: fc.oneof({ weight: 4, arbitrary: fc.constant("") }, { weight: 1, arbitrary: phase(FREEZE) }),
    onFreeze: phase(FREEZE),
    onRelease: fc.oneof(
        { weight: 3, arbitrary: phase(RELEASE) },
        { weight: 2, arbitrary: phase(RELEASE_UNHELD) },
    ),
    cut: fc.integer({ min: 1, max: 30 }),
});

function talkOf({ first, onFreeze, onRelease, cut }: Said): Talk {
    const pieces = (text: string): Buffer[] => {
        const bytes = Buffer.from(text);
        const count = Math.ceil(bytes.length / cut);
        return Array.from({ length: count }, (_, at) => bytes.subarray(at * cut, (at + 1) * cut));
    };
    return { first: pieces(first), onFreeze: pieces(onFreeze), onRelease: pieces(onRelease) };
}

/** Lines by the phase in which their end came. */
function linesIn({ first, onFreeze, onRelease }: Said): [string[], string[], string[]] {
    const [before, afterBefore] = complete(first);
    const [during, afterDuring] = complete(afterBefore + onFreeze);
    return [before, during, (afterDuring + onRelease).split("\n")];
}

function complete(text: string): [lines: string[], rest: string] {
    const lines = text.split("\n");
    const rest = lines.pop() ?? "";
    return [lines, rest];
}

interface Claims {
    /** The hold resolved: pre-freeze is said to have succeeded. */
    readonly frozen: boolean;
    readonly held: boolean;
    readonly awake: boolean;
}

async function claimsOf(what: Said): Promise<Claims> {
    const guard = await sessionWith(talkOf(what));
    try {
        const held = await hold(guard, holdSettings({ proveAwake: () => Promise.resolve({}) }));
        const { awake, evidence } = await held.release();
        return { frozen: true, held: evidence.held, awake };
    } catch (error) {
        assert.instanceOf(error, QuiesceError);
        return { frozen: false, held: false, awake: error.froze && error.awake };
    }
}

describe("a guard that says anything", function () {
    this.timeout(120_000);

    it("is believed only what it can have known when it said it", async () => {
        const counts = { frozen: 0, held: 0, awake: 0, unheld: 0 };
        await fc.assert(
            fc.asyncProperty(said, async (what) => {
                const claims = await claimsOf(what);
                const [before, during, after] = linesIn(what);
                // Its last line may end with the stream.
                const beforeRelease = what.first + what.onFreeze;
                if (claims.frozen) {
                    assert.deepEqual(before, [], "spoke before it was asked");
                    assert.match(beforeRelease, /^(freezing( .*)?\n)+frozen( |\n|$)/);
                }
                const letGo = [...during, ...after].find((one) => LET_GO.test(one)) ?? "";
                if (claims.held) {
                    assert.isUndefined(
                        during.find((one) => LET_GO.test(one)),
                        "let go before it was asked",
                    );
                    assert.match(letGo, /^releasing asked( |$)/);
                }
                const unheld = claims.frozen && /^releasing unheld( |$)/.test(letGo);
                if (unheld) {
                    assert.isFalse(claims.held, "held, though its scripts say that they did not hold");
                }
                counts.unheld += unheld ? 1 : 0;
                if (claims.awake) {
                    const thawed = /^thawed (0{1,3}|205)( |$)/m;
                    assert.isTrue(thawed.test(beforeRelease) || thawed.test(beforeRelease + what.onRelease));
                }
                for (const claim of ["frozen", "held", "awake"] as const) {
                    counts[claim] += claims[claim] ? 1 : 0;
                }
            }),
            { numRuns: 1_000 },
        );
        // Else nothing was tried.
        for (const [claim, count] of Object.entries(counts)) {
            assert.isAbove(count, 50, claim);
            assert.isBelow(count, 950, claim);
        }
    });
});
