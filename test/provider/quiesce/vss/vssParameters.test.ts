import { assert } from "chai";
import type { VssQuiesce } from "../../../../provider/inputs/inputs";
import { imageName } from "../../../../provider/quiesce/vss/imageName";
import { vssParameters } from "../../../../provider/quiesce/vss/vssParameters";

const executionId = "acs-00000000-0000-4000-8000-000000000000";
const base = {
    document: "AWSEC2-CreateVssSnapshot",
    executionId,
    quiesce: { method: "vss" } as VssQuiesce,
    set: {
        instanceId: "i-0123456789abcdef0",
        description: "nightly",
        selection: undefined,
        copyTagsFromVolumes: false,
        tags: [
            { Key: "app", Value: "sql=1" },
            { Key: "app-consistent-snapshot:execution", Value: executionId },
        ],
    },
    limitS: 900,
    componentsVersion: "2.4.0",
};

describe("parameters of the VSS documents", () => {
    it("are all text, and say no to what was not asked for", () => {
        assert.deepEqual(vssParameters(base), {
            ExcludeBootVolume: "False",
            CopyOnly: "False",
            NoWriters: "False",
            CreateAmi: "False",
            description: "nightly",
            tags: `Key=app,Value=sql=1;Key=app-consistent-snapshot:execution,Value=${executionId}`,
            executionTimeout: "900",
        });
    });

    for (const [what, changes, expected] of [
        ["copyOnly", { quiesce: { method: "vss", copyOnly: true } }, { CopyOnly: "True" }],
        ["noWriters", { quiesce: { method: "vss", noWriters: true } }, { NoWriters: "True" }],
        [
            "createImage",
            { quiesce: { method: "vss", createImage: true } },
            { CreateAmi: "True", AmiName: `app-consistent-snapshot-${executionId}` },
        ],
        ["createImage: false", { quiesce: { method: "vss", createImage: false } }, { CreateAmi: "False" }],
        [
            "createImage with a prefix",
            { quiesce: { method: "vss", createImage: { namePrefix: "sql" } } },
            { CreateAmi: "True", AmiName: `sql-${executionId}` },
        ],
        [
            "excludeBootVolume",
            { set: { ...base.set, selection: { excludeBootVolume: true } } },
            { ExcludeBootVolume: "True" },
        ],
        ["a limit that is no whole number", { limitS: 30.2 }, { executionTimeout: "31" }],
        [
            "the installing document: leaves the version alone",
            { document: "AWSEC2-VssInstallAndSnapshot" },
            { VssVersion: "2.4.0" },
        ],
        [
            "the installing document and a version",
            {
                document: "AWSEC2-VssInstallAndSnapshot",
                quiesce: { method: "vss", vssVersion: "2.5.1" },
            },
            { VssVersion: "2.5.1" },
        ],
    ] as [string, Partial<typeof base>, Record<string, string>][]) {
        it(`${what}: ${JSON.stringify(expected)}`, () => {
            const before = vssParameters(base);
            assert.deepEqual(vssParameters({ ...base, ...changes }), { ...before, ...expected });
        });
    }

    it("does not name a version to a document that knows none", () => {
        const quiesce: VssQuiesce = { method: "vss", vssVersion: "2.5.1" };
        assert.notProperty(vssParameters({ ...base, quiesce }), "VssVersion");
    });
});

describe("the name of an image", () => {
    it("is as EC2 takes it, however long the prefix may be", () => {
        const name = imageName({ method: "vss", createImage: { namePrefix: "x".repeat(80) } }, executionId);
        assert.isAtMost(name.length, 128);
        assert.isTrue(name.endsWith(executionId));
    });
});
