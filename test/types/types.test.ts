import { expect } from "chai";
import type ts from "typescript";
import { DOCS, README, codeOf } from "../pages";
import { type Hover, hoversOf } from "./hovers";
import { complaints, programWith } from "./program";

/** What the code of examples and pages takes from around it; what it imports itself goes before that. */
const AROUND = `import type * as Aws from "@pulumi/aws";
import type * as Pulumi from "@pulumi/pulumi";
import type * as Ours from "pulumi-app-consistent-snapshot";
declare global {
    const pulumi: typeof Pulumi;
    const AppConsistentAmi: typeof Ours.AppConsistentAmi;
    const AppConsistentReplica: typeof Ours.AppConsistentReplica;
    const AppConsistentSnapshot: typeof Ours.AppConsistentSnapshot;
    const AppConsistentSnapshotGroup: typeof Ours.AppConsistentSnapshotGroup;
    const InstanceHostKeys: typeof Ours.InstanceHostKeys;
    const RestoreTest: typeof Ours.RestoreTest;
    const recipes: typeof Ours.recipes;
    const recoveryPoints: typeof Ours.recoveryPoints;
    const config: Pulumi.Config;
    const server: Aws.ec2.Instance;
    const snapshot: Ours.AppConsistentSnapshot;
    const quiesce: Ours.HooksArgs;
    const connection: Ours.ConnectionArgs;
    const launch: Ours.LaunchArgs;
    const privateKey: Pulumi.Output<string>;
    const hostKey: string, instanceId: string, subnetId: string, groupId: string, run: string;
}
`;

/** Every optional input, not given, as a program has it that reads each from its config. */
const NOT_GIVEN = `
const text = config.get("text");
const count = config.getNumber("count");
const flag = config.getBoolean("flag");
const word = undefined as "warn" | "fail" | undefined;
new AppConsistentSnapshot("nightly", {
    instanceId: "i-0123456789abcdef0",
    quiesce: {
        method: "hooks",
        connection: { host: "h", user: "u", port: count, password: text, privateKey: text, hostKey: text, proxy: undefined },
        scripts: { level: undefined, rehearse: flag, recipe: text },
        sudo: flag,
        verifyInstanceIdentity: flag,
    },
    description: text,
    copyTagsFromVolumes: flag,
    volumes: { excludeBootVolume: flag, excludeDataVolumeIds: config.getObject<string[]>("volumes") },
    timeouts: { freeze: count },
    aws: { region: text, profile: text, assumeRole: { roleArn: "r", sessionName: text, externalId: text, durationSeconds: count, sourceIdentity: text } },
    preflight: word,
});
new RestoreTest("test", {
    imageId: text,
    launchTemplate: undefined,
    launch: { instanceType: "t", subnetId, vpcSecurityGroupIds: [groupId], metadataOptions: { httpPutResponseHopLimit: count } },
    connection: { user: "u", port: count, privateKey: text, hostKey: text },
    verify: { path: "/verify" },
    sudo: flag,
    timeouts: { boot: count, verify: count },
    keepOnFailure: flag,
});
new AppConsistentSnapshot("windows", {
    instanceId: "i-0123456789abcdef0",
    quiesce: { method: "vss", copyOnly: flag, noWriters: flag, vssVersion: text, createImage: false, keepComponents: flag },
});
new InstanceHostKeys("keys", { instanceId: "i-0123456789abcdef0", source: "systems-manager", timeouts: { wait: count } });
recipes.mysql({ user: text, socket: text, host: text, port: count });
export {};
`;

