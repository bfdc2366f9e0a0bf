import { expect } from "chai";
import { checkRestoreInputs } from "../../../provider/inputs/checkRestore";

const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
const SECRET = "hunter2-hunter2";
const launch = {
    instanceType: "m7i.large",
    subnetId: "subnet-12345678",
    vpcSecurityGroupIds: ["sg-12345678"],
};
const good = {
    imageId: "ami-0123456789abcdef0",
    launch,
    connection: { user: "snapshot", password: SECRET },
    verify: { script: "true" },
};

describe("bad inputs of a restore test", () => {
    const rows: [what: string, inputs: object, property: string | undefined, reason?: RegExp][] = [
        ["none", good, undefined],
        [
            "all not known yet",
            { ...good, imageId: UNKNOWN, launch: UNKNOWN, connection: UNKNOWN, verify: UNKNOWN },
            undefined,
        ],
        [
            "leaves not known yet",
            {
                ...good,
                launch: { ...launch, subnetId: UNKNOWN, vpcSecurityGroupIds: [UNKNOWN] },
                verify: { script: UNKNOWN },
            },
            undefined,
        ],
        [
            "a launch template",
            { ...good, imageId: undefined, launchTemplate: { id: "lt-12345678" } },
            undefined,
        ],
        ["no image", { ...good, imageId: undefined }, "imageId", /is required: the image to test/],
        ["both", { ...good, launchTemplate: { id: "lt-12345678" } }, "launchTemplate", /beside imageId/],
        [
            "an instance for an image",
            { ...good, imageId: "i-0123456789abcdef0" },
            "imageId",
            /id of an instance/,
        ],
        ["no launch", { ...good, launch: undefined }, "launch", /is required; give how the copy is launched/],
        [
            "no subnet",
            { ...good, launch: { ...launch, subnetId: undefined } },
            "launch.subnetId",
            /fenced off/,
        ],
        [
            "no groups",
            { ...good, launch: { ...launch, vpcSecurityGroupIds: [] } },
            "launch.vpcSecurityGroupIds",
            /empty list/,
        ],
        [
            "a group for a list",
            { ...good, launch: { ...launch, vpcSecurityGroupIds: "sg-12345678" } },
            "launch.vpcSecurityGroupIds",
            /must be a list/,
        ],
        [
            "a size",
            { ...good, launch: { ...launch, instanceType: "large" } },
            "launch.instanceType",
            /not an instance type/,
        ],
        [
            "tokens",
            { ...good, launch: { ...launch, metadataOptions: { httpTokens: true } } },
            "launch.metadataOptions.httpTokens",
            /"required" or "optional"/,
        ],
        [
            "a host",
            { ...good, connection: { ...good.connection, host: "10.0.0.1" } },
            "connection.host",
            /has to go/,
        ],
        ["no user", { ...good, connection: { password: SECRET } }, "connection.user", /is required/],
        ["no credentials", { ...good, connection: { user: "u" } }, "connection", /needs a way to log in/],
        [
            "a bad key",
            { ...good, connection: { user: "u", privateKey: SECRET } },
            "connection.privateKey",
            /./,
        ],
        [
            "a bad host key",
            { ...good, connection: { ...good.connection, hostKey: "x" } },
            "connection.hostKey",
            /./,
        ],
        [
            "a bastion without its key",
            {
                ...good,
                connection: { ...good.connection, proxy: { host: "b", user: "u", password: SECRET } },
            },
            "connection.proxy.hostKey",
            /is required/,
        ],
        ["a text for a script", { ...good, verify: SECRET }, "verify", /must be \{ path/],
        ["neither", { ...good, verify: {} }, "verify", /has neither/],
        ["both ways", { ...good, verify: { script: "true", path: "/v" } }, "verify", /not both/],
        [
            "a script of Windows",
            { ...good, verify: { script: "true\r\n" } },
            "verify.script",
            /carriage return/,
        ],
        [
            "milliseconds",
            { ...good, timeouts: { boot: 900_000 } },
            "timeouts.boot",
            /if it is meant in milliseconds, give 900/,
        ],
        ["a foreign limit", { ...good, timeouts: { connect: 60 } }, "timeouts.connect", /is not an input/],
        [
            "tags of ours",
            { ...good, tags: { "app-consistent-snapshot:lease": "1" } },
            "tags.app-consistent-snapshot:lease",
            /keeps for itself/,
        ],
        ["a slip", { ...good, quiesce: {} }, "quiesce", /is not an input/],
        [
            "a secret under a wrong name",
            { ...good, connection: { ...good.connection, [SECRET + "="]: "" } },
            "connection.*",
            /has a key that is not an input/,
        ],
    ];
    for (const [what, inputs, property, reason = /./] of rows) {
        it(what, () => {
            const failures = checkRestoreInputs({ ...inputs }, {});
            if (property === undefined) {
                expect(failures).to.deep.equal([]);
                return;
            }
            expect(JSON.stringify(failures)).not.to.contain(SECRET);
            expect(failures.map((one) => one.property.replace(/[["\]]+/g, "."))).to.satisfy((all: string[]) =>
                all.some((one) => one.replace(/\.+$/, "").replace("..", ".") === property),
            );
            expect(failures.map((one) => one.reason).join("; ")).to.match(reason);
        });
    }
});
