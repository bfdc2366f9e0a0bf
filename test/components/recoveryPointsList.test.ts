import { RunError, unknown } from "@pulumi/pulumi";
import { expect } from "chai";
import { type HeldSet, type Known, listOfLastRun } from "../../components/recoveryPointsList";

const KEY = "recoveryPoints";

const set = (name: string, instanceId: string, day = name.replace(/\D/g, "")): HeldSet => ({
    name,
    instanceId,
    startTime: `2026-11-0${day}T02:17:00Z`,
});
const TWO_NIGHTS = [set("db-2", "i-a"), set("db-1", "i-a")];
const ONE_NIGHT = [set("db-1", "i-a"), set("web-1", "i-b")];
const ONE_TEXT = /Sets in this stack's state, oldest first: db-1 \(2026-11-01T02:17:00Z\), db-2 \(2026-11-02/;

async function read(known: Partial<Known> & { held?: HeldSet[] }): Promise<readonly string[] | string> {
    const { held = [], ...rest } = known;
    try {
        return await listOfLastRun({
            key: KEY,
            outputs: {},
            heldSets: () => Promise.resolve(held),
            ...rest,
        });
    } catch (error) {
        expect(RunError.isInstance(error), String(error)).to.equal(true);
        return String(error);
    }
}

describe("the list of recovery points of the last run", () => {
    const rows: [what: string, known: Parameters<typeof read>[0], list: string[]][] = [
        ["a list", { outputs: { [KEY]: ["a", "b"] } }, ["a", "b"]],
        ["an empty list", { outputs: { [KEY]: [] }, held: TWO_NIGHTS }, []],
        ["a list beside an output that is not known", { outputs: { [KEY]: ["a"], other: unknown } }, ["a"]],
        [
            "a list, and one that the program gives: the stack's own",
            { outputs: { [KEY]: ["a"] }, given: ["x"] },
            ["a"],
        ],
        ["an empty list, and one that the program gives", { outputs: { [KEY]: [] }, given: ["x"] }, []],
        ["none at the first run", {}, []],
        ["none yet in a stack that has other outputs", { outputs: { url: "http" } }, []],
        ["none after a first night that failed, of two servers", { held: ONE_NIGHT }, []],
        ["none, and one that the program gives", { given: ["x"], held: TWO_NIGHTS }, ["x"]],
        ["none, and an empty one that the program gives", { given: [], held: TWO_NIGHTS }, []],
        [
            "one that is not known, and one that the program gives",
            { outputs: { [KEY]: unknown }, given: ["x"] },
            ["x"],
        ],
        ["what is no list, and one that the program gives", { outputs: { [KEY]: "a" }, given: ["x"] }, ["x"]],
    ];
    for (const [what, known, list] of rows) {
        it(what, async () => {
            expect(await read(known)).to.deep.equal(list);
        });
    }

    const refusals: [what: string, known: Parameters<typeof read>[0], text: RegExp][] = [
        [
            "a list that is not known",
            { outputs: { [KEY]: unknown } },
            /`recoveryPoints` of this stack is not known/,
        ],
        // So do SDKs before 3.276 read it.
        ["a list that is there, without a value", { outputs: { [KEY]: undefined } }, /is not known/],
        ["a list with a label that is not known", { outputs: { [KEY]: ["a", unknown] } }, /is not a list/],
        ["null", { outputs: { [KEY]: null } }, /is not a list of recovery points/],
        ["a text", { outputs: { [KEY]: "a" } }, /is not a list of recovery points/],
        ["numbers", { outputs: { [KEY]: [1] } }, /is not a list of recovery points/],
        ["no list beside sets of two nights", { held: TWO_NIGHTS }, /is missing, though .* several nights/],
        [
            "outputs that are not known",
            { outputs: unknown, given: ["x"] },
            /outputs of this stack cannot be read/,
        ],
        ["no outputs at all", { outputs: undefined, given: ["x"] }, /outputs of this stack cannot be read/],
    ];
    for (const [what, known, text] of refusals) {
        it(`refuses ${what}`, async () => {
            expect(await read(known)).to.match(text);
        });
    }

    it("names the sets that there are and the way back", async () => {
        const refusal = await read({ outputs: { [KEY]: unknown }, held: TWO_NIGHTS });
        expect(refusal)
            .to.match(ONE_TEXT)
            .and.match(/Give recoveryPoints `labels`/);
        expect(await read({ outputs: { [KEY]: unknown } })).to.match(/oldest first: none\./);
    });

    it("does not read the stack's state where the outputs say enough", async () => {
        const heldSets = (): Promise<never> => expect.fail("read");
        expect(await read({ outputs: { [KEY]: ["a"] }, heldSets })).to.deep.equal(["a"]);
        expect(await read({ given: ["a"], heldSets })).to.deep.equal(["a"]);
    });
});