/** Each line is a mistake. */
const MISTAKES: readonly [line: string, text: string][] = [
    [
        'new AppConsistentSnapshot("a", { quiesce: { method: "none" } });',
        "Argument of type '{ quiesce: { method: \"none\"; }; }' is not assignable to parameter of type 'AppConsistentSnapshotArgs'.\n  Property 'instanceId' is missing in type '{ quiesce: { method: \"none\"; }; }' but required in type 'AppConsistentSnapshotArgs'.",
    ],
    [
        'new AppConsistentSnapshot("a", { instanceId, quiesce: "none" });',
        "Type 'string' is not assignable to type 'HooksArgs | VssArgs | NoneArgs'.",
    ],
    [
        'new AppConsistentSnapshot("a", { instanceId, quiesce: { method: "Hooks" } });',
        'Type \'"Hooks"\' is not assignable to type \'"hooks" | "vss" | "none"\'. Did you mean \'"hooks"\'?',
    ],
    [
        'new AppConsistentSnapshot("a", { instanceId, quiesce: { method: "none" }, minimumlevel: "crash" });',
        "Object literal may only specify known properties, but 'minimumlevel' does not exist in type 'AppConsistentSnapshotArgs'. Did you mean to write 'minimumLevel'?",
    ],
    [
        'new AppConsistentSnapshot("a", { instanceId, quiesce: { method: "none" }, minimumLevel: "Crash" });',
        'Type \'"Crash"\' is not assignable to type \'Input<"application" | "filesystem" | "crash"> | undefined\'. Did you mean \'"crash"\'?',
    ],
    [
        'new AppConsistentSnapshot("a", { instanceId, quiesce: { method: "none" }, timeouts: { freeze: "10s" } });',
        "Type 'string' is not assignable to type 'Input<number> | undefined'.",
    ],
    [
        'new AppConsistentSnapshot("a", { instanceId, quiesce: { method: "none" }, triggers: config.get("run") });',
        "Type 'string | undefined' is not assignable to type 'Input<unknown[]> | undefined'.\n  Type 'string' is not assignable to type 'Input<unknown[]> | undefined'.",
    ],
    [
        'new AppConsistentSnapshot("a", { instanceId: server, quiesce: { method: "none" } });',
        "Type 'Instance' is not assignable to type 'Input<string>'.",
    ],
    [
        'new AppConsistentSnapshot("a", { instanceId, quiesce: { method: "hooks", connection: { host: server, user: "u" } } });',
        "Type 'Instance' is not assignable to type 'Input<string> | undefined'.",
    ],
    [
        'new AppConsistentSnapshot("a", { instanceId, quiesce: { method: "hooks", connection: { host: "h", user: "u", hostkey: "k" } } });',
        "Object literal may only specify known properties, but 'hostkey' does not exist in type 'ConnectionArgs'. Did you mean to write 'hostKey'?",
    ],
    [
        'new AppConsistentSnapshot("a", { instanceId, quiesce: { method: "hooks", connection: { host: "h", user: "u", port: config.get("port") } } });',
        "Type 'string | undefined' is not assignable to type 'Input<number> | undefined'.\n  Type 'string' is not assignable to type 'Input<number> | undefined'.",
    ],
    [
        'new AppConsistentSnapshot("a", { instanceId, quiesce: { method: "hooks", connection, scripts: { preFreeze: { path: "/a" } } } });',
        "Type '{ preFreeze: { path: string; }; }' is not assignable to type 'ScriptsArgs | undefined'.\n  Type '{ preFreeze: { path: string; }; }' is not assignable to type 'ScriptOptions & { preFreeze: ScriptArgs; postThaw: ScriptArgs; }'.\n    Property 'postThaw' is missing in type '{ preFreeze: { path: string; }; }' but required in type '{ preFreeze: ScriptArgs; postThaw: ScriptArgs; }'.",
    ],
    [
        'new AppConsistentSnapshot("a", { instanceId, quiesce: { method: "hooks", connection, scripts: recipes.fileSystems } });',
        "Type '(paths: readonly string[]) => RecipeScripts' is not assignable to type 'ScriptsArgs | undefined'.",
    ],
    [
        'new AppConsistentSnapshot("a", { instanceId, quiesce: { method: "hooks", connection, sudo: config.get("sudo") } });',
        "Type 'string | undefined' is not assignable to type 'boolean | undefined'.\n  Type 'string' is not assignable to type 'boolean | undefined'.",
    ],
    [
        'new AppConsistentSnapshot("a", { instanceId, quiesce: { method: "vss", createImage: "golden" } });',
        "Type 'string' is not assignable to type 'boolean | { namePrefix: string; } | undefined'.",
    ],
    [
        'new AppConsistentSnapshot("a", { instanceId, quiesce }, { providers: {} });',
        "Object literal may only specify known properties, but 'providers' does not exist in type 'CustomResourceOptions'. Did you mean to write 'provider'?",
    ],
    [
        'new AppConsistentAmi("a", { snapshot: snapshot.id });',
        "Type 'OutputInstance<string> & LiftedObject<String, NonFunctionPropertyNames<String>>' is missing the following properties from type 'SnapshotSet': id, snapshotIds, snapshots, consistencyLevel, and 4 more.",
    ],
    [
        'new AppConsistentReplica("a", { snapshot, launch, activate: config.get("activate") === "true" ? pulumi.output(true) : false });',
        "Type 'false | OutputInstance<boolean>' is not assignable to type 'boolean | undefined'.\n  Type 'OutputInstance<boolean>' is not assignable to type 'boolean | undefined'.",
    ],
    [
        'new RestoreTest("a", { imageId: "ami-1", launch, connection: { user: "u", host: "h" }, verify: { path: "/verify" } });',
        "Object literal may only specify known properties, and 'host' does not exist in type 'CopyConnectionArgs'.",
    ],
    [
        'new RestoreTest("a", { imageId: "ami-1", launch, connection: { user: "u" }, verify: "true" });',
        "Type 'string' is not assignable to type 'ScriptArgs'.",
    ],
    [
        "recoveryPoints({ run, keep: 7 }).labels;",
        "Property 'labels' does not exist on type 'Promise<RecoveryPoints>'.",
    ],
    [
        'recoveryPoints({ run, keep: config.get("keep") });',
        "Type 'string | undefined' is not assignable to type 'number'.\n  Type 'undefined' is not assignable to type 'number'.",
    ],
    [
        'recipes.fileSystems("/data");',
        "Argument of type 'string' is not assignable to parameter of type 'readonly string[]'.",
    ],
];

