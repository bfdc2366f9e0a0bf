import { assert } from "chai";
import { checkSnapshotInputs } from "../../../provider/inputs/check";

/** As the engine passes what is not known before `up`. */
const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

const base = { instanceId: "i-0123456789abcdef0", quiesce: { method: "vss" } };
const vss = (quiesce: object, more: object = {}) => ({
    ...base,
    ...more,
    quiesce: { method: "vss", ...quiesce },
});

const manyTags = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`tag ${index}`, "x"]));

describe("checkVss", () => {
    for (const [what, inputs] of [
        ["nothing but the method", base],
        ["all options", vss({ copyOnly: true, noWriters: true, vssVersion: "2.5.1", keepComponents: true })],
        ["an image", vss({ createImage: true })],
        ["an image by a prefix", vss({ createImage: { namePrefix: "sql (prod) ./-'@_[1]" } })],
        ["no boot volume", vss({}, { volumes: { excludeBootVolume: true } })],
        ["no volumes that are excluded", vss({}, { volumes: { excludeDataVolumeIds: [] } })],
        [
            "tags of all characters that may be",
            vss({}, { tags: { "a(b) ./\\-\"'@_+:={}9": "(b) ./\\-\"'@_+:={}Z" } }),
        ],
        ["as many tags as there may be", vss({}, { tags: manyTags(41) })],
        ["tags that are not known yet", vss({}, { tags: { app: UNKNOWN } })],
        ["copyTagsFromVolumes: false", vss({}, { copyTagsFromVolumes: false })],
        ["filesystem, without writers", vss({ noWriters: true }, { minimumLevel: "filesystem" })],
        ["crash", vss({}, { minimumLevel: "crash" })],
    ] as const) {
        it(`takes ${what}`, () => assert.deepEqual(checkSnapshotInputs(inputs), []));
    }

    for (const [what, inputs, property, reason] of [
        [
            "volumes by id",
            vss({}, { volumes: { excludeDataVolumeIds: ["vol-0123456789abcdef0"] } }),
            "volumes.excludeDataVolumeIds",
            /takes all data volumes/,
        ],
        [
            "an image without its boot volume",
            vss({ createImage: true }, { volumes: { excludeBootVolume: true } }),
            "quiesce.createImage",
            /needs its boot volume/,
        ],
        ["too many tags", vss({}, { tags: manyTags(42) }), "tags", /more than 41 tags/],
        ["tags of volumes", vss({}, { copyTagsFromVolumes: true }), "copyTagsFromVolumes", /copy no tags/],
        ["Device", vss({}, { tags: { Device: "x" } }), "tags.Device", /VSS sets itself/],
        ["AppConsistent", vss({}, { tags: { AppConsistent: "True" } }), "tags.AppConsistent", /sets itself/],
        ["AwsVssConfig", vss({}, { tags: { AwsVssConfig: "x" } }), "tags.AwsVssConfig", /VSS sets itself/],
        [
            "a semicolon",
            vss({}, { tags: { app: "a;Key=b" } }),
            "tags.app",
            /characters that the VSS documents/,
        ],
        ["a comma", vss({}, { tags: { app: "a,b" } }), "tags.app", /characters that the VSS documents/],
        ["an umlaut in a key", vss({}, { tags: { Büro: "a" } }), "tags.Büro", /characters that the VSS/],
        [
            "another prefix",
            vss({ createImage: { namePrefix: "a:b" } }),
            "quiesce.createImage.namePrefix",
            /^"a:b" must be 1 to 80 letters/,
        ],
        [
            "a word for an image",
            vss({ createImage: "yes" }),
            "quiesce.createImage",
            /^"yes" must be true, false or \{ namePrefix: "\.\.\." \}/,
        ],
        [
            "a version that is none",
            vss({ vssVersion: "latest" }),
            "quiesce.vssVersion",
            /such as "2\.5\.1"; leave it out/,
        ],
        ["an unknown option", vss({ copyonly: true }), "quiesce.copyonly", /did you mean "copyOnly"/],
        ["a connection", vss({ connection: {} }), "quiesce.connection", /is not an input/],
        [
            "more than it can be",
            vss({ noWriters: true }, { minimumLevel: "application" }),
            "minimumLevel",
            /filesystem/,
        ],
    ] as const) {
        it(`refuses ${what}`, () => {
            const failures = checkSnapshotInputs(inputs);
            assert.deepEqual(
                failures.map((failure) => failure.property),
                [property],
                JSON.stringify(failures),
            );
            assert.match(failures[0]?.reason ?? "", reason);
        });
    }

    it("says nothing of other methods", () => {
        const inputs = {
            ...base,
            quiesce: { method: "none" },
            tags: { Device: "a;b" },
            copyTagsFromVolumes: true,
        };
        assert.deepEqual(checkSnapshotInputs(inputs), []);
    });
});
