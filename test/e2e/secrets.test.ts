import { expect } from "chai";
import { connectionOf, failed, type Lab, startLab, succeeded, unmistakable } from "../../lab/engine/e2e";
import type { EngineResult } from "../../lab/engine/project";

/** Nobody answers there. */
const CLOSED = { host: "127.0.0.1", port: 9, user: "u", insecureIgnoreHostKey: true };

describe("secrets, wherever an Output stands", function () {
    this.timeout(300_000);
    let lab: Lab;
    const markers: string[] = [];
    before(async () => (lab = await startLab()));
    after(() => lab.stop());

    const marker = (name: string): string => {
        markers.push(unmistakable(name));
        return markers.at(-1) ?? "";
    };
    /** All that is secret in one `quiesce`, each of it unmistakable. */
    const hooks = (name: string, connection: object = CLOSED) => ({
        method: "hooks",
        connection: {
            ...connection,
            password: marker(`${name}-password`),
            privateKeyPassword: marker(`${name}-passphrase`),
            proxy: { ...CLOSED, password: marker(`${name}-proxy`) },
        },
        scripts: {
            preFreeze: { script: `#!/bin/sh\necho ${marker(`${name}-pre`)}` },
            postThaw: { script: `#!/bin/sh\necho ${marker(`${name}-post`)}` },
        },
        environment: { WORD: marker(`${name}-environment`) },
        showHookOutput: "onFailure",
    });
    const nothingShown = (texts: string[]): void => {
        const all = texts.join("\n");
        expect(markers.filter((one) => all.includes(one))).to.deep.equal([]);
    };
    /** But for the SDK's debug messages, which have all that it sends and receives, secrets of every resource too. */
    const shownBy = ({ stdout, stderr, events }: EngineResult): string[] => [
        stdout,
        stderr,
        JSON.stringify(
            events.filter(({ diagnosticEvent }) => !/debug/.test(diagnosticEvent?.severity ?? "")),
        ),
    ];

    /** What can stand for an object in JavaScript, which nobody checks; `later` is known after `up` only. */
    const forms = {
        output: (value: string) => `pulumi.output(${value})`,
        nested: (value: string) => `pulumi.output(Promise.resolve(pulumi.output(${value})))`,
        lifted: (value: string) => `pulumi.output({ inner: ${value} }).inner`,
        promise: (value: string) => `Promise.resolve(${value})`,
        later: (value: string) => `later.ready.apply(() => (${value}))`,
        leaves: (value: string) => `leaves(${value})`,
    };
    const places = [
        "quiesce",
        "quiesce.connection",
        "quiesce.connection.proxy",
        "quiesce.scripts",
        "quiesce.scripts.preFreeze",
        "quiesce.environment",
        "quiesce.environment.WORD",
        "quiesce.connection.password",
    ];

    /** Each place as one Output that is known, in one form or another, and as one that is not. */
    function programOf(): string {
        const { later, ...known } = forms;
        const resources = places.flatMap((at, row) =>
            [Object.values(known)[row % 5] ?? later, later].map((form, column) => {
                const name = `${column === 0 ? "known" : "later"}-${at}`;
                const args = { instanceId: instances[row]?.instanceId, quiesce: hooks(name), ...CRASH };
                return `new AppConsistentSnapshot("${name}", ${written(args, "", at, form)});`;
            }),
        );
        return `const pulumi = require("@pulumi/pulumi");
const { AppConsistentSnapshot } = require("pulumi-app-consistent-snapshot");
class Later extends pulumi.dynamic.Resource {
    constructor(name) {
        super({ create: async () => ({ id: "one", outs: { ready: true } }) }, name, { ready: undefined });
    }
}
const later = new Later("later");
const leaves = (value) => typeof value === "object"
    ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, key === "method" ? inner : leaves(inner)]))
    : pulumi.output(Promise.resolve(value));
${resources.join("\n")}
`;
    }
    let instances: { instanceId: string }[] = [];
    const CRASH = { minimumLevel: "crash", timeouts: { connect: 1 } };

    /** The arguments as JavaScript, with an Output at a place. */
    function written(value: unknown, path: string, at: string, form: (value: string) => string): string {
        if (path === at) {
            return form(JSON.stringify(value));
        }
        if (typeof value !== "object" || value === null || !at.startsWith(path)) {
            return JSON.stringify(value);
        }
        const inside = Object.entries(value).map(
            ([key, inner]) => `${key}: ${written(inner, path === "" ? key : `${path}.${key}`, at, form)}`,
        );
        return `{ ${inside.join(", ")} }`;
    }

    it("are in no preview, state, log or event", async () => {
        instances = await Promise.all(places.map(() => lab.cloud.createInstance({ volumes: 1 })));
        const project = await lab.project({ program: programOf(), main: "index.js" });
        const told = [
            succeeded(await project.preview()),
            succeeded(await project.preview({ args: ["--json"] })),
            succeeded(await project.up({ args: ["--diff"] })),
        ];
        const said = told[0]?.diagnostics ?? "";
        for (const at of places.filter((one) => !/WORD|password/.test(one))) {
            const onItsRow = told[0]?.events.some(
                ({ diagnosticEvent: one }) =>
                    one?.urn?.endsWith(`::later-${at}`) === true &&
                    one.message.startsWith(`${at} is not known before`),
            );
            expect(onItsRow, at).to.equal(true);
        }
        expect(said.match(/is not known before/g)).to.have.length(6);
        expect(told[2]?.diagnostics).not.to.match(/is not known before/);
        const { stdout } = await project.run(["stack", "export", "--stack", "test"]);
        expect(stdout).to.include("known-quiesce");
        project.setProgram(programOf());
        told.push(succeeded(await project.preview({ args: ["--diff"] })));
        nothingShown([project.state().text, stdout, ...told.flatMap(shownBy)]);
        succeeded(await project.destroy());
    });

    it("are in no failure of a check, where something of another type stands in their place", async () => {
        const { instanceId } = lab.server;
        const number = 1e15 + Math.floor(Math.random() * 1e14);
        markers.push(String(number));
        const odd: Record<string, (quiesce: ReturnType<typeof hooks>) => object> = {
            numbers: (q) => ({
                ...q,
                connection: { ...q.connection, password: number, privateKey: [marker("list")] },
                environment: { WORD: number, OTHER: { [marker("key")]: marker("value") } },
            }),
            objects: (q) => ({
                ...q,
                connection: { ...q.connection, privateKey: { pem: marker("pem") }, pasword: marker("typo") },
                scripts: { preFreeze: marker("script"), postThaw: { scirpt: marker("script") } },
                environment: { [`PGPASSWORD=${marker("name")}`]: "", UID: marker("uid") },
            }),
            lists: (q) => ({
                ...q,
                connection: [marker("connection")],
                scripts: marker("scripts"),
                environment: [marker("environment")],
            }),
            text: () => marker("quiesce") as unknown as object,
            keys: (q) => ({
                ...q,
                connection: { ...q.connection, privateKey: marker("no-key"), hostKey: marker("host-key") },
                method: marker("method"),
            }),
        };
        const resources = Object.entries(odd).map(
            ([name, change]) =>
                `new AppConsistentSnapshot("${name}", ${JSON.stringify({ instanceId, quiesce: change(hooks(name)) })});`,
        );
        const bytes = `new AppConsistentSnapshot("bytes", { instanceId: "${instanceId}", quiesce: {
    method: "hooks", connection: { ...${JSON.stringify(CLOSED)}, privateKey: Buffer.from("${marker("bytes")}"), password: pulumi.output(${number}) },
} });`;
        const project = await lab.project({
            program: `const pulumi = require("@pulumi/pulumi");
const { AppConsistentSnapshot } = require("pulumi-app-consistent-snapshot");
${[...resources, bytes].join("\n")}`,
            main: "index.js",
        });
        const told = [
            failed(await project.preview({ args: ["--diff"] })),
            failed(await project.preview({ args: ["--json"] })),
            failed(await project.up()),
        ];
        // The engine stops at the first resource that fails: all of them are in test/provider/inputs/check.test.ts.
        expect(told[0]?.diagnostics).to.match(/quiesce.*(must be|is not|is required|needs)/s);
        nothingShown([project.state().text, ...told.flatMap(shownBy)]);
    });

    it("what cannot be read is refused by the constructor", async () => {
        const { instanceId } = lab.server;
        const args = JSON.stringify({ instanceId, quiesce: hooks("refused") });
        const project = await lab.project({ program: "", main: "index.js" });
        for (const [given, expected] of [
            [`pulumi.output(${args})`, /its inputs must be a plain object/],
            [`{ ...pulumi.output(${args}) }`, /its inputs are an Output that was spread/],
            [
                `{ quiesce: { ...pulumi.output(${args}).quiesce, sudo: false } }`,
                /`quiesce` is an Output that was spread/,
            ],
        ] as const) {
            project.setProgram(`const pulumi = require("@pulumi/pulumi");
const { AppConsistentSnapshot } = require("pulumi-app-consistent-snapshot");
new AppConsistentSnapshot("refused", ${given});`);
            const result = failed(await project.preview());
            expect(result.diagnostics).to.match(expected);
            nothingShown(shownBy(result));
        }
    });

    it("TypeScript takes an Output for an object, and all of it is then secret", async () => {
        const { host, instanceId } = lab.server;
        const connection = connectionOf(host);
        markers.push(host.clientKey.split("\n")[2] ?? "");
        const project = await lab.project({
            program: `import * as pulumi from "@pulumi/pulumi";
import { AppConsistentSnapshot } from "pulumi-app-consistent-snapshot";
const target = pulumi.output({ ...${JSON.stringify(connection)}, password: "${marker("password")}" });
const script = (text: string) => pulumi.output({ script: \`#!/bin/sh\n# \${text}\nexit 0\` });
export const { consistencyLevel } = new AppConsistentSnapshot("typed", {
    instanceId: "${instanceId}",
    quiesce: {
        method: "hooks",
        connection: target,
        scripts: { preFreeze: script("${marker("pre")}"), postThaw: script("${marker("post")}") },
        environment: { WORD: pulumi.output("${marker("environment")}") },
    },
});
`,
            typeCheck: true,
        });
        const told = [
            succeeded(await project.preview({ args: ["--diff"] })),
            succeeded(await project.up({ args: ["--diff"] })),
        ];
        expect(told[1]?.outputs).to.deep.equal({ consistencyLevel: "application" });
        expect(told[0]?.stdout).to.match(/connection *: \[secret\]/);
        nothingShown([project.state().text, ...told.flatMap(shownBy)]);
        succeeded(await project.destroy());
    });
});
