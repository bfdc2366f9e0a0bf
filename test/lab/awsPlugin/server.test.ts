import { assert } from "chai";
import { contentsOf } from "../../../lab/cloud/cloudContents";
import { failed, succeeded } from "../../../lab/engine/e2e";
import { type LocalCloud, startLocalCloud } from "../../../lab/cloud/localCloud";
import { makeProject, type Project } from "../../../lab/engine/project";

const AWAY = "eu-west-1";

/** The real SDK and the real engine; what a program of users cannot tell from the real plugin is tested in e2e/. */
describe("AWS plugin", function () {
    this.timeout(300_000);
    let cloud: LocalCloud;
    let project: Project;

    before(async () => {
        cloud = await startLocalCloud({ snapshotDurationMs: 0 });
        project = await makeProject({
            program: "",
            env: cloud.env,
        });
    });
    after(async () => {
        await project.dispose();
        await cloud.stop();
    });

    const SDK = 'import * as aws from "@pulumi/aws";\n';
    const run = async (program: string, operation: "preview" | "up" = "preview") => {
        project.setProgram(SDK + program);
        return await project[operation]();
    };

    it("refuses types, properties, settings and functions that it does not serve", async () => {
        const refused: [program: string, words: RegExp][] = [
            ['new aws.s3.Bucket("b");', /does not serve aws:s3\/bucket:Bucket/],
            ['new aws.ec2.Ami("i", { ramdiskId: "x" });', /ramdiskId/],
            [
                'const provider = new aws.Provider("p", { defaultTags: { tags: { a: "b" } } });' +
                    'new aws.ec2.Ami("i", {}, { provider });',
                /does not serve aws\.Provider's defaultTags/,
            ],
            ["void aws.getCallerIdentity();", /does not serve aws:index\/getCallerIdentity/],
        ];
        for (const [program, words] of refused) {
            assert.match(failed(await run(program)).diagnostics, words);
        }
    });

    it("keeps what was created and cannot be used, and deletes it with its snapshots", async () => {
        const { instanceId } = await cloud.createInstance({ volumes: 1 });
        const key = "arn:aws:kms:us-east-1:123456789012:key/1";
        const program = `
import { AppConsistentSnapshot } from "pulumi-app-consistent-snapshot";
const { id, snapshots } = new AppConsistentSnapshot("s", { instanceId: "${instanceId}", quiesce: { method: "none" } });
const source = new aws.ec2.Ami("source", {
    name: id,
    rootDeviceName: "/dev/sda1",
    virtualizationType: "hvm",
    ebsBlockDevices: snapshots.apply((all) => all.map(({ deviceName, snapshotId }) => ({ deviceName, snapshotId }))),
});
const provider = new aws.Provider("away", { region: "${AWAY}" });
const copy = new aws.ec2.AmiCopy("copy", {
    sourceAmiId: source.id,
    sourceAmiRegion: source.region,
    encrypted: true,
    kmsKeyId: "${key}",
}, { provider });
`;
        const { diagnostics } = failed(await run(program, "up"));
        assert.match(diagnostics, /is failed: Given key ID is not accessible/);
        const { images } = await contentsOf(cloud, AWAY);
        const copy = project.state().resources.find(({ type }) => type.endsWith("AmiCopy"));
        assert.deepEqual(
            images.map(({ ImageId }) => ImageId),
            [copy?.id],
        );
        succeeded(await project.destroy());
        const left = await contentsOf(cloud, AWAY);
        assert.isEmpty([...left.images, ...left.snapshots]);
    });
});