describe("types, as a user's editor and compiler have them", function () {
    this.timeout(240_000);
    let program: ts.Program;
    let hovers: readonly Hover[];
    let examples: readonly Code[];
    const codes = [README, ...DOCS, "recipes/README.md"].flatMap((page) =>
        codeOf(page, "ts").map((text, index) => ({ name: `${page}, ${index + 1}`, text })),
    );
    // Only a module of the newer kind may wait at its top.
    const fileOf = ({ name, text }: Code) =>
        `${name.replace(/\W+/g, "-")}.${/^(const|export const) .*\bawait\b/m.test(text) ? "mts" : "ts"}`;

    before(() => {
        const own = programWith({});
        hovers = hoversOf(own);
        examples = hovers.flatMap(({ name, examples: all }) =>
            all.map((text, index) => ({ name: `@example of ${name}, ${index + 1}`, text })),
        );
        program = programWith(
            {
                "notGiven.ts": NOT_GIVEN,
                "around.d.ts": AROUND,
                "mistakes.ts": [...MISTAKES.map(([line]) => line), "export {};"].join("\n"),
                ...Object.fromEntries([...examples, ...codes].map((code) => [fileOf(code), moduleOf(code)])),
            },
            own,
        );
    });

    const named = (some: readonly Hover[]) => some.map(({ name }) => name);
    const inputs = () =>
        hovers.filter(({ name, optional }) => optional && /^\w+(Args|Options|Rotation)\./.test(name));

    it("everything that is exported, and each property of it, has a text", () => {
        expect(hovers.length).to.be.greaterThan(150);
        expect(named(hovers)).to.include.members([
            "AppConsistentSnapshotArgs.volumes.excludeBootVolume",
            "CaptureEvidence.freezeWindowMs",
            "AppConsistentReplica.privateIp",
            "RecoveryPoints.listAfter",
        ]);
        expect(named(hovers.filter(({ doc }) => doc.trim() === ""))).to.deep.equal([]);
    });

    it("each optional input names its default", () => {
        expect(inputs().length).to.be.greaterThan(50);
        expect(named(inputs().filter(({ doc }) => !/default/i.test(doc)))).to.deep.equal([]);
    });

    it("each number has a unit, or is a number of something", () => {
        const numbers = hovers.filter(({ kind, isNumber }) => kind === "property" && isNumber);
        expect(numbers.length).to.be.greaterThan(15);
        const unit = /second|GiB|MiB|IOPS|port|how many|exit code|number of/i;
        expect(named(numbers.filter(({ doc }) => !unit.test(doc)))).to.deep.equal([]);
    });

    it("each optional input takes undefined, with exactOptionalPropertyTypes as well", () => {
        expect(named(inputs().filter(({ takesUndefined }) => !takesUndefined))).to.deep.equal([]);
        expect(complaints(program, "notGiven.ts")).to.deep.equal([]);
    });

    it("each class, and each function that is called in a program, has an example, and it compiles", () => {
        const classes = hovers.filter(({ isClass }) => isClass);
        expect(named(classes)).to.have.members([
            "AppConsistentSnapshot",
            "AppConsistentSnapshotGroup",
            "InstanceHostKeys",
            "RestoreTest",
            "AppConsistentAmi",
            "AppConsistentReplica",
        ]);
        expect(named(classes.filter((one) => one.examples.length === 0))).to.deep.equal([]);
        expect(examples.map(({ name }) => name)).to.include("@example of recoveryPoints, 1");
        for (const example of examples) {
            expect(complaints(program, fileOf(example)), example.name).to.deep.equal([]);
        }
    });

    it("the pages' code compiles", () => {
        expect(codes.length).to.be.greaterThan(5);
        const broken = codes.map((code) => ({ name: code.name, says: complaints(program, fileOf(code)) }));
        expect(broken.filter(({ says }) => says.length > 0)).to.deep.equal([]);
    });

    it("what is wrong is said at the place, in the compiler's words", () => {
        const said = new Map(complaints(program, "mistakes.ts").map(({ line, text }) => [line - 1, text]));
        expect(MISTAKES.map(([line], index) => [line, said.get(index)])).to.deep.equal(MISTAKES);
    });
});

interface Code {
    readonly name: string;
    readonly text: string;
}

/** As a module of its own. What begins with an input is a part of `quiesce`. */
function moduleOf({ text }: Code): string {
    if (text.startsWith("scripts: ")) {
        return `export const part: Pick<typeof quiesce, "scripts"> = {\n${text}\n};\n`;
    }
    return /^(import|export) /m.test(text) ? text : `${text}\nexport {};\n`;
}
