import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

import {
    AttachVolumeCommand,
    CreateSnapshotsCommand,
    CreateTagsCommand,
    DeleteSnapshotCommand,
    DeleteTagsCommand,
    DeregisterImageCommand,
    DescribeImagesCommand,
    DescribeInstancesCommand,
    DescribeSnapshotsCommand,
    DescribeVolumesCommand,
    DetachVolumeCommand,
    EC2Client,
    GetConsoleOutputCommand,
    RegisterImageCommand,
    StopInstancesCommand,
    TerminateInstancesCommand,
    paginateDescribeSnapshots,
    type CreateSnapshotsCommandInput,
    type SnapshotInfo,
} from "@aws-sdk/client-ec2";
import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { expect } from "chai";

import {
    type CloudInstance,
    type FaultSpec,
    type LocalCloud,
    consoleOutputOfHostKeys,
    startLocalCloud,
} from "../../../lab/cloud/localCloud";

interface ServiceError extends Error {
    $metadata?: { httpStatusCode?: number };
    code?: string;
}

async function failure(promise: Promise<unknown>): Promise<ServiceError> {
    try {
        await promise;
    } catch (error) {
        return error as ServiceError;
    }
    throw new Error("it succeeded");
}

describe("local cloud", () => {
    let cloud: LocalCloud;
    let ec2: EC2Client;
    let sts: STSClient;

    before(async () => {
        cloud = await startLocalCloud();
        // One request is to be one request.
        ec2 = new EC2Client({ ...cloud.clientConfig(), maxAttempts: 1 });
        sts = new STSClient({ ...cloud.clientConfig(), maxAttempts: 1 });
    });

    beforeEach(() => cloud.clearCalls());

    afterEach(() => cloud.reset());

    after(async () => {
        ec2.destroy();
        sts.destroy();
        await cloud.stop();
    });

    async function take(
        instance: CloudInstance,
        input: Partial<CreateSnapshotsCommandInput> = {},
        specification: Partial<CreateSnapshotsCommandInput["InstanceSpecification"]> = {},
    ): Promise<SnapshotInfo[]> {
        const { Snapshots = [] } = await ec2.send(
            new CreateSnapshotsCommand({
                ...input,
                InstanceSpecification: { InstanceId: instance.instanceId, ...specification },
            }),
        );
        return Snapshots;
    }

    async function describeByIds(snapshots: SnapshotInfo[]) {
        const ids = snapshots.map((snapshot) => snapshot.SnapshotId!);
        const { Snapshots = [] } = await ec2.send(new DescribeSnapshotsCommand({ SnapshotIds: ids }));
        return Snapshots;
    }

    const tagged = (tags: Record<string, string>): Partial<CreateSnapshotsCommandInput> => ({
        TagSpecifications: [
            {
                ResourceType: "snapshot",
                Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
            },
        ],
    });

    const manyTags = (count: number) =>
        Object.fromEntries(Array.from({ length: count }, (_, index) => [`key-${index}`, "value"]));

    describe("snapshots", () => {
        it("are pending with growing progress, then completed, all started at one time", async () => {
            const instance = await cloud.createInstance({ volumes: 3 });
            await cloud.configureSnapshots({ durationMs: 60_000 }, instance.instanceId);
            const before = Date.now();

            const created = await take(instance);

            expect(created.map((one) => one.VolumeId)).to.have.members(instance.volumeIds);
            expect(created.map((one) => `${one.State!} ${one.Progress!}`)).to.deep.equal(
                Array(3).fill("pending 0%"),
            );
            const starts = new Set(created.map((one) => one.StartTime!.getTime()));
            expect(starts.size).to.equal(1);
            expect([...starts][0]).to.be.within(before - 1, Date.now() + 1);
            for (const one of await describeByIds(created)) {
                expect(one.State).to.equal("pending");
                expect(Number.parseInt(one.Progress!)).to.be.within(0, 99);
            }
            await cloud.completeSnapshots(created.map((one) => one.SnapshotId!));
            for (const one of await describeByIds(created)) {
                expect(`${one.State!} ${one.Progress!}`).to.equal("completed 100%");
                expect(starts.has(one.StartTime!.getTime())).to.be.true;
            }
        });

        it("complete by themselves after their time", async () => {
            const instance = await cloud.createInstance({ volumes: 1 });
            await cloud.configureSnapshots({ durationMs: 1 });
            const created = await take(instance);
            await describeByIds(created);
            expect((await describeByIds(created))[0]!.State).to.equal("completed");
        });

        it("fail together", async () => {
            const instance = await cloud.createInstance({ volumes: 3 });
            await cloud.configureSnapshots({ durationMs: 60_000 }, instance.instanceId);
            const created = await take(instance);
            await cloud.failSnapshots([created[1]!.SnapshotId!], "a message");
            for (const one of await describeByIds(created)) {
                expect([one.State, one.StateMessage]).to.deep.equal(["error", "a message"]);
            }
        });

        it("fail by themselves when told beforehand", async () => {
            const instance = await cloud.createInstance({ volumes: 2 });
            await cloud.configureSnapshots({ durationMs: 60_000, failAfterMs: 0 }, instance.instanceId);
            const created = await take(instance);
            expect((await describeByIds(created)).map((one) => one.State)).to.deep.equal(["error", "error"]);
        });

        it("leave out what is excluded", async () => {
            const instance = await cloud.createInstance({ volumes: 4 });
            const [root, first, second, third] = instance.volumeIds;
            const taken = async (specification: CreateSnapshotsCommandInput["InstanceSpecification"]) =>
                (await take(instance, {}, specification)).map((one) => one.VolumeId);
            expect(await taken({ InstanceId: instance.instanceId, ExcludeBootVolume: true })).to.have.members(
                [first, second, third],
            );
            expect(
                await taken({ InstanceId: instance.instanceId, ExcludeDataVolumeIds: [first!, third!] }),
            ).to.have.members([root, second]);
        });

        it("cannot leave out the root volume, foreign volumes or all by id", async () => {
            const instance = await cloud.createInstance({ volumes: 2 });
            const other = await cloud.createInstance({ volumes: 1 });
            for (const specification of [
                { ExcludeDataVolumeIds: [instance.rootVolumeId] },
                { ExcludeDataVolumeIds: [other.rootVolumeId] },
                { ExcludeBootVolume: true, ExcludeDataVolumeIds: [instance.volumeIds[1]!] },
            ]) {
                const error = await failure(
                    take(instance, {}, { InstanceId: instance.instanceId, ...specification }),
                );
                expect(error.name).to.equal("InvalidParameterValue");
            }
            expect(await cloud.snapshots(instance)).to.be.empty;
        });

        it("copy tags of volumes, where given ones win and aws: ones stay behind", async () => {
            const instance = await cloud.createInstance({
                volumes: [{ tags: { a: "volume", b: "volume", "aws:x": "y" } }, {}],
            });
            const created = await take(instance, { ...tagged({ b: "given" }), CopyTagsFromSource: "volume" });
            const tagsOf = (volumeId: string) =>
                created
                    .find((one) => one.VolumeId === volumeId)!
                    .Tags!.map((tag) => `${tag.Key!}=${tag.Value!}`)
                    .sort();
            expect(tagsOf(instance.volumeIds[0]!)).to.deep.equal(["a=volume", "b=given"]);
            expect(tagsOf(instance.volumeIds[1]!)).to.deep.equal(["b=given"]);
        });

        it("have at most 50 tags, the copied ones included", async () => {
            const instance = await cloud.createInstance({ volumes: [{ tags: manyTags(40) }] });
            const ten = Object.fromEntries(Array.from({ length: 10 }, (_, index) => [`own-${index}`, ""]));
            const copying = { CopyTagsFromSource: "volume" } as const;
            await take(instance, { ...tagged(ten), ...copying });
            const error = await failure(take(instance, { ...tagged({ ...ten, more: "" }), ...copying }));
            expect(error.name).to.equal("TagLimitExceeded");
            expect(await cloud.snapshots(instance)).to.have.length(1);
        });

        it("are only tried with DryRun", async () => {
            const instance = await cloud.createInstance();
            const error = await failure(take(instance, { DryRun: true }));
            expect([error.name, error.$metadata?.httpStatusCode]).to.deep.equal(["DryRunOperation", 412]);
            expect(await cloud.snapshots(instance)).to.be.empty;
        });

        it("can be taken of stopped instances, not of terminated, unknown or malformed ones", async () => {
            const instance = await cloud.createInstance({ volumes: 1, state: "stopped" });
            expect(await take(instance)).to.have.length(1);
            await cloud.setInstanceState(instance.instanceId, "terminated");
            expect((await failure(take(instance))).name).to.equal("IncorrectInstanceState");
            const unknown = { ...instance, instanceId: "i-00000000000000000" };
            expect((await failure(take(unknown))).name).to.equal("InvalidInstanceID.NotFound");
            const malformed = { ...instance, instanceId: "server" };
            expect((await failure(take(malformed))).name).to.equal("InvalidInstanceID.Malformed");
        });

        for (const { type, limit } of [
            { type: "gp3", limit: 5 },
            { type: "st1", limit: 1 },
        ]) {
            it(`pend at most ${limit} times on a volume of type ${type}, even if they are deleted`, async () => {
                const instance = await cloud.createInstance({ volumes: [{}, { type }] });
                await cloud.configureSnapshots({ durationMs: 60_000 }, instance.instanceId);
                for (let count = 0; count < limit; count++) {
                    await take(instance);
                }
                expect((await failure(take(instance))).name).to.equal("ConcurrentSnapshotLimitExceeded");
                const ids = (await cloud.snapshots(instance)).map((one) => one.snapshotId);
                expect(ids).to.have.length(2 * limit);
                for (const id of ids) {
                    await ec2.send(new DeleteSnapshotCommand({ SnapshotId: id }));
                }
                expect(await cloud.snapshots(instance)).to.be.empty;
                expect((await failure(take(instance))).name).to.equal("ConcurrentSnapshotLimitExceeded");
            });
        }

        it("keep to the account's limit and to the volume's rate", async () => {
            const instance = await cloud.createInstance({ volumes: 2 });
            await cloud.setSnapshotLimits({ account: 1 });
            expect((await failure(take(instance))).name).to.equal("SnapshotLimitExceeded");
            await cloud.setSnapshotLimits({ volumeIntervalMs: 60_000 });
            await take(instance);
            expect((await failure(take(instance))).name).to.equal("SnapshotCreationPerVolumeRateExceeded");
            await cloud.setSnapshotLimits({});
            await take(instance);
        });

        it("can be taken of 128 volumes at once", async () => {
            const instance = await cloud.createInstance({ volumes: 128 });
            expect(await take(instance)).to.have.length(128);
        });

        it("are unknown to Describe for a while when consistency is eventual", async () => {
            const instance = await cloud.createInstance({ volumes: 1 });
            await cloud.configureSnapshots({ invisibleMs: 60_000 }, instance.instanceId);
            const created = await take(instance, tagged({ hidden: instance.instanceId }));
            const byTag = new DescribeSnapshotsCommand({
                Filters: [{ Name: "tag:hidden", Values: [instance.instanceId] }],
            });
            expect((await ec2.send(byTag)).Snapshots).to.be.empty;
            expect((await failure(describeByIds(created))).name).to.equal("InvalidSnapshot.NotFound");
            expect(await cloud.snapshots(instance)).to.have.length(1);
        });

        it("are found by tag, volume, status and owner, page by page", async () => {
            const instance = await cloud.createInstance({ volumes: 7 });
            await cloud.configureSnapshots({ durationMs: 60_000 }, instance.instanceId);
            const created = await take(instance, tagged({ set: instance.instanceId }));
            const find = async (...filters: [string, string][]) => {
                const Filters = filters.map(([Name, value]) => ({ Name, Values: [value] }));
                const pages = paginateDescribeSnapshots(
                    { client: ec2, pageSize: 5 },
                    { Filters, OwnerIds: ["self"] },
                );
                const sizes: number[] = [];
                for await (const page of pages) {
                    sizes.push(page.Snapshots!.length);
                }
                return sizes;
            };
            const set: [string, string] = ["tag:set", instance.instanceId];
            expect(await find(set)).to.deep.equal([5, 2]);
            expect(await find(set, ["volume-id", created[0]!.VolumeId!])).to.deep.equal([1]);
            expect(await find(set, ["status", "pending"])).to.deep.equal([5, 2]);
            expect(await find(set, ["status", "completed"])).to.deep.equal([0]);
            expect(await find(set, ["owner-id", "123456789012"])).to.deep.equal([5, 2]);
            expect(await find(set, ["owner-id", "999999999999"])).to.deep.equal([0]);
        });

        it("are deleted once, and only tried with DryRun", async () => {
            const instance = await cloud.createInstance({ volumes: 1 });
            const [created] = await take(instance);
            const remove = (DryRun: boolean) =>
                ec2.send(new DeleteSnapshotCommand({ SnapshotId: created!.SnapshotId, DryRun }));
            expect((await failure(remove(true))).name).to.equal("DryRunOperation");
            await remove(false);
            expect((await failure(remove(false))).name).to.equal("InvalidSnapshot.NotFound");
        });

        it("are kept by the image that is made of them", async () => {
            const instance = await cloud.createInstance({ volumes: 2 });
            await cloud.configureSnapshots({ durationMs: 60_000 }, instance.instanceId);
            const created = await take(instance);
            const register = (extra: object = {}) =>
                ec2.send(
                    new RegisterImageCommand({
                        Name: `image-of-${instance.instanceId}`,
                        RootDeviceName: "/dev/sda1",
                        Architecture: "x86_64",
                        BlockDeviceMappings: [
                            {
                                DeviceName: "/dev/sda1",
                                Ebs: { SnapshotId: created[0]!.SnapshotId, ...extra },
                            },
                            { DeviceName: "/dev/sdf", Ebs: { SnapshotId: created[1]!.SnapshotId } },
                        ],
                    }),
                );
            expect((await failure(register())).name).to.equal("IncorrectState");
            await cloud.completeSnapshots(created.map((one) => one.SnapshotId!));
            expect((await failure(register({ Encrypted: true }))).name).to.equal("InvalidBlockDeviceMapping");
            const { ImageId } = await register();
            expect((await failure(register())).name).to.equal("InvalidAMIName.Duplicate");

            const { Images } = await ec2.send(new DescribeImagesCommand({ ImageIds: [ImageId!] }));
            expect(Images![0]!.BlockDeviceMappings!.map((device) => device.Ebs!.SnapshotId)).to.deep.equal(
                created.map((one) => one.SnapshotId),
            );
            const remove = new DeleteSnapshotCommand({ SnapshotId: created[1]!.SnapshotId });
            const error = await failure(ec2.send(remove));
            expect(error.name).to.equal("InvalidSnapshot.InUse");
            expect(error.message).to.equal(
                `The snapshot ${created[1]!.SnapshotId!} is currently in use by ${ImageId!}`,
            );
            await ec2.send(new DeregisterImageCommand({ ImageId }));
            await ec2.send(remove);
        });

        it("are tagged later, within the same rules", async () => {
            const instance = await cloud.createInstance({ volumes: 1 });
            const [created] = await take(instance, tagged(manyTags(49)));
            const Resources = [created!.SnapshotId!];
            const tag = (Key: string, DryRun = false) =>
                ec2.send(new CreateTagsCommand({ Resources, Tags: [{ Key, Value: "v" }], DryRun }));
            expect((await failure(tag("last", true))).name).to.equal("DryRunOperation");
            await tag("last");
            expect((await failure(tag("one-more"))).name).to.equal("TagLimitExceeded");
            expect((await failure(tag("aws:reserved"))).name).to.equal("InvalidParameterValue");
            const untag = (DryRun: boolean) =>
                ec2.send(new DeleteTagsCommand({ Resources, Tags: [{ Key: "key-0" }], DryRun }));
            expect((await failure(untag(true))).name).to.equal("DryRunOperation");
            await untag(false);
            const [now] = await cloud.snapshots(instance);
            expect(Object.keys(now!.tags)).to.include("last").and.not.include("key-0");
            await cloud.deleteSnapshots(Resources);
            expect((await failure(tag("gone"))).name).to.equal("InvalidSnapshot.NotFound");
        });
    });

    describe("instances", () => {
        const describeInstance = async (instanceId: string, client = ec2) => {
            const { Reservations } = await client.send(
                new DescribeInstancesCommand({ InstanceIds: [instanceId] }),
            );
            return Reservations![0]!.Instances![0]!;
        };

        it("say what an image needs to know of them", async () => {
            const instance = await cloud.createInstance({
                platform: "windows",
                bootMode: "uefi",
                currentInstanceBootMode: "uefi",
                tpmSupport: "v2.0",
                sriovNetSupport: "simple",
                productCodes: ["abcdef"],
                tags: { Name: "server" },
                rootDeviceName: "/dev/xvda",
                volumes: [{}, { device: "/dev/sdz", deleteOnTermination: true }],
            });
            const found = await describeInstance(instance.instanceId);
            expect(found).to.deep.include({
                Platform: "windows",
                PlatformDetails: "Windows",
                UsageOperation: "RunInstances:0002",
                BootMode: "uefi",
                CurrentInstanceBootMode: "uefi",
                TpmSupport: "v2.0",
                EnaSupport: true,
                SriovNetSupport: "simple",
                Architecture: "x86_64",
                VirtualizationType: "hvm",
                RootDeviceName: "/dev/xvda",
                RootDeviceType: "ebs",
                ProductCodes: [{ ProductCodeId: "abcdef", ProductCodeType: "marketplace" }],
                ImageId: instance.imageId,
            });
            expect(found.Placement?.AvailabilityZone).to.equal("us-east-1a");
            expect(found.Tags).to.deep.equal([{ Key: "Name", Value: "server" }]);
            expect(
                found.BlockDeviceMappings!.map((one) => [
                    one.DeviceName,
                    one.Ebs!.VolumeId,
                    one.Ebs!.DeleteOnTermination,
                ]),
            ).to.deep.equal([
                ["/dev/xvda", instance.volumeIds[0], true],
                ["/dev/sdz", instance.volumeIds[1], true],
            ]);
        });

        it("are of Linux unless told otherwise", async () => {
            const { instanceId } = await cloud.createInstance();
            const found = await describeInstance(instanceId);
            expect(found.Platform).to.be.undefined;
            expect([found.PlatformDetails, found.UsageOperation]).to.deep.equal([
                "Linux/UNIX",
                "RunInstances",
            ]);
        });

        it("have volumes of every kind, also shared ones", async () => {
            const instance = await cloud.createInstance({
                volumes: [
                    {},
                    { type: "gp3", sizeGiB: 100, iops: 4000, throughput: 250 },
                    { type: "io2", iops: 500, multiAttach: true },
                    { encrypted: true, kmsKeyId: "arn:aws:kms:us-east-1:123456789012:key/own" },
                    { encrypted: true, tags: { Name: "data" } },
                ],
            });
            const other = await cloud.createInstance({ volumes: 1 });
            const shared = instance.volumeIds[2]!;
            await ec2.send(
                new AttachVolumeCommand({
                    VolumeId: shared,
                    InstanceId: other.instanceId,
                    Device: "/dev/sdh",
                }),
            );
            const { Volumes = [] } = await ec2.send(
                new DescribeVolumesCommand({
                    Filters: [{ Name: "attachment.instance-id", Values: [instance.instanceId] }],
                }),
            );
            const byId = (id: string | undefined) => Volumes.find((volume) => volume.VolumeId === id)!;
            expect(Volumes).to.have.length(5);
            expect(byId(instance.volumeIds[1])).to.include({
                VolumeType: "gp3",
                Size: 100,
                Iops: 4000,
                Throughput: 250,
            });
            expect(byId(shared)).to.include({ VolumeType: "io2", Iops: 500, MultiAttachEnabled: true });
            expect(byId(shared).Attachments!.map((one) => one.InstanceId)).to.deep.equal([
                instance.instanceId,
                other.instanceId,
            ]);
            expect(byId(instance.volumeIds[3])).to.include({
                Encrypted: true,
                KmsKeyId: "arn:aws:kms:us-east-1:123456789012:key/own",
            });
            expect(byId(instance.volumeIds[4]).KmsKeyId).to.match(
                /^arn:aws:kms:us-east-1:123456789012:key\//,
            );
            expect(byId(instance.volumeIds[4]).Tags).to.deep.equal([{ Key: "Name", Value: "data" }]);
        });

        it("take volumes on and off", async () => {
            const instance = await cloud.createInstance({ volumes: 2 });
            const data = instance.volumeIds[1]!;
            const attach = new AttachVolumeCommand({
                VolumeId: data,
                InstanceId: instance.instanceId,
                Device: "/dev/sdx",
            });
            expect((await failure(ec2.send(attach))).name).to.equal("VolumeInUse");
            await ec2.send(new DetachVolumeCommand({ VolumeId: data }));
            await ec2.send(attach);
            const added = await cloud.attachVolume(instance.instanceId, { sizeGiB: 20 });
            await cloud.detachVolume(instance.instanceId, data);
            const found = await describeInstance(instance.instanceId);
            expect(found.BlockDeviceMappings!.map((one) => one.Ebs!.VolumeId)).to.deep.equal([
                instance.rootVolumeId,
                added.volumeId,
            ]);
        });

        it("stop, and take with them at termination what is not kept or shared", async () => {
            const instance = await cloud.createInstance({
                volumes: [{}, {}, { type: "io2", multiAttach: true, deleteOnTermination: true }],
            });
            const other = await cloud.createInstance({ volumes: 1 });
            await cloud.attachVolume(other.instanceId, { volumeId: instance.volumeIds[2]! });
            await ec2.send(new StopInstancesCommand({ InstanceIds: [instance.instanceId] }));
            expect((await describeInstance(instance.instanceId)).State?.Name).to.equal("stopped");
            await ec2.send(new TerminateInstancesCommand({ InstanceIds: [instance.instanceId] }));
            expect((await describeInstance(instance.instanceId)).State?.Name).to.equal("terminated");
            const { Volumes } = await ec2.send(
                new DescribeVolumesCommand({ Filters: [{ Name: "volume-id", Values: instance.volumeIds }] }),
            );
            expect(Volumes!.map((volume) => volume.VolumeId)).to.have.members(instance.volumeIds.slice(1));
        });

        it("print on their console what they are told to", async () => {
            const instance = await cloud.createInstance();
            const read = async () => {
                const command = new GetConsoleOutputCommand({ InstanceId: instance.instanceId });
                const { Output } = await ec2.send(command);
                return Output === undefined ? undefined : Buffer.from(Output, "base64").toString();
            };
            expect(await read()).to.be.undefined;
            const text = consoleOutputOfHostKeys(["ssh-ed25519 AAAA root@host"]);
            await cloud.setConsoleOutput(instance.instanceId, text);
            expect(await read()).to.equal(text);
            expect(text).to.match(
                /^ec2: -----BEGIN SSH HOST KEY FINGERPRINTS-----\r\nec2: 256 SHA256:[\w+/]{43} root@host \(ED25519\)\r$/m,
            );
            await cloud.setConsoleOutput(instance.instanceId, `${"x".repeat(70_000)}end`);
            const rolled = await read();
            expect(rolled).to.have.length(65_536).and.match(/end$/);
        });

        it("live in their region", async () => {
            const instance = await cloud.createInstance({ region: "eu-central-1", volumes: 1 });
            const client = new EC2Client(cloud.clientConfig({ region: "eu-central-1" }));
            const found = await describeInstance(instance.instanceId, client);
            client.destroy();
            expect(found.Placement?.AvailabilityZone).to.equal("eu-central-1a");
            const error = await failure(describeInstance(instance.instanceId));
            expect(error.name).to.equal("InvalidInstanceID.NotFound");
        });
    });

    describe("identity and permissions", () => {
        const identify = async (client = sts) =>
            (await client.send(new GetCallerIdentityCommand({}))).Account;

        it("is of the account that it is told, and sees nothing of another", async () => {
            const instance = await cloud.createInstance();
            expect(await identify()).to.equal("123456789012");
            await cloud.setAccount("210987654321");
            expect(await identify()).to.equal("210987654321");
            expect((await failure(take(instance))).name).to.equal("InvalidInstanceID.NotFound");
            await cloud.reset();
            await take(instance);
        });

        it("can be of another account for one key only", async () => {
            const accessKeyId = "AKIAOTHERACCOUNT0001";
            await cloud.setAccount("210987654321", accessKeyId);
            const other = new STSClient(cloud.clientConfig({ accessKeyId }));
            expect([await identify(other), await identify()]).to.deep.equal(["210987654321", "123456789012"]);
            other.destroy();
        });

        it("assumes roles, also of other accounts, for a time", async () => {
            const assume = async () => {
                const { Credentials } = await sts.send(
                    new AssumeRoleCommand({
                        RoleArn: "arn:aws:iam::333333333333:role/backup",
                        RoleSessionName: "test",
                    }),
                );
                const client = new STSClient({
                    ...cloud.clientConfig(),
                    credentials: {
                        accessKeyId: Credentials!.AccessKeyId!,
                        secretAccessKey: Credentials!.SecretAccessKey!,
                        sessionToken: Credentials!.SessionToken!,
                    },
                });
                return { client, expiration: Credentials!.Expiration! };
            };
            const long = await assume();
            expect(long.expiration.getTime() - Date.now()).to.be.within(3_500_000, 3_600_000);
            expect(await identify(long.client)).to.equal("333333333333");
            await cloud.setRoleDuration(0);
            const short = await assume();
            expect((await failure(identify(short.client))).name).to.equal("ExpiredToken");
            long.client.destroy();
            short.client.destroy();
        });

        it("expires", async () => {
            const instance = await cloud.createInstance();
            await cloud.expireCredentials("AKIASOMEBODYELSE0001");
            await take(instance);
            await cloud.expireCredentials();
            expect((await failure(take(instance))).name).to.equal("RequestExpired");
            const error = await failure(identify());
            expect([error.name, error.$metadata?.httpStatusCode]).to.deep.equal(["ExpiredToken", 403]);
        });

        it("may lack a permission", async () => {
            const instance = await cloud.createInstance();
            await cloud.deny("CreateSnapshots");
            const error = await failure(take(instance, { DryRun: true }));
            expect([error.name, error.$metadata?.httpStatusCode]).to.deep.equal([
                "UnauthorizedOperation",
                403,
            ]);
            expect(error.message).to.match(
                /ec2:CreateSnapshots.*Encoded authorization failure message: \S{100}/,
            );
        });

        for (const dryRun of [true, false]) {
            it(`may lack it only ${dryRun ? "under" : "without"} DryRun`, async () => {
                const instance = await cloud.createInstance({ volumes: 1 });
                await cloud.deny("CreateSnapshots", { dryRun });
                expect((await failure(take(instance, { DryRun: dryRun }))).name).to.equal(
                    "UnauthorizedOperation",
                );
                if (dryRun) {
                    await take(instance);
                } else {
                    expect((await failure(take(instance, { DryRun: true }))).name).to.equal(
                        "DryRunOperation",
                    );
                }
            });
        }

        it("may lack it only for requests with a tag", async () => {
            const instance = await cloud.createInstance({ volumes: 1 });
            await cloud.deny("CreateSnapshots", { tagKey: "forbidden" });
            const denied = take(instance, tagged({ fine: "", forbidden: "" }));
            expect((await failure(denied)).name).to.equal("UnauthorizedOperation");
            await take(instance, tagged({ fine: "" }));
        });

        it("may have no permissions but those of a policy", async () => {
            const instance = await cloud.createInstance({ volumes: 1 });
            await cloud.allowOnly(["ec2:CreateSnapshots"]);
            await take(instance);
            const error = await failure(take(instance, tagged({ a: "" })));
            expect(error.message).to.contain("ec2:CreateTags");
            expect((await failure(ec2.send(new DescribeSnapshotsCommand({})))).name).to.equal(
                "UnauthorizedOperation",
            );
            expect(await identify()).to.equal("123456789012");
        });
    });

    describe("faults", () => {
        /** Snapshots that are there afterwards, of one volume, and how the one request ended. */
        const rows: { fault: FaultSpec; error: string; snapshots: number }[] = [
            {
                fault: { kind: "error", code: "Unavailable", status: 503 },
                error: "Unavailable",
                snapshots: 0,
            },
            {
                fault: { kind: "error", phase: "after", code: "InternalError" },
                error: "InternalError",
                snapshots: 1,
            },
            { fault: { kind: "cut" }, error: "ECONNRESET", snapshots: 0 },
            { fault: { kind: "cut", phase: "after" }, error: "ECONNRESET", snapshots: 1 },
            { fault: { kind: "actTwice" }, error: "none", snapshots: 2 },
            { fault: { kind: "delay", phase: "after", ms: 1 }, error: "none", snapshots: 1 },
        ];
        for (const { fault, error, snapshots } of rows) {
            const phase = "phase" in fault ? fault.phase : "before";
            it(`${fault.kind} ${phase}: ${error}, ${snapshots} snapshots; then all is well again`, async () => {
                const instance = await cloud.createInstance({ volumes: 1 });
                const armed = await cloud.fault("CreateSnapshots", fault, { resource: instance.instanceId });
                // Not a dry run, nor another instance: they use nothing up.
                await failure(take(instance, { DryRun: true }));
                await take(await cloud.createInstance({ volumes: 1 }));

                const outcome = await take(instance).then(
                    () => "none",
                    (thrown: unknown) => (thrown as ServiceError).code ?? (thrown as ServiceError).name,
                );

                expect(outcome).to.equal(error);
                expect(await cloud.snapshots(instance)).to.have.length(snapshots);
                expect((await armed.reached()).parameters.InstanceSpecification).to.deep.equal({
                    InstanceId: instance.instanceId,
                });
                await take(instance);
            });
        }

        for (const { phase, snapshots } of [
            { phase: "before", snapshots: 0 },
            { phase: "after", snapshots: 1 },
        ] as const) {
            it(`never answers, having acted ${snapshots} times`, async () => {
                const instance = await cloud.createInstance({ volumes: 1 });
                const armed = await cloud.fault("CreateSnapshots", { kind: "never", phase });
                const giveUp = new AbortController();
                const request = ec2.send(
                    new CreateSnapshotsCommand({
                        InstanceSpecification: { InstanceId: instance.instanceId },
                    }),
                    { abortSignal: giveUp.signal },
                );
                const outcome = failure(request);
                await armed.reached();
                giveUp.abort();
                expect((await outcome).name).to.equal("AbortError");
                expect(await cloud.snapshots(instance)).to.have.length(snapshots);
            });

            it(`holds a request at a gate ${phase} acting`, async () => {
                const instance = await cloud.createInstance({ volumes: 1 });
                const gate = await cloud.gate("CreateSnapshots", { phase });
                const request = take(instance);
                const call = await gate.reached();
                expect([call.operation, call.outcome, call.acted]).to.deep.equal([
                    "CreateSnapshots",
                    "open",
                    snapshots,
                ]);
                expect(await cloud.snapshots(instance)).to.have.length(snapshots);
                await gate.release();
                await request;
                expect(await cloud.snapshots(instance)).to.have.length(1);
            });
        }

        it("acts on what waits at a gate though its client has gone", async () => {
            const instance = await cloud.createInstance({ volumes: 1 });
            const gate = await cloud.gate("CreateSnapshots", { resource: instance.instanceId });
            const afterActing = await cloud.gate("CreateSnapshots", { phase: "after" });
            const giveUp = new AbortController();
            const request = failure(
                ec2.send(
                    new CreateSnapshotsCommand({
                        InstanceSpecification: { InstanceId: instance.instanceId },
                    }),
                    { abortSignal: giveUp.signal },
                ),
            );
            await gate.reached();
            giveUp.abort();
            await request;
            await gate.release();
            await afterActing.reached();
            expect(await cloud.snapshots(instance)).to.have.length(1);
        });

        it("cuts what waits at a gate when it is reset, without acting", async () => {
            const instance = await cloud.createInstance({ volumes: 1 });
            const gate = await cloud.gate("CreateSnapshots");
            const request = failure(take(instance));
            await gate.reached();
            await cloud.reset();
            expect((await request).code).to.equal("ECONNRESET");
            expect(await cloud.snapshots(instance)).to.be.empty;
        });

        it("skips, and repeats", async () => {
            const instance = await cloud.createInstance({ volumes: 1 });
            await cloud.fault(
                "CreateSnapshots",
                { kind: "error", code: "InternalError" },
                { skip: 1, times: 2 },
            );
            const outcomes: string[] = [];
            for (let count = 0; count < 4; count++) {
                outcomes.push(
                    await take(instance).then(
                        () => "ok",
                        (error: unknown) => (error as Error).name,
                    ),
                );
            }
            expect(outcomes).to.deep.equal(["ok", "InternalError", "InternalError", "ok"]);
        });

        it("tells when nothing comes to a fault", async () => {
            const armed = await cloud.fault("CreateSnapshots", { kind: "cut" });
            expect((await failure(armed.reached({ limitMs: 1 }))).message).to.contain(
                "no request CreateSnapshots",
            );
        });

        it("throttles by a bucket of tokens", async () => {
            const instance = await cloud.createInstance({ volumes: 1 });
            await cloud.throttle("CreateSnapshots", { rate: 0.001, burst: 2 });
            await take(instance);
            await take(instance);
            const error = await failure(take(instance));
            expect([error.name, error.$metadata?.httpStatusCode]).to.deep.equal([
                "RequestLimitExceeded",
                503,
            ]);
        });

        it("takes its time", async () => {
            const instance = await cloud.createInstance({ volumes: 1 });
            await cloud.setLatency("CreateSnapshots", { before: 30, after: 20 });
            await take(instance);
            const call = (await cloud.calls()).find((one) => one.operation === "CreateSnapshots")!;
            expect(call.answeredAt! - call.receivedAt).to.be.at.least(50);
        });

        it("refuses connections, and accepts them again on the same port", async () => {
            const instance = await cloud.createInstance({ volumes: 1 });
            await take(instance);
            await cloud.refuseConnections();
            const codes = [(await failure(take(instance))).code, (await failure(take(instance))).code];
            // The first may still have found the old connection.
            expect(codes[0]).to.be.oneOf(["ECONNREFUSED", "ECONNRESET", "EPIPE"]);
            expect(codes[1]).to.equal("ECONNREFUSED");
            await cloud.acceptConnections();
            await take(instance);
        });
    });

    describe("journal", () => {
        it("has every request with what came of it", async () => {
            const instance = await cloud.createInstance({ volumes: 1 });
            await failure(take(instance, { DryRun: true }));
            await take(instance, tagged({ a: "b" }));
            await sts.send(new GetCallerIdentityCommand({}));
            const calls = await cloud.calls();
            expect(
                calls.map((one) => [one.service, one.operation, one.dryRun, one.code, one.status]),
            ).to.deep.equal([
                ["ec2", "CreateSnapshots", true, "DryRunOperation", 412],
                ["ec2", "CreateSnapshots", false, "Success", 200],
                ["sts", "GetCallerIdentity", false, "Success", 200],
            ]);
            expect(calls[1]!.parameters).to.deep.equal({
                InstanceSpecification: { InstanceId: instance.instanceId },
                TagSpecifications: [{ ResourceType: "snapshot", Tags: [{ Key: "a", Value: "b" }] }],
            });
            expect(calls[1]!.actions).to.deep.equal(["ec2:CreateSnapshots", "ec2:CreateTags"]);
            expect(calls[1]!.accessKeyId).to.equal(cloud.accessKeyId);
            const now = Number(process.hrtime.bigint()) / 1e6;
            expect(calls[1]!.receivedAt).to.be.within(now - 60_000, now);
        });

        it("shows requests that were sent twice by the SDK", async () => {
            const instance = await cloud.createInstance({ volumes: 1 });
            const retrying = new EC2Client(cloud.clientConfig());
            await cloud.fault("CreateSnapshots", { kind: "cut", phase: "after" });
            await retrying.send(
                new CreateSnapshotsCommand({ InstanceSpecification: { InstanceId: instance.instanceId } }),
            );
            retrying.destroy();
            expect((await cloud.calls()).map((one) => [one.outcome, one.code, one.acted])).to.deep.equal([
                ["cut", "Success", 1],
                ["answered", "Success", 1],
            ]);
            expect(await cloud.snapshots(instance)).to.have.length(2);
        });
    });

    it("ends when whoever started it is killed, whatever it holds", async () => {
        const starter = `
            const { startLocalCloud } = require("./lab/cloud/localCloud.ts");
            startLocalCloud().then(async (cloud) => {
                await cloud.gate("*");
                console.log(cloud.endpoint);
                setInterval(() => undefined, 1_000);
            });`;
        const child = spawn(process.execPath, ["--import", "tsx", "-e", starter], {
            stdio: ["ignore", "pipe", "inherit"],
        });
        const limit = setTimeout(() => child.kill("SIGKILL"), 50_000);
        const [endpoint] = (await once(createInterface(child.stdout), "line")) as [string];
        clearTimeout(limit);
        const orphan = new EC2Client({ ...cloud.clientConfig(), endpoint, maxAttempts: 1 });
        // It stands at the gate, and is answered by the end of the cloud only.
        const held = failure(orphan.send(new DescribeSnapshotsCommand({})));
        child.kill("SIGKILL");
        expect((await held).code).to.be.oneOf(["ECONNRESET", "ECONNREFUSED"]);
        orphan.destroy();
    });
});
