import { DescribeVolumesCommand, EC2Client } from "@aws-sdk/client-ec2";
import { GetCommandInvocationCommand, SSMClient } from "@aws-sdk/client-ssm";
import { expect } from "chai";
import type { CloudInstance, LocalCloud } from "../../../lab/cloud/localCloud";
import { sharedCloud, useCloud } from "../../../lab/cloud/sharedCloud";
import { rejection } from "../../../lab/rejection";
import { configure, create } from "../../../lab/scenes/lifecycle";
import { clientsFor } from "../../../provider/aws/clients";
import { isRefusal, request } from "../../../provider/aws/request";
import { timing } from "../../../provider/base/timing";

/** nginx's, which is no XML: its <hr> is never closed. */
const PAGE = `<html>\r
<head><title>503 Service Temporarily Unavailable</title></head>\r
<body>\r
<center><h1>503 Service Temporarily Unavailable</h1></center>\r
<hr><center>nginx</center>\r
</body>\r
</html>`;
const LONG = `<!DOCTYPE html><html><body><p>Blocked by <b>policy</b><br>${"see the intranet ".repeat(30)}`;

describe("an answer that is not AWS's", () => {
    const usual = { ...timing };
    let cloud: LocalCloud;
    let instance: CloudInstance;
    let restore: () => void;
    let ec2: EC2Client;
    let ssm: SSMClient;

    before(async () => {
        cloud = await sharedCloud();
        restore = useCloud(cloud);
        configure(new Map<string, string>());
        instance = await cloud.createInstance({ volumes: 2 });
        const once = { ...cloud.clientConfig(), maxAttempts: 1 };
        ec2 = new EC2Client(once);
        ssm = new SSMClient(once);
    });
    afterEach(async () => {
        Object.assign(timing, usual);
        await cloud.reset();
    });
    after(() => {
        ec2.destroy();
        ssm.destroy();
        restore();
    });

    const signal = () => AbortSignal.timeout(60_000);
    const ofEc2 = () =>
        request("ec2:DescribeVolumes", signal(), (abortSignal) =>
            ec2.send(new DescribeVolumesCommand({ VolumeIds: instance.volumeIds }), { abortSignal }),
        );
    const ofSystemsManager = () =>
        request("ssm:GetCommandInvocation", signal(), (abortSignal) =>
            ssm.send(
                new GetCommandInvocationCommand({
                    CommandId: "00000000-0000-4000-8000-000000000000",
                    InstanceId: instance.instanceId,
                }),
                { abortSignal },
            ),
        );

    const rows: [what: string, status: number, body: string, send: () => Promise<unknown>, words: RegExp][] =
        [
            ["a page", 503, PAGE, ofEc2, /: HTTP 503, which .*: "503 Service Temporarily Unavailable"\. /],
            [
                "a long page",
                502,
                LONG,
                ofEc2,
                /: HTTP 502, which .*: "Blocked by policy see the intranet .{80,100}\.\.\."\. /,
            ],
            [
                "plain text",
                503,
                "upstream connect error",
                ofEc2,
                /: HTTP 503, which .*: "upstream connect error"\. /,
            ],
            ["nothing", 504, "", ofEc2, /: HTTP 504, which is no answer of AWS's\. /],
            ["a portal's page", 200, PAGE, ofEc2, /: HTTP 200, which .*: "503 Service/],
            ["a firewall's page", 403, PAGE, ofEc2, /: HTTP 403, which /],
            [
                "a page instead of JSON",
                503,
                PAGE,
                ofSystemsManager,
                /: HTTP 503, which is no answer of AWS's\. /,
            ],
        ];
    for (const [what, status, body, send, words] of rows) {
        it(`${what} with ${status} is told in short, and refuses nothing`, async () => {
            await cloud.fault("*", { kind: "page", status, body });
            const error = await rejection(send());
            expect(error.message)
                .to.match(words)
                .and.match(/^AWS_ERROR: .*What to do: .*check the proxy/);
            expect(error.message).not.to.match(/XML|JSON|Deserialization|</);
            expect(isRefusal(error)).to.equal(false);
        });
    }

    it("is tried again: a load balancer that is busy", async () => {
        const { ec2: patient } = await clientsFor();
        await cloud.fault("DescribeVolumes", { kind: "page", status: 503, body: PAGE }, { times: 2 });
        const { Volumes } = await patient.send(new DescribeVolumesCommand({ VolumeIds: instance.volumeIds }));
        expect(Volumes).to.have.length(2);
    });

    it("to CreateSnapshots says nothing of the set, which is looked for and deleted", async () => {
        timing.visibleMs = 2_000;
        // Simulated: AWS has carried it out, and a firewall keeps its answer back.
        await cloud.fault("CreateSnapshots", { kind: "page", phase: "after", status: 403, body: PAGE });
        const error = await rejection(
            create({ instanceId: instance.instanceId, quiesce: { method: "none" }, owner: "urn:foreign" }),
        );
        expect(error.message).to.match(
            /^SNAPSHOT_OUTCOME_UNKNOWN .*\(HTTP 403, which .*no snapshot was kept/,
        );
        expect(await cloud.snapshots(instance)).to.deep.equal([]);
    });
});
