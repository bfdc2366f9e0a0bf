import {
    type BlockDeviceMapping,
    CopyImageCommand,
    type CopyImageCommandInput,
    CreateLaunchTemplateCommand,
    CreateSnapshotsCommand,
    DeleteSnapshotCommand,
    DeregisterImageCommand,
    DescribeImagesCommand,
    DescribeSnapshotsCommand,
    DescribeSubnetsCommand,
    DescribeVolumesCommand,
    DisableImageCommand,
    EC2Client,
    EnableImageCommand,
    type Image,
    RegisterImageCommand,
    type RegisterImageCommandInput,
    RunInstancesCommand,
    type RunInstancesCommandInput,
    TerminateInstancesCommand,
    paginateDescribeImages,
} from "@aws-sdk/client-ec2";
import { assert } from "chai";
import { setTimeout as sleep } from "node:timers/promises";
import { type LocalCloud, startLocalCloud } from "../../../lab/cloud/localCloud";
import { rejection } from "../../../lab/rejection";

const FAR = "eu-west-1";

describe("local cloud, images", () => {
    let cloud: LocalCloud;
    let ec2: EC2Client;
    let far: EC2Client;
    let names = 0;
    before(async () => {
        cloud = await startLocalCloud({ snapshotDurationMs: 0 });
        ec2 = new EC2Client({ ...cloud.clientConfig(), maxAttempts: 1 });
        far = new EC2Client({ ...cloud.clientConfig({ region: FAR }), maxAttempts: 1 });
    });
    afterEach(() => cloud.reset());
    after(async () => {
        ec2.destroy();
        far.destroy();
        await cloud.stop();
    });

    /** Snapshots of a new instance's root and data volumes. */
    async function snapshots(): Promise<[root: string, data: string]> {
        const { instanceId } = await cloud.createInstance({
            volumes: [{ encrypted: true }, { sizeGiB: 20, type: "io2", iops: 500 }],
        });
        const { Snapshots = [] } = await ec2.send(
            new CreateSnapshotsCommand({ InstanceSpecification: { InstanceId: instanceId } }),
        );
        return [Snapshots[0]!.SnapshotId!, Snapshots[1]!.SnapshotId!];
    }

    function registration([root, data]: readonly [string, string]): RegisterImageCommandInput & {
        BlockDeviceMappings: [BlockDeviceMapping, BlockDeviceMapping];
    } {
        return {
            Name: `image ${(names += 1)}`,
            RootDeviceName: "/dev/sda1",
            Architecture: "arm64",
            VirtualizationType: "hvm",
            BlockDeviceMappings: [
                { DeviceName: "/dev/sda1", Ebs: { SnapshotId: root, VolumeType: "gp3" } },
                { DeviceName: "/dev/sdf", Ebs: { SnapshotId: data, VolumeType: "io2", Iops: 500 } },
            ],
        };
    }

    async function registered(): Promise<string> {
        return (await ec2.send(new RegisterImageCommand(registration(await snapshots())))).ImageId!;
    }

    async function find(of: EC2Client, imageId: string): Promise<Image> {
        return (await of.send(new DescribeImagesCommand({ ImageIds: [imageId] }))).Images![0]!;
    }

    const devices = ({ BlockDeviceMappings = [] }: Image) => BlockDeviceMappings.map(({ Ebs }) => Ebs!);

    describe("RegisterImage", () => {
        const refusals: [
            what: string,
            code: string,
            change: (good: ReturnType<typeof registration>) => object,
        ][] = [
            ["no name", "MissingParameter", () => ({ Name: "" })],
            ["a malformed name", "InvalidAMIName.Malformed", () => ({ Name: "a:b:c" })],
            ["no root device", "InvalidBlockDeviceMapping", () => ({ RootDeviceName: "/dev/sdz" })],
            [
                "a device mapped twice",
                "InvalidBlockDeviceMapping",
                ({ BlockDeviceMappings: [root] }) => ({
                    BlockDeviceMappings: [root, root],
                }),
            ],
            [
                "an unknown snapshot",
                "InvalidSnapshot.NotFound",
                ebs({ SnapshotId: "snap-00000000000000000" }),
            ],
            ["an unknown volume type", "InvalidParameterValue", ebs({ VolumeType: "gp9" })],
            ["encryption beside a snapshot", "InvalidBlockDeviceMapping", ebs({ Encrypted: true })],
            ["iops of a type without", "InvalidParameterCombination", ebs({ VolumeType: "gp2" })],
            ["no iops where the type needs them", "MissingParameter", ebs({ Iops: undefined })],
            ["throughput of another type than gp3", "InvalidParameterCombination", ebs({ Throughput: 200 })],
            ["a volume smaller than its snapshot", "InvalidBlockDeviceMapping", ebs({ VolumeSize: 19 })],
            ["a TPM without UEFI", "InvalidParameterCombination", () => ({ TpmSupport: "v2.0" })],
        ];
        for (const [what, code, change] of refusals) {
            it(`refuses ${what}`, async () => {
                const good = registration(await snapshots());
                const bad = new RegisterImageCommand({ ...good, ...change(good) });
                assert.equal((await rejection(ec2.send(bad))).name, code);
                await ec2.send(new RegisterImageCommand(good));
            });
        }

        it("keeps the mapping, each device's encryption that of its snapshot", async () => {
            const image = await find(ec2, await registered());
            const [root, data] = devices(image);
            assert.include(root, {
                VolumeType: "gp3",
                VolumeSize: 8,
                Encrypted: true,
                DeleteOnTermination: true,
            });
            assert.include(data, { VolumeType: "io2", VolumeSize: 20, Iops: 500, Encrypted: false });
            assert.include(image, { State: "available", Architecture: "arm64", RootDeviceName: "/dev/sda1" });
        });

        function ebs(change: Partial<Record<keyof NonNullable<BlockDeviceMapping["Ebs"]>, unknown>>) {
            return ({ BlockDeviceMappings: [root, data] }: ReturnType<typeof registration>) => ({
                BlockDeviceMappings: [root, { ...data, Ebs: { ...data.Ebs, ...change } }],
            });
        }
    });

    describe("an image that is disabled", () => {
        it("is described to those alone who ask for disabled ones, until it is enabled", async () => {
            const ImageId = await registered();
            const seen = async (IncludeDisabled: boolean) => {
                const Filters = [{ Name: "image-id", Values: [ImageId] }];
                const input = { Owners: ["self"], Filters, IncludeDisabled };
                const { Images } = await ec2.send(new DescribeImagesCommand(input));
                return Images!.map(({ State }) => State);
            };
            await ec2.send(new DisableImageCommand({ ImageId }));
            assert.deepEqual(await seen(false), []);
            assert.deepEqual(await seen(true), ["disabled"]);
            await ec2.send(new EnableImageCommand({ ImageId }));
            assert.deepEqual(await seen(false), ["available"]);
        });

        it("holds its snapshots, and can be deregistered", async () => {
            const ImageId = await registered();
            const [root] = devices(await find(ec2, ImageId)).map(({ SnapshotId }) => SnapshotId!);
            const remove = new DeleteSnapshotCommand({ SnapshotId: root });
            await ec2.send(new DisableImageCommand({ ImageId }));
            assert.equal((await rejection(ec2.send(remove))).name, "InvalidSnapshot.InUse");
            await ec2.send(new DeregisterImageCommand({ ImageId }));
            await ec2.send(remove);
        });
    });

    it("describes images page by page", async () => {
        const ids = [await registered(), await registered(), await registered()];
        const Filters = [{ Name: "image-id", Values: ids }];
        const pages = paginateDescribeImages({ client: ec2, pageSize: 2 }, { Filters });
        const seen: string[][] = [];
        for await (const { Images } of pages) {
            seen.push(Images!.map(({ ImageId }) => ImageId!));
        }
        assert.deepEqual(
            seen.map(({ length }) => length),
            [2, 1],
        );
        assert.sameMembers(seen.flat(), ids);
    });

    it("lets an image hold its snapshots, and be described, for a while after it was deregistered", async () => {
        await cloud.letImagesLinger({ holdsMs: 1_000, seenMs: 400 });
        const ImageId = await registered();
        const [root] = devices(await find(ec2, ImageId)).map(({ SnapshotId }) => SnapshotId!);
        const seen = async () => {
            const Filters = [{ Name: "image-id", Values: [ImageId] }];
            return (await ec2.send(new DescribeImagesCommand({ Filters }))).Images!.length;
        };
        await ec2.send(new DeregisterImageCommand({ ImageId }));
        assert.equal(await seen(), 1);
        const remove = new DeleteSnapshotCommand({ SnapshotId: root });
        const { name, message } = await rejection(ec2.send(remove));
        assert.equal(name, "InvalidSnapshot.InUse");
        assert.equal(message, `The snapshot ${root!} is currently in use by ${ImageId}`);
        await sleep(1_100);
        assert.equal(await seen(), 0);
        await ec2.send(remove);
    });

    describe("CopyImage", () => {
        const copy = async (source: string, more: Partial<CopyImageCommandInput> = {}, to = far) => {
            const input = { Name: `copy ${(names += 1)}`, SourceImageId: source, SourceRegion: cloud.region };
            return (await to.send(new CopyImageCommand({ ...input, ...more }))).ImageId!;
        };

        it("makes an image of another region, with snapshots of its own, pending until these are", async () => {
            const source = await registered();
            await cloud.configureSnapshots({ durationMs: 60_000 });
            const id = await copy(source, { Encrypted: true });
            const pending = await find(far, id);
            const owned = devices(pending).map((disk) => disk.SnapshotId!);
            assert.equal(pending.State, "pending");
            assert.equal((await rejection(copy(id, { SourceRegion: FAR }))).name, "InvalidAMIID.Unavailable");
            await cloud.completeSnapshots(owned, FAR);
            const done = await find(far, id);
            assert.include(done, {
                State: "available",
                Architecture: "arm64",
                UsageOperation: "RunInstances",
            });
            assert.deepEqual(
                devices(done).map(({ VolumeType, VolumeSize, Encrypted }) => [
                    VolumeType,
                    VolumeSize,
                    Encrypted,
                ]),
                [
                    ["gp3", 8, true],
                    ["io2", 20, true],
                ],
            );
            const theirs = await far.send(new DescribeSnapshotsCommand({ SnapshotIds: owned }));
            assert.deepEqual(
                theirs.Snapshots!.map(({ VolumeId }) => VolumeId),
                ["vol-ffffffff", "vol-ffffffff"],
            );
            const [first] = owned;
            const remove = new DeleteSnapshotCommand({ SnapshotId: first });
            assert.equal((await rejection(far.send(remove))).name, "InvalidSnapshot.InUse");

            await ec2.send(new DeregisterImageCommand({ ImageId: source }));
            assert.equal((await find(far, id)).State, "available");
        });

        it("encrypts with the key that is given, or the region's own; without, it is as the source was", async () => {
            const source = await registered();
            const key = `arn:aws:kms:${FAR}:123456789012:key/1`;
            const keysOf = async (id: string) => {
                const owned = devices(await find(far, id)).map((disk) => disk.SnapshotId!);
                const { Snapshots } = await far.send(new DescribeSnapshotsCommand({ SnapshotIds: owned }));
                return Snapshots!.map(({ KmsKeyId }) => KmsKeyId);
            };
            assert.deepEqual(await keysOf(await copy(source, { Encrypted: true, KmsKeyId: key })), [
                key,
                key,
            ]);
            const [own, none] = await keysOf(await copy(source));
            assert.match(own!, new RegExp(`^arn:aws:kms:${FAR}:`));
            assert.isUndefined(none);
            assert.deepEqual(await keysOf(await copy(source, { Encrypted: true })), [own, own]);
        });

        it("fails later, not at once, with a key of another region", async () => {
            const key = `arn:aws:kms:${cloud.region}:123456789012:key/1`;
            const id = await copy(await registered(), { Encrypted: true, KmsKeyId: key });
            const { State, StateReason } = await find(far, id);
            assert.equal(State, "failed");
            assert.equal(StateReason!.Message, "Given key ID is not accessible");
        });

        it("refuses a name that is taken, an unknown source, a key without encryption", async () => {
            const source = await registered();
            const { Name } = await find(ec2, source);
            assert.equal((await rejection(copy(source, { Name }, ec2))).name, "InvalidAMIName.Duplicate");
            await copy(source, { Name });
            const elsewhere = copy(source, { SourceRegion: FAR });
            assert.equal((await rejection(elsewhere)).name, "InvalidAMIID.NotFound");
            const key = copy(source, { KmsKeyId: "arn:aws:kms:eu-west-1:123456789012:key/1" });
            assert.equal((await rejection(key)).name, "InvalidParameterCombination");
        });
    });

    describe("RunInstances", () => {
        const run = async (input: Partial<RunInstancesCommandInput>) => {
            const { Instances } = await ec2.send(
                new RunInstancesCommand({ MinCount: 1, MaxCount: 1, ...input }),
            );
            return Instances![0]!;
        };
        const subnet = async () =>
            (await ec2.send(new DescribeSubnetsCommand())).Subnets!.map(({ SubnetId, CidrBlock }) => ({
                SubnetId: SubnetId!,
                address: CidrBlock!.replace(/\d+\/\d+$/, "77"),
            }))[0]!;

        it("makes volumes of the image's snapshots", async () => {
            const image = await registered();
            const { InstanceId } = await run({ ImageId: image, InstanceType: "m6g.large" });
            const filter = { Name: "attachment.instance-id", Values: [InstanceId!] };
            const { Volumes } = await ec2.send(new DescribeVolumesCommand({ Filters: [filter] }));
            const wanted = devices(await find(ec2, image));
            assert.sameDeepMembers(
                Volumes!.map(({ SnapshotId, VolumeType, Size, Encrypted }) => [
                    SnapshotId,
                    VolumeType,
                    Size,
                    Encrypted,
                ]),
                wanted.map((disk) => [disk.SnapshotId, disk.VolumeType, disk.VolumeSize, disk.Encrypted]),
            );
        });

        it("tells of each launch and of its end, in their order", async () => {
            let seen = 0;
            while ((await cloud.awaitLaunch(seen, 0)) !== null) {
                seen += 1;
            }
            const image = await registered();
            const { InstanceId } = await run({ ImageId: image });
            await ec2.send(new TerminateInstancesCommand({ InstanceIds: [InstanceId!] }));
            const launched = await cloud.awaitLaunch(seen, 10_000);
            assert(launched?.what === "launched");
            assert.deepInclude(launched, { instanceId: InstanceId!, imageId: image });
            assert.deepEqual(
                launched.volumes.map(({ device, snapshotId, root }) => [device, snapshotId, root]),
                devices(await find(ec2, image)).map(({ SnapshotId }, index) => [
                    ["/dev/sda1", "/dev/sdf"][index],
                    SnapshotId,
                    index === 0,
                ]),
            );
            const ended = await cloud.awaitLaunch(seen + 1, 10_000);
            assert.deepEqual(ended, { what: "terminated", instanceId: InstanceId! });
            assert.isNull(await cloud.awaitLaunch(seen + 2, 0));
        });

        it("launches what a template says, where the request says nothing else", async () => {
            const { SubnetId, address } = await subnet();
            const { LaunchTemplate } = await ec2.send(
                new CreateLaunchTemplateCommand({
                    LaunchTemplateName: `template ${(names += 1)}`,
                    LaunchTemplateData: {
                        ImageId: await registered(),
                        InstanceType: "m5.xlarge",
                        NetworkInterfaces: [{ DeviceIndex: 0, SubnetId, PrivateIpAddress: address }],
                    },
                }),
            );
            const by = { LaunchTemplateId: LaunchTemplate!.LaunchTemplateId! };
            const started = await run({ LaunchTemplate: by });
            assert.include(started, { InstanceType: "m5.xlarge", PrivateIpAddress: address, SubnetId });
            const again = { LaunchTemplate: by };
            assert.equal((await rejection(run(again))).name, "InvalidIPAddress.InUse");
            const twice = run({ ...again, SubnetId });
            assert.equal((await rejection(twice)).name, "InvalidParameterCombination");
            await ec2.send(new TerminateInstancesCommand({ InstanceIds: [started.InstanceId!] }));
            assert.equal((await run({ ...again, InstanceType: "m5.large" })).InstanceType, "m5.large");
        });

        it("refuses an image that there is not, or not here, and none", async () => {
            const unknown = run({ ImageId: "ami-00000000000000000" });
            assert.equal((await rejection(unknown)).name, "InvalidAMIID.NotFound");
            assert.equal((await rejection(run({}))).name, "MissingParameter");
        });
    });
});
