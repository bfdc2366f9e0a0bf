import { expect } from "chai";
import { secretTable, secretsIn, unknownParts } from "../../../provider/base/secretTable";

const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

const target = {
    host: "h",
    user: "u",
    password: "p",
    privateKey: "k",
    privateKeyPassword: "w",
    hostKey: "x",
};
const quiesce = {
    method: "hooks",
    connection: {
        ...target,
        proxy: { ...target, password: "p2", privateKey: "", privateKeyPassword: undefined },
    },
    scripts: { preFreeze: { script: "a" }, postThaw: { path: "/b" }, level: "filesystem" },
    environment: { PGPASSWORD: "e1", PLAIN: "e2" },
};

describe("the table of secrets", () => {
    it("finds what is to be masked, and scripts as such", () => {
        expect(secretsIn(secretTable, { quiesce, tags: { password: "no secret" } })).to.have.deep.members([
            "p",
            "k",
            "w",
            "p2",
            "e1",
            "e2",
            { script: "a" },
        ]);
        expect(secretsIn(secretTable.quiesce.connection, target)).to.have.members(["p", "k", "w"]);
    });

    it("finds nothing where there is nothing, or no text", () => {
        for (const odd of [
            undefined,
            null,
            "text",
            1,
            [],
            {},
            { connection: "text" },
            { environment: { A: 1 } },
        ]) {
            expect(secretsIn(secretTable.quiesce, odd)).to.deep.equal([]);
        }
    });

    const unknown: [inputs: unknown, paths: string[]][] = [
        [{ quiesce }, []],
        [{ quiesce: UNKNOWN }, ["quiesce"]],
        [{ quiesce: { ...quiesce, connection: UNKNOWN } }, ["quiesce.connection"]],
        [{ quiesce: { connection: { ...target, proxy: UNKNOWN } } }, ["quiesce.connection.proxy"]],
        [{ quiesce: { scripts: UNKNOWN, environment: UNKNOWN } }, ["quiesce.scripts", "quiesce.environment"]],
        [{ quiesce: { scripts: { preFreeze: UNKNOWN } } }, ["quiesce.scripts.preFreeze"]],
        // What can be checked without them is checked.
        [
            { quiesce: { connection: { host: UNKNOWN, privateKey: UNKNOWN }, environment: { A: UNKNOWN } } },
            [],
        ],
        [{ instanceId: UNKNOWN, quiesce: { method: UNKNOWN } }, []],
        [{ quiesce: null }, []],
        [{}, []],
    ];
    for (const [inputs, paths] of unknown) {
        it(`says what is not known as a whole: ${paths.join(", ") || "nothing"}`, () => {
            expect(unknownParts(inputs)).to.deep.equal(paths);
        });
    }
});
