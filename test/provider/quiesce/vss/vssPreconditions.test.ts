import { assert } from "chai";
import type { InstanceInformation } from "@aws-sdk/client-ssm";
import type { Source } from "../../../../provider/aws/instance";
import { instanceFailures, managedFailures } from "../../../../provider/quiesce/vss/vssPreconditions";

function source(changes: { state?: string; platform?: string; instanceType?: string } = {}): Source {
    const { state = "running", platform = "windows", instanceType = "m5.large" } = changes;
    return { state, facts: { platform, instanceType } } as unknown as Source;
}

describe("what stands against VSS: the instance", () => {
    const codes = (changes?: Parameters<typeof source>[0]) =>
        instanceFailures(source(changes)).map(({ code }) => code);

    it("nothing", () => assert.deepEqual(codes(), []));

    for (const instanceType of ["t2.nano", "t2.micro", "t3.nano", "t3.micro", "t3a.nano", "t3a.micro"]) {
        it(`${instanceType}: too small`, () => {
            const [failure] = instanceFailures(source({ instanceType }));
            assert.equal(failure?.code, "VSS_UNSUPPORTED");
            assert.match(failure?.message ?? "", new RegExp(`${instanceType} has too little memory`));
        });
    }
    for (const instanceType of ["t2.small", "t3.medium", "t4g.micro", "m5.large", "xt2.micro", "t3.micro2"]) {
        it(`${instanceType}: may do`, () => assert.deepEqual(codes({ instanceType }), []));
    }
    it("Linux", () => assert.deepEqual(codes({ platform: "linux" }), ["VSS_UNSUPPORTED"]));
    it("stopped, Linux and too small: all of it", () => {
        assert.deepEqual(codes({ state: "stopped", platform: "linux", instanceType: "t2.nano" }), [
            "INSTANCE_STATE",
            "VSS_UNSUPPORTED",
            "VSS_UNSUPPORTED",
        ]);
    });
});

describe("what stands against VSS: Systems Manager", () => {
    const good = { PingStatus: "Online", AgentVersion: "3.3.40.0", PlatformVersion: "10.0.20348" } as const;

    for (const [what, managed, expected] of [
        ["nothing", good, []],
        ["not managed", undefined, ["SSM_NOT_MANAGED"]],
        ["ping lost", { ...good, PingStatus: "ConnectionLost" }, ["SSM_OFFLINE"]],
        ["inactive", { ...good, PingStatus: "Inactive" }, ["SSM_OFFLINE"]],
        ["an unknown ping", { AgentVersion: "3.3.40.0" }, ["SSM_OFFLINE"]],
        ["the oldest agent that may do", { ...good, AgentVersion: "3.0.502.0" }, []],
        ["the last agent that may not", { ...good, AgentVersion: "3.0.501.99" }, ["SSM_AGENT_TOO_OLD"]],
        ["an agent of two digits", { ...good, AgentVersion: "2.3.1644.0" }, ["SSM_AGENT_TOO_OLD"]],
        ["an unknown agent", { PingStatus: "Online" }, ["SSM_AGENT_TOO_OLD"]],
        ["Windows Server 2016", { ...good, PlatformVersion: "10.0.14393" }, []],
        ["Windows Server 2012 R2", { ...good, PlatformVersion: "6.3.9600" }, ["VSS_UNSUPPORTED"]],
        [
            "all of it",
            { PingStatus: "Inactive", AgentVersion: "2.0", PlatformVersion: "6.1.7601" },
            ["SSM_OFFLINE", "SSM_AGENT_TOO_OLD", "VSS_UNSUPPORTED"],
        ],
    ] as [string, InstanceInformation | undefined, string[]][]) {
        it(`${what}: ${expected.join(", ") || "may do"}`, () => {
            const failures = managedFailures(managed);
            assert.deepEqual(
                failures.map(({ code }) => code),
                expected,
            );
            for (const { message, remedy } of failures) {
                assert.match(message, /\.$/);
                assert.match(remedy, /\.$/);
            }
        });
    }
});
