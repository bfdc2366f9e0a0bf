import { expect } from "chai";
import { restoreDiffOf } from "../../../../provider/lifecycle/restoreTest/diffRestore";
import type {
    RestoreOutputs,
    RestoreRequest,
} from "../../../../provider/lifecycle/restoreTest/restoreOutputs";

const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
const olds: RestoreOutputs = {
    imageId: "ami-0123456789abcdef0",
    triggers: ["1"],
    passed: true,
    left: false,
    instanceId: "i-0123456789abcdef0",
    testedAt: "2026-11-24T02:00:00.000Z",
    region: "us-east-1",
    accountId: "123456789012",
};
const news: RestoreRequest = {
    imageId: "ami-0123456789abcdef0",
    triggers: ["1"],
    launch: { instanceType: "t3.micro", subnetId: "subnet-12345678", vpcSecurityGroupIds: ["sg-12345678"] },
    connection: { user: "snapshot" },
    verify: { path: "/verify" },
};
const template = { id: "lt-12345678", version: "1" };

describe("what a change means to a restore test", () => {
    const rows: [
        what: string,
        old: Partial<RestoreOutputs>,
        now: Partial<RestoreRequest>,
        replaces: string[] | "update" | "same",
    ][] = [
        ["nothing", {}, {}, "same"],
        ["another image", {}, { imageId: "ami-12345678" }, ["imageId"]],
        ["an image that is not known yet", {}, { imageId: UNKNOWN }, ["imageId"]],
        [
            "a template in the image's place",
            {},
            { imageId: undefined, launchTemplate: template },
            ["imageId", "launchTemplate"],
        ],
        [
            "another version",
            { launchTemplate: template },
            { launchTemplate: { ...template, version: "2" } },
            ["launchTemplate"],
        ],
        ["another trigger", {}, { triggers: ["2"] }, ["triggers"]],
        ["no trigger any more", {}, { triggers: undefined }, "same"],
        ["triggers that are nulls", {}, { triggers: [null] }, "same"],
        [
            "how it is launched, reached and looked at",
            {},
            {
                launch: { ...news.launch, instanceType: "m7i.large" },
                verify: { script: "true" },
                timeouts: { boot: 60 },
                tags: { a: "1" },
                sudo: false,
            },
            "same",
        ],
        ["credentials", {}, { aws: { profile: "other" } }, "update"],
        ["the last one failed", { passed: false }, {}, ["passed"]],
        ["a copy is left", { left: true }, {}, "update"],
    ];
    for (const [what, old, now, replaces] of rows) {
        it(`${what}: ${typeof replaces === "string" ? replaces : `tested anew (${replaces.join(", ")})`}`, () => {
            expect(restoreDiffOf({ ...olds, ...old }, { ...news, ...now })).to.deep.equal({
                changes: replaces !== "same",
                replaces: typeof replaces === "string" ? [] : replaces,
            });
        });
    }
});
