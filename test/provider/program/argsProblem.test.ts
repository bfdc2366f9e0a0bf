import { Output, asset, output, secret } from "@pulumi/pulumi";
import { expect } from "chai";
import { argsProblem } from "../../../provider/program/argsProblem";

const args = { instanceId: "i-12345678", quiesce: { method: "none" } };

describe("arguments that Pulumi would not pass on as they were meant", () => {
    it("are none where all is plain, or an Output or a Promise", () => {
        for (const fine of [
            args,
            Object.create(null),
            { ...args, tags: output({ a: "b" }), triggers: [1, null, undefined, true, { a: ["b"] }] },
            { ...args, quiesce: Promise.resolve(args.quiesce), triggers: [output(new Date(0)), secret("x")] },
        ]) {
            expect(argsProblem(fine)).to.equal(undefined);
        }
    });

    const SPREAD =
        "an Output that was spread ({ ...output }), which has none of its values; " +
        "use output.apply((value) => ({ ...value })) instead.";
    const self: Record<string, unknown> = {};
    self["again"] = { self };
    const rows: [what: string, given: unknown, problem: string][] = [
        [
            "nothing",
            undefined,
            "its inputs must be a plain object, such as { instanceId: ... }; Outputs and Promises may only stand inside of it.",
        ],
        ...[output(args), secret(args), Promise.resolve(args), [args], "text", null].map(
            (given): [string, unknown, string] => [
                Output.isInstance(given) ? "an Output" : JSON.stringify(given),
                given,
                "its inputs must be a plain object, such as { instanceId: ... }; Outputs and Promises may only stand inside of it.",
            ],
        ),
        ["an Output that was spread", { ...output(args) }, `its inputs are ${SPREAD}`],
        [
            "an Output that was spread, inside",
            { ...args, quiesce: { ...output(args.quiesce), method: "none" } },
            `\`quiesce\` is ${SPREAD}`,
        ],
        [
            "a recipe that was not called",
            { ...args, quiesce: { method: "hooks", scripts: () => undefined } },
            "`quiesce.scripts` is a function; call it, such as recipes.fileSystems([...]).",
        ],
        [
            "a Date",
            { ...args, triggers: ["a", new Date(0)] },
            "`triggers[1]` is a Date, of which nothing would be stored; give a string, such as date.toISOString().",
        ],
        [
            "a Map",
            { ...args, tags: new Map([["a", "b"]]) },
            "`tags` is a Map or a Set, of which nothing would be stored; give a plain object or a list.",
        ],
        [
            "bytes",
            { ...args, quiesce: { connection: { privateKey: Buffer.from("key") } } },
            '`quiesce.connection.privateKey` is bytes; give a string, such as fs.readFileSync(path, "utf8").',
        ],
        [
            "an Asset",
            { ...args, quiesce: { scripts: { preFreeze: { script: new asset.StringAsset("exit 0") } } } },
            '`quiesce.scripts.preFreeze.script` is an Asset; give a string, such as fs.readFileSync(path, "utf8").',
        ],
        [
            "a bigint",
            { ...args, triggers: [1n] },
            "`triggers[0]` is a bigint, which cannot be stored; give a string or a number.",
        ],
        [
            "an object inside of itself",
            { ...args, triggers: [self] },
            "`triggers[0].again.self` is an object that has itself inside, which cannot be stored.",
        ],
        [
            "an option",
            { ...args, protect: true },
            "`protect` is an option of resources, and no input; give it in the argument behind the inputs, { protect: ... }.",
        ],
    ];
    for (const [what, given, problem] of rows) {
        it(`are named: ${what}`, () => expect(argsProblem(given)).to.equal(problem));
    }
});
