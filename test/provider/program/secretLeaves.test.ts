import { Output, isSecret, output, secret } from "@pulumi/pulumi";
import { expect } from "chai";
import type { AppConsistentSnapshotArgs } from "../../../provider/program/appConsistentSnapshot";
import { secretLeaves } from "../../../provider/program/secretLeaves";

const SECRETS = [
    "quiesce.connection.password",
    "quiesce.connection.privateKey",
    "quiesce.connection.privateKeyPassword",
    "quiesce.connection.proxy.password",
    "quiesce.connection.proxy.privateKey",
    "quiesce.connection.proxy.privateKeyPassword",
    "quiesce.scripts.preFreeze.script",
    "quiesce.scripts.postThaw.script",
    "quiesce.environment.PGPASSWORD",
    "quiesce.environment.PLAIN",
];

const target = {
    host: "h",
    user: "u",
    password: "p",
    privateKey: "k",
    privateKeyPassword: "w",
    hostKey: "x",
};
const args: AppConsistentSnapshotArgs = {
    instanceId: "i-12345678",
    quiesce: {
        method: "hooks",
        connection: { ...target, proxy: target },
        scripts: { preFreeze: { script: "a" }, postThaw: { script: "b" }, level: "filesystem" },
        environment: { PGPASSWORD: "secret", PLAIN: output("x") },
        sudo: true,
    },
    tags: { Name: "n" },
};

const KNOWN = ["instanceId", "quiesce", "tags"];
const secretLeavesOf = <Args extends object>(given: Args): Args => secretLeaves(given, KNOWN);

describe("secretLeaves", () => {
    it("marks every secret leaf, and nothing else", async () => {
        expect((await secretsOf(secretLeavesOf(args))).sort()).to.deep.equal([...SECRETS].sort());
    });

    it("keeps the values", async () => {
        const marked = await valueOf(secretLeavesOf(args));
        expect(marked).to.deep.equal(await valueOf(args));
    });

    it("leaves the program's own object as it was", () => {
        secretLeavesOf(args);
        expect(args.quiesce).to.have.nested.property("connection.password", "p");
    });

    it("adds nothing that is not there", () => {
        const few: AppConsistentSnapshotArgs = {
            instanceId: "i-12345678",
            quiesce: { method: "hooks", connection: { host: "h", user: "u" } },
        };
        expect(secretLeavesOf(few)).to.deep.equal(few);
        expect(secretLeavesOf({ instanceId: "i", quiesce: { method: "none" } })).to.deep.equal({
            instanceId: "i",
            quiesce: { method: "none" },
        });
    });

    it("marks what is no input, as it may be a secret in a wrong place", async () => {
        const odd = { ...args, Quiesce: args.quiesce, privateKey: "k", absent: undefined, none: null };
        expect((await secretsOf(secretLeavesOf(odd))).sort()).to.deep.equal(
            [...SECRETS, "Quiesce", "privateKey"].sort(),
        );
        expect(await valueOf(secretLeavesOf(odd))).to.deep.equal(await valueOf(odd));
    });

    describe("where something else stands in the place of an object", () => {
        const whole = {
            host: "h",
            privateKey: "k",
            script: "s",
            method: "hooks",
            connection: { privateKey: "k" },
        };
        /** An Output has its value's properties as Outputs of their own, so that TypeScript takes some of these. */
        const stand: [what: string, make: () => unknown][] = [
            ["an Output", () => output(whole)],
            ["an Output of an Output", () => output(output(whole))],
            ["a property of an Output", () => output({ inner: whole }).inner],
            ["an Output of an array", () => output([whole])],
            ["an array of Outputs", () => [output(whole)]],
            ["a secret Output", () => secret(whole)],
            ["a Promise", () => Promise.resolve(whole)],
            ["a Promise of an Output", () => Promise.resolve(output(whole))],
            ["a text", () => "-----BEGIN OPENSSH PRIVATE KEY-----"],
            ["a number", () => 4711],
            ["bytes in a list", () => [Buffer.from("key")]],
        ];
        const places = [
            "quiesce",
            "quiesce.connection",
            "quiesce.connection.proxy",
            "quiesce.scripts",
            "quiesce.scripts.preFreeze",
            "quiesce.scripts.postThaw",
            "quiesce.environment",
            ...SECRETS,
        ];
        for (const [what, make] of stand) {
            it(`the whole of ${what} is marked`, async () => {
                for (const place of places) {
                    const marked = secretLeavesOf(withAt(args, place, make()));
                    const others = SECRETS.filter((one) => one !== place && !one.startsWith(`${place}.`));
                    expect((await secretsOf(marked)).sort(), place).to.deep.equal([...others, place].sort());
                    const [value, original] = await Promise.all([valueAt(marked, place), valueOf(make())]);
                    expect(value, place).to.deep.equal(original);
                }
            });
        }

        it("null is left as it is", () => {
            for (const place of places) {
                const odd = withAt({ instanceId: "i-12345678" } as never, place, null);
                expect(secretLeavesOf(odd), place).to.deep.equal(odd);
            }
        });
    });
});

/** The arguments with another value at a path. */
function withAt(value: AppConsistentSnapshotArgs, path: string, inner: unknown): AppConsistentSnapshotArgs {
    const [key = "", ...rest] = path.split(".");
    const inside = (value as unknown as Record<string, unknown>)[key] ?? {};
    const changed = rest.length === 0 ? inner : withAt(inside as never, rest.join("."), inner);
    return { ...value, [key]: changed };
}

async function valueAt(value: unknown, path: string): Promise<unknown> {
    return await valueOf(
        path.split(".").reduce((here, key) => (here as Record<string, unknown>)[key], value),
    );
}

/** With nothing left of Outputs and Promises, in lists either. */
async function valueOf(value: unknown): Promise<unknown> {
    return await new Promise((resolve) => output(value as object).apply(resolve));
}

async function secretsOf(value: unknown, at = ""): Promise<string[]> {
    if (Output.isInstance(value)) {
        return (await isSecret(value)) ? [at] : [];
    }
    const found = await Promise.all(
        entriesOf(value).map(([key, inner]) => secretsOf(inner, at === "" ? key : `${at}.${key}`)),
    );
    return found.flat();
}

function entriesOf(value: unknown): [string, unknown][] {
    return typeof value === "object" && value !== null ? Object.entries(value) : [];
}
