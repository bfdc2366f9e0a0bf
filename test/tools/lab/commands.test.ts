import { assert } from "chai";
import { type Command, HELP, UsageError, commandOf } from "../../../tools/lab/commands";

describe("commands of the lab", () => {
    const REFUSE = {
        name: "refuse",
        operation: "CreateSnapshots",
        times: 1,
        code: "UnauthorizedOperation",
    } as const;
    const good: [typed: string, command: Command][] = [
        ["", { name: "help" }],
        ["help", { name: "help" }],
        ["servers", { name: "servers" }],
        ["cloud", { name: "cloud" }],
        ["mend", { name: "mend" }],
        ["config files", { name: "config", server: "files" }],
        ["refuse CreateSnapshots", REFUSE],
        ["refuse CreateSnapshots 2", { ...REFUSE, times: 2 }],
        ["refuse CreateSnapshots 2 InternalError", { ...REFUSE, times: 2, code: "InternalError" }],
        ["refuse SendCommand", { ...REFUSE, operation: "SendCommand" }],
        ["refuse GetCallerIdentity", { ...REFUSE, operation: "GetCallerIdentity" }],
        ["kill CreateSnapshots", { name: "kill", operation: "CreateSnapshots" }],
        ["disable ami-0a1", { name: "disable", imageId: "ami-0a1" }],
        ["enable ami-0a1", { name: "enable", imageId: "ami-0a1" }],
    ];
    for (const [typed, command] of good) {
        it(`lab ${typed}`, () => {
            assert.deepEqual(commandOf(typed.split(" ").filter(Boolean)), command);
        });
    }

    const bad: [typed: string, message: RegExp][] = [
        ["thaw", /"thaw" is no command of the lab:\nlab servers/],
        ["servers files", /^usage: lab servers /],
        ["config", /^usage: lab config SERVER /],
        ["refuse", /^usage: lab refuse OPERATION /],
        ["refuse CreateSnapshots 1 Code more", /^usage: lab refuse/],
        ["refuse CreateSnapshot s", /TIMES is a number from 1 to 1000, not "s"/],
        ["refuse CreateSnapshots 0", /not "0"/],
        ["refuse CreateSnapshots 1001", /not "1001"/],
        ["refuse CreateSnapshots 1 no", /CODE is an error code of AWS, such as InternalError, not "no"/],
        ["refuse createSnapshots", /"createSnapshots" is no operation of EC2, STS or Systems Manager/],
        ["kill Everything", /"Everything" is no operation/],
        ["kill", /^usage: lab kill OPERATION /],
        ["disable", /^usage: lab disable IMAGE /],
        ["disable snap-1", /"snap-1" is no id of an image/],
    ];
    for (const [typed, message] of bad) {
        it(`not lab ${typed}`, () => {
            assert.throws(() => commandOf(typed.split(" ")), UsageError, message);
        });
    }

    it("has a line of help for each", () => {
        const named = HELP.split("\n").map((line) => line.split(" ")[1]);
        assert.sameMembers([...named, "help"], [...new Set(good.map(([, { name }]) => name))]);
    });
});
