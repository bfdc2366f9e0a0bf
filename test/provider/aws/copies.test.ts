import { expect } from "chai";
import type { Instance } from "@aws-sdk/client-ec2";
import { copyInput, endOf, groupCopies } from "../../../provider/aws/copies";
import { tagKeys } from "../../../provider/aws/tags";
import { fateOf } from "../../../provider/run/restore/reapCopies";
import { refusalOf } from "../../../provider/quiesce/hooks/verify";

const launch = { instanceType: "t3.micro", subnetId: "subnet-1", vpcSecurityGroupIds: ["sg-1"] };
const NOW = Date.parse("2026-11-24T02:00:00.000Z");
const at = (seconds: number) => new Date(NOW + seconds * 1000).toISOString();
const tagsOf = (execution: string, more: Record<string, string> = {}) =>
    Object.entries({ [tagKeys.execution]: execution, ...more }).map(([Key, Value]) => ({ Key, Value }));

describe("a copy of a restore test", () => {
    it("is asked for by a launch template, with all that may go before it", () => {
        const input = copyInput({
            executionId: "acs-1",
            launchTemplate: { id: "lt-1" },
            launch: {
                ...launch,
                iamInstanceProfile: "arn:aws:iam::123456789012:instance-profile/p",
                userData: "#!/bin/sh",
                privateIp: "10.0.0.9",
                keyName: "k",
                metadataOptions: { httpEndpoint: "disabled" },
            },
            tags: {},
        });
        expect(input).to.deep.include({
            LaunchTemplate: { LaunchTemplateId: "lt-1", Version: "$Default" },
            IamInstanceProfile: { Arn: "arn:aws:iam::123456789012:instance-profile/p" },
            UserData: Buffer.from("#!/bin/sh").toString("base64"),
            KeyName: "k",
            MetadataOptions: { HttpEndpoint: "disabled", HttpTokens: "required", HttpPutResponseHopLimit: 2 },
        });
        expect(input).not.to.have.any.keys("ImageId");
        expect(input.NetworkInterfaces[0]).to.include({ SubnetId: "subnet-1", PrivateIpAddress: "10.0.0.9" });
    });

    for (const [state, reason, code, remedy] of [
        ["running", undefined, undefined, undefined],
        ["pending", undefined, undefined, undefined],
        ["terminated", "Client.InternalError: Client error on launch", "LAUNCH_FAILED", /KMS key/],
        [
            "shutting-down",
            "Client.InvalidKMSKey.InvalidState: The KMS key is disabled",
            "LAUNCH_FAILED",
            /KMS key/,
        ],
        [
            "terminated",
            "Server.InternalError: Internal error on launch",
            "LAUNCH_FAILED",
            /^EC2 itself has failed/,
        ],
        ["terminated", "Server.InsufficientInstanceCapacity: no capacity", "LAUNCH_FAILED", /another zone/],
        [
            "shutting-down",
            "Client.VolumeLimitExceeded: Volume limit exceeded",
            "LAUNCH_FAILED",
            /higher quota/,
        ],
        [
            "stopped",
            "Client.InstanceInitiatedShutdown: Instance initiated shutdown",
            "LAUNCH_FAILED",
            /keepOnFailure/,
        ],
    ] as const) {
        it(`${state}, ${reason ?? "no reason"}: ${code ?? "is there"}`, () => {
            const instance: Instance = {
                State: { Name: state },
                ...(reason === undefined ? {} : { StateReason: { Message: reason } }),
            };
            const failure = endOf(instance);
            expect(failure?.code).to.equal(code);
            expect(failure?.remedy ?? "").to.match(remedy ?? /^$/);
        });
    }

    it("is what carries the same execution", () => {
        const copies = groupCopies(
            [
                { InstanceId: "i-1", Tags: tagsOf("acs-1", { [tagKeys.lease]: at(60) }) },
                { InstanceId: "i-2", Tags: tagsOf("acs-2", { [tagKeys.state]: "kept" }) },
                { InstanceId: "i-3" },
            ],
            [{ VolumeId: "vol-1", Tags: tagsOf("acs-1", { [tagKeys.lease]: at(-60) }) }],
        );
        expect(copies).to.deep.equal([
            {
                executionId: "acs-1",
                instanceIds: ["i-1"],
                volumeIds: ["vol-1"],
                kept: false,
                lease: NOW + 60_000,
            },
            { executionId: "acs-2", instanceIds: ["i-2"], volumeIds: [], kept: true, lease: undefined },
        ]);
    });

    for (const [kept, lease, fate] of [
        [false, NOW - 1, "reaped"],
        [false, NOW + 1, "awaited"],
        [false, undefined, "reaped"],
        [true, NOW - 1, "kept"],
    ] as const) {
        it(`${kept ? "kept" : "not kept"}, lease ${lease === undefined ? "unreadable" : lease - NOW}: ${fate}`, () => {
            expect(
                fateOf({ executionId: "acs-1", instanceIds: [], volumeIds: [], kept, lease }, NOW),
            ).to.equal(fate);
        });
    }

    for (const [line, code, words] of [
        ["refused NOT_ROOT 1000", "SUDO_REFUSED", /uid 1000/],
        ["refused WRONG_INSTANCE i-other", "WRONG_INSTANCE", /is i-other, not the copy/],
        ["refused SCRIPT missing", "SCRIPT_MISSING", /\/v does not exist on the copy/],
        ["refused SCRIPT not-executable writable", "SCRIPT_UNSAFE", /not executable and can be written/],
        ["refused HOST_UNSUITABLE no folder can be made in /run", "HOST_UNSUITABLE", /no folder can be made/],
        ["anything else", "HOST_UNSUITABLE", /anything else/],
        [undefined, "HOST_UNSUITABLE", /no answer/],
    ] as const) {
        it(`says ${String(line)}: ${code}`, () => {
            const failure = refusalOf(line, "i-copy", "/v");
            expect(failure.code).to.equal(code);
            expect(failure.message).to.match(words);
        });
    }
});
