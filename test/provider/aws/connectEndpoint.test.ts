import type { Ec2InstanceConnectEndpoint } from "@aws-sdk/client-ec2";
import { expect } from "chai";
import { chooseEndpoint } from "../../../provider/aws/connectEndpoint";

describe("chooseEndpoint", () => {
    const instance = { InstanceId: "i-1", VpcId: "vpc-1", SubnetId: "subnet-1" };
    const endpoint = (
        id: string,
        State: Ec2InstanceConnectEndpoint["State"],
        more: Ec2InstanceConnectEndpoint = {},
    ): Ec2InstanceConnectEndpoint => ({
        InstanceConnectEndpointId: id,
        State,
        VpcId: "vpc-1",
        SubnetId: "subnet-2",
        ...more,
    });

    const chosen: [what: string, endpoints: Ec2InstanceConnectEndpoint[], id: string][] = [
        ["the only one", [endpoint("a", "create-complete")], "a"],
        [
            "that of the instance's subnet",
            [endpoint("a", "create-complete"), endpoint("b", "update-complete", { SubnetId: "subnet-1" })],
            "b",
        ],
        ["one that is changed", [endpoint("a", "create-failed"), endpoint("b", "update-in-progress")], "b"],
        [
            "one whose change failed",
            [endpoint("a", "delete-in-progress"), endpoint("b", "update-failed")],
            "b",
        ],
        [
            "one of another VPC that keeps its own address",
            [endpoint("a", "create-complete", { VpcId: "vpc-2" })],
            "a",
        ],
    ];
    for (const [what, endpoints, id] of chosen) {
        it(`takes ${what}`, () => {
            expect(chooseEndpoint(endpoints, instance, undefined)).to.include({
                InstanceConnectEndpointId: id,
            });
        });
    }

    const refused: [
        what: string,
        endpoints: Ec2InstanceConnectEndpoint[],
        id: string | undefined,
        said: RegExp,
    ][] = [
        ["none", [], undefined, /^There is no EC2 Instance Connect Endpoint in vpc-1, the VPC of i-1\.$/],
        [
            "one that could not be made",
            [endpoint("a", "create-failed", { StateMessage: "no more addresses" })],
            undefined,
            /in vpc-1, .* that can be used: a is create-failed \(no more addresses\)/,
        ],
        [
            "a named one that is deleted",
            [endpoint("a", "delete-complete")],
            "a",
            /Endpoint a, that can be used: a is delete/,
        ],
        [
            "one of another VPC that preserves the client's address",
            [endpoint("a", "create-complete", { VpcId: "vpc-2", PreserveClientIp: true })],
            "a",
            /a is in vpc-2, but i-1 is in vpc-1/,
        ],
    ];
    for (const [what, endpoints, id, said] of refused) {
        it(`refuses ${what}`, () => {
            const failure = chooseEndpoint(endpoints, instance, id);
            expect(failure).to.include({ code: "TUNNEL_FAILED" });
            expect((failure as { message: string }).message).to.match(said);
        });
    }

    it("waits for one that is being made", () => {
        expect(chooseEndpoint([endpoint("a", "create-in-progress")], instance, undefined)).to.deep.equal({
            pending: "a is create-in-progress",
        });
    });
});
