import { expect } from "chai";
import { checkGroupInputs } from "../../../provider/inputs/checkGroup";

const connection = { host: "10.0.0.1", user: "u", password: "hunter2", insecureIgnoreHostKey: true };
const hooks = { method: "hooks", connection };
const db = { instanceId: "i-0123456789abcdef0", quiesce: hooks };
const app = { instanceId: "i-0123456789abcdef1", quiesce: hooks };
const many = (count: number) =>
    Object.fromEntries(
        Array.from({ length: count }, (_, index) => [
            `m${index}`,
            { ...db, instanceId: `i-0123456789abcde${String(index).padStart(2, "0")}` },
        ]),
    );

describe("checkGroupInputs", () => {
    const rows: [string, object, [string, string | RegExp][]][] = [
        ["a group", { members: { db, app } }, []],
        ["ten members", { members: many(10) }, []],
        ["no members", {}, [["members", /^is required; give a map of 2 to 10 names/]]],
        ["one member", { members: { db } }, [["members", "needs 2 to 10 members"]]],
        ["eleven members", { members: many(11) }, [["members", "needs 2 to 10 members"]]],
        [
            "the same instance twice",
            { members: { db, app: { ...app, instanceId: db.instanceId } } },
            [["members.app.instanceId", `"${db.instanceId}" is also the instance of the member "db"`]],
        ],
        [
            "a member of vss",
            { members: { db, app: { ...app, quiesce: { method: "vss" } } } },
            [["members.app.quiesce.method", /^must be "hooks", because only scripts can hold a freeze/]],
        ],
        [
            "a member of none",
            { members: { db, app: { ...app, quiesce: { method: "none" } } } },
            [["members.app.quiesce.method", /^must be "hooks"/]],
        ],
        [
            "a member in another region",
            { members: { db, app: { ...app, aws: { region: "eu-west-1" } } } },
            [["members.app.aws", /^is not an input here; its place is aws$/]],
        ],
        [
            "what one of them lacks",
            { members: { db, app: { ...app, quiesce: { method: "hooks" } } } },
            [["members.app.quiesce.connection", /^is required/]],
        ],
        [
            "what is wrong for all is said once",
            { members: { db, app }, timeouts: { freeze: 500 } },
            [["timeouts.freeze", /^500 must be a number of seconds, 1 to 120/]],
        ],
        [
            "a name that is Pulumi's own",
            { members: { db, ["__app"]: app } },
            [["members.__app", /and not begin with __$/]],
        ],
        ["a bad name", { members: { db, "a b": app } }, [['members["a b"]', /must be 1 to 64 letters/]]],
    ];
    for (const [title, inputs, expected] of rows) {
        it(title, () => {
            const failures = checkGroupInputs(inputs as Record<string, unknown>, {});
            expect(failures.map(({ property }) => property)).to.deep.equal(
                expected.map(([property]) => property),
            );
            expected.forEach(([, reason], index) => {
                const said = failures[index]?.reason ?? "";
                expect(said).to.match(typeof reason === "string" ? new RegExp(`^${reason}$`) : reason);
            });
            expect(JSON.stringify(failures)).not.to.include("hunter2");
        });
    }
});
