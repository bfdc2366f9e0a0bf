import { expect } from "chai";
import fc from "fast-check";
import { type Rotation, rotateLabels } from "../../components/rotateLabels";

const labels = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$/);
const lists = fc.uniqueArray(labels, { maxLength: 12 });
const keeps = fc.integer({ min: 1, max: 10 });

describe("rotation of recovery points", () => {
    const rows: [what: string, rotation: Rotation, labels: string[], taking?: string][] = [
        ["the first run without a label", { previous: [], keep: 3 }, []],
        ["the first night", { previous: [], run: "a", keep: 3 }, ["a"], "a"],
        ["a night", { previous: ["a"], run: "b", keep: 3 }, ["a", "b"], "b"],
        [
            "a night that drops the oldest",
            { previous: ["a", "b", "c"], run: "d", keep: 3 },
            ["b", "c", "d"],
            "d",
        ],
        ["keeping one", { previous: ["a"], run: "b", keep: 1 }, ["b"], "b"],
        ["no label: nothing changes", { previous: ["a", "b"], keep: 3 }, ["a", "b"]],
        [
            "an empty label: nothing changes",
            { previous: ["a", "b"], run: "", pin: "", drop: "", keep: 3 },
            ["a", "b"],
        ],
        ["a label that exists", { previous: ["a", "b"], run: "a", keep: 3 }, ["a", "b"]],
        [
            "a smaller keep and the label of an old one",
            { previous: ["a", "b", "c"], run: "a", keep: 2 },
            ["a", "c"],
        ],
        ["a smaller keep", { previous: ["a", "b", "c"], keep: 2 }, ["b", "c"]],
        ["an active point: no new one", { previous: ["a", "b"], run: "c", pin: "a", keep: 2 }, ["a", "b"]],
        ["an active point and a smaller keep", { previous: ["a", "b", "c"], pin: "a", keep: 2 }, ["a", "c"]],
        ["an active point and room for it only", { previous: ["a", "b", "c"], pin: "b", keep: 1 }, ["b"]],
        ["a point to be rid of", { previous: ["a", "b"], drop: "a", keep: 3 }, ["b"]],
        [
            "a night with one to be rid of",
            { previous: ["a", "b"], run: "c", drop: "b", keep: 3 },
            ["a", "c"],
            "c",
        ],
        ["one to be rid of that is gone", { previous: ["a"], drop: "x", keep: 3 }, ["a"]],
        [
            "taking one anew on purpose",
            { previous: ["a", "b"], run: "b", drop: "b", keep: 3 },
            ["a", "b"],
            "b",
        ],
    ];
    for (const [what, rotation, kept, taking] of rows) {
        it(what, () => {
            expect(rotateLabels(rotation)).to.deep.equal(
                taking === undefined ? { labels: kept } : { labels: kept, taking },
            );
        });
    }

    for (const [what, rotation, text] of [
        [
            "a keep of 0",
            { previous: [], keep: 0 },
            /^recoveryPoints: `keep` must be a whole number, 1 or more, not 0$/,
        ],
        ["a keep of a half", { previous: [], keep: 1.5 }, /^recoveryPoints: `keep` must be/],
        ["a keep that is no number", { previous: [], keep: Number("x") }, /^recoveryPoints: `keep` must be/],
        [
            "a label with a colon",
            { previous: [], run: "02:00", keep: 1 },
            /^recoveryPoints: "02:00" is not a label/,
        ],
        ["a label that is too long", { previous: [], run: "x".repeat(41), keep: 1 }, /is not a label/],
        ["a bad label in the list", { previous: ["a b"], keep: 1 }, /^recoveryPoints: "a b" is not a label/],
        [
            "a label twice in the list",
            { previous: ["a", "b", "a"], keep: 3 },
            /^recoveryPoints: the list of labels has "a" twice$/,
        ],
        [
            "an active point that is none",
            { previous: ["a", "b"], pin: "c", keep: 2 },
            /^recoveryPoints: `pin`: there is no recovery point "c"; there are a, b$/,
        ],
        [
            "an active point before there is one",
            { previous: [], run: "a", pin: "a", keep: 2 },
            /"a"; there is none yet$/,
        ],
        [
            "an active point that is dropped",
            { previous: ["a"], pin: "a", drop: "a", keep: 2 },
            /"a"; there is none yet$/,
        ],
    ] as [string, Rotation, RegExp][]) {
        it(`refuses ${what}`, () => {
            expect(() => rotateLabels(rotation)).to.throw(text);
        });
    }

    /** A list, and a label that may be one of it. */
    const nights = lists.chain((previous) =>
        fc.record({
            previous: fc.constant(previous),
            run: fc.option(previous.length > 0 ? fc.oneof(labels, fc.constantFrom(...previous)) : labels, {
                nil: undefined,
            }),
            keep: keeps,
        }),
    );

    it("keeps at most `keep`, the newest, in their order, and never one that was not there", () => {
        fc.assert(
            fc.property(nights, ({ previous, run, keep }) => {
                const { labels: kept, taking } = rotateLabels({ previous, run, keep });
                const all = taking === undefined ? previous : [...previous, taking];
                expect(taking).to.equal(run !== undefined && !previous.includes(run) ? run : undefined);
                expect(all.filter((label) => kept.includes(label))).to.deep.equal(kept);
                expect(kept).to.have.length(Math.min(keep, all.length));
                const dropped = all.filter((label) => !kept.includes(label));
                const others = kept.filter((label) => label !== run);
                expect([...dropped, ...others]).to.deep.equal(all.filter((label) => label !== run));
            }),
        );
    });

    it("never drops the active one, and takes none meanwhile", () => {
        fc.assert(
            fc.property(
                lists.filter(({ length }) => length > 0),
                labels,
                keeps,
                fc.nat(),
                (previous, run, keep, at) => {
                    const pin = previous[at % previous.length]!;
                    const { labels: kept, taking } = rotateLabels({ previous, run, keep, pin });
                    expect(taking).to.equal(undefined);
                    expect(kept).to.include(pin);
                    expect(kept.length).to.be.at.most(keep);
                    expect(previous.filter((label) => kept.includes(label))).to.deep.equal(kept);
                },
            ),
        );
    });

    it("is settled after one run: running again changes nothing, and takes nothing again", () => {
        fc.assert(
            fc.property(nights, ({ previous, run, keep }) => {
                const { labels: kept } = rotateLabels({ previous, run, keep });
                expect(rotateLabels({ previous: kept, run, keep })).to.deep.equal({ labels: kept });
            }),
        );
    });
});
