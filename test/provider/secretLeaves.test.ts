import { Output, isSecret, output, secret } from "@pulumi/pulumi";
import { expect } from "chai";
import type { AppConsistentSnapshotArgs } from "../../provider/appConsistentSnapshot";
import { secretLeaves } from "../../provider/secretLeaves";

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

describe("secretLeaves", () => {
    it("marks every secret leaf, and nothing else", async () => {
        expect((await secretsOf(secretLeaves(args))).sort()).to.deep.equal([...SECRETS].sort());
    });

    it("keeps the values", async () => {
        const marked = await valuesOf(secretLeaves(args));
        expect(marked).to.deep.equal(await valuesOf(args));
    });

    it("leaves the program's own object as it was", () => {
        secretLeaves(args);
        expect(args.quiesce).to.have.nested.property("connection.password", "p");
    });

    it("adds nothing that is not there", () => {
        const few: AppConsistentSnapshotArgs = {
            instanceId: "i-12345678",
            quiesce: { method: "hooks", connection: { host: "h", user: "u" } },
        };
        expect(secretLeaves(few)).to.deep.equal(few);
        expect(secretLeaves({ instanceId: "i", quiesce: { method: "none" } })).to.deep.equal({
            instanceId: "i",
            quiesce: { method: "none" },
        });
    });

    it("leaves alone what is no plain object", () => {
        const whole = secret({ host: "h" });
        for (const quiesce of [
            whole,
            "text",
            null,
            undefined,
            ["x"],
            { method: "hooks", connection: whole },
        ]) {
            const odd = { instanceId: "i", quiesce } as never;
            expect(secretLeaves(odd)).to.deep.equal(odd);
        }
    });
});

async function secretsOf(value: unknown, at = ""): Promise<string[]> {
    if (Output.isInstance(value)) {
        return (await isSecret(value)) ? [at] : [];
    }
    const found = await Promise.all(
        entriesOf(value).map(([key, inner]) => secretsOf(inner, at === "" ? key : `${at}.${key}`)),
    );
    return found.flat();
}

async function valuesOf(value: unknown): Promise<unknown> {
    if (Output.isInstance(value)) {
        return await new Promise((resolve) => value.apply(resolve));
    }
    if (typeof value !== "object" || value === null) {
        return value;
    }
    const entries = await Promise.all(
        entriesOf(value).map(async ([key, inner]) => [key, await valuesOf(inner)] as const),
    );
    return Object.fromEntries(entries);
}

function entriesOf(value: unknown): [string, unknown][] {
    return typeof value === "object" && value !== null ? Object.entries(value) : [];
}
