import { expect } from "chai";
import {
    type DynamicProviderServer,
    InitError,
    serializeProvider,
    startDynamicProviderServer,
} from "../../../lab/engine/dynamicProviderServer";
import { ROOT } from "../../../lab/engine/engine";

const PROVIDER = `{
    check: async (olds, news) => ({
        inputs: news,
        failures: news.greeting ? [] : [{ property: "greeting", reason: "is missing" }],
    }),
    diff: async (id, olds, news) => ({ changes: olds.greeting !== news.greeting, replaces: ["greeting"] }),
    configure: async ({ config }) => { process.env.REGION = config.get("aws:region"); },
    create: async (inputs) => {
        console.log("creating");
        if (inputs.greeting === "wait") {
            process.on("SIGINT", () => { console.log("undone"); process.exit(7); });
            console.log("waiting");
            await new Promise(() => {});
        }
        if (inputs.greeting !== "half") return { id: "the-id", outs: { region: process.env.REGION } };
        throw Object.assign(new Error("half done"), { id: "half-id", reasons: ["half done"], properties: inputs });
    },
    read: async (id, props) => ({ id, props: { ...props, seen: true } }),
    update: async (id, olds, news) => ({ outs: { ...olds, ...news } }),
    delete: async (id) => { if (id === "in use") throw new Error("still in use"); },
}`;

const failureOf = (promise: Promise<unknown>): Promise<unknown> =>
    promise.then(
        () => undefined,
        (error: unknown) => error,
    );

describe("the dynamic provider's server", () => {
    const provider = serializeProvider({ cwd: ROOT, expression: PROVIDER });
    let server: DynamicProviderServer;
    beforeEach(async () => {
        server = await startDynamicProviderServer({
            cwd: ROOT,
            provider,
            config: { "aws:region": "eu-central-1" },
        });
    });
    afterEach(() => server.close());

    it("checks, compares, creates, reads, updates and deletes", async () => {
        expect((await server.check({}, { greeting: "hello" })).failures).to.be.empty;
        expect((await server.check({}, {})).failures).to.deep.equal([
            { property: "greeting", reason: "is missing" },
        ]);
        expect(await server.diff("id", { greeting: "a" }, { greeting: "a" })).to.include({ changes: false });
        expect(await server.diff("id", { greeting: "a" }, { greeting: "b" })).to.include({ changes: true });
        expect(await server.create({ greeting: "hello" })).to.deep.equal({
            id: "the-id",
            outputs: { region: "eu-central-1", __provider: provider },
        });
        expect((await server.read("id", { a: 1 })).outputs).to.include({ a: 1, seen: true });
        expect((await server.update("id", { a: 1, b: 1 }, { b: 2 })).outputs).to.include({ a: 1, b: 2 });
        await server.delete("id", {});
        expect(String(await failureOf(server.delete("in use", {})))).to.match(/still in use/);
    });

    it("hands over what a failed create left behind", async () => {
        const failure = await failureOf(server.create({ greeting: "half" }));
        expect(failure).to.be.instanceOf(InitError);
        expect(failure).to.deep.include({ id: "half-id", reasons: ["half done"] });
        expect((failure as InitError).properties).to.include({ greeting: "half" });
    });

    it("interrupts a create as the engine does", async () => {
        const creating = failureOf(server.create({ greeting: "wait" }));
        await server.waitForLine(/waiting/);
        server.kill("SIGINT");
        expect(await server.ended).to.deep.equal({ code: 7, signal: null });
        expect(server.lines).to.include("undone");
        expect(await creating).to.be.instanceOf(Error);
    });
});
