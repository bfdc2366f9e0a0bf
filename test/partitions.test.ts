import { expect } from "chai";
import { type LocalCloud, startLocalCloud } from "../lab/cloud/localCloud";
import { useCloud } from "../lab/cloud/sharedCloud";
import { rejection } from "../lab/rejection";
import * as lifecycle from "../lab/scenes/lifecycle";
import { clientsFor } from "../provider/aws/clients";
import { type Policy, policiesOf, sectionOf } from "./pages";

const rows: [partition: string, region: string, domain: string][] = [
    ["aws", "eu-central-1", "amazonaws.com"],
    ["aws-cn", "cn-north-1", "amazonaws.com.cn"],
    ["aws-us-gov", "us-gov-west-1", "amazonaws.com"],
    ["aws-eusc", "eusc-de-east-1", "amazonaws.eu"],
];
const [OF_THE_PAGE = { Statement: [] }] = policiesOf(sectionOf("docs/iam.md", "Whoever runs `pulumi up`"));
/** As the page says, under "Other partitions". */
const policyOf = (partition: string) =>
    JSON.parse(JSON.stringify(OF_THE_PAGE).replaceAll("arn:aws:", `arn:${partition}:`)) as Policy;

describe("partitions", function () {
    this.timeout(60_000);
    let cloud: LocalCloud;
    let restore: () => void;

    before(async () => {
        cloud = await startLocalCloud({ snapshotDurationMs: 0 });
        restore = useCloud(cloud);
        lifecycle.configure(new Map<string, string>());
    });
    afterEach(() => cloud.reset());
    after(async () => {
        restore();
        await cloud.stop();
    });

    for (const [partition, region, domain] of rows) {
        it(`${partition}: the SDK's endpoints are asked`, async () => {
            const { ec2, ssm, sts } = await clientsFor({ region });
            for (const [service, { config }] of Object.entries({ ec2, ssm, sts })) {
                const params = { Region: region, UseFIPS: false, UseDualStack: false };
                const { url } = config.endpointProvider(params);
                expect(url.hostname).to.equal(`${service}.${region}.${domain}`);
            }
        });

        it(`${partition}: the policy is enough to take, tag and delete a set`, async () => {
            const { instanceId } = await cloud.createInstance({ volumes: 2, region });
            await cloud.allowPolicy(policyOf(partition).Statement);
            const inputs = {
                instanceId,
                quiesce: { method: "none" as const },
                aws: { region },
                owner: `urn:${region}`,
            };
            const { id, outs } = await lifecycle.create(inputs);
            await lifecycle.update(id, outs, { ...inputs, tags: { team: "shop" } });
            await lifecycle.remove(id, outs);
            expect(await cloud.snapshots(undefined, region)).to.deep.equal([]);
        });
    }

    it("a policy of another partition allows nothing", async () => {
        const region = "cn-north-1";
        const { instanceId } = await cloud.createInstance({ volumes: 1, region });
        await cloud.allowPolicy(policyOf("aws").Statement);
        const inputs = {
            instanceId,
            quiesce: { method: "none" as const },
            aws: { region },
            owner: "urn:refused",
        };
        expect((await rejection(lifecycle.create(inputs))).message).to.match(
            /ACCESS_DENIED.*arn:aws-cn:iam::/,
        );
    });
});
