import { expect } from "chai";
import fc from "fast-check";
import { blockDeviceMapping } from "../../components/blockDeviceMapping";
import type { SnapshotInfo } from "../../provider/base/outputs";
import { boot, data } from "../../lab/scenes/snapshotSet";

const TYPES = ["standard", "gp2", "gp3", "io1", "io2", "st1", "sc1", ""];

const infos: fc.Arbitrary<SnapshotInfo> = fc.record(
    {
        snapshotId: fc.string(),
        volumeId: fc.string(),
        deviceName: fc.string({ minLength: 1 }),
        boot: fc.boolean(),
        sizeGiB: fc.integer({ min: 1, max: 65_536 }),
        volumeType: fc.constantFrom(...TYPES),
        iops: fc.integer({ min: 100, max: 256_000 }),
        throughput: fc.integer({ min: 125, max: 2000 }),
        encrypted: fc.boolean(),
        kmsKeyId: fc.string(),
        deleteOnTermination: fc.boolean(),
    },
    {
        requiredKeys: [
            "snapshotId",
            "volumeId",
            "deviceName",
            "boot",
            "sizeGiB",
            "volumeType",
            "encrypted",
            "deleteOnTermination",
        ],
    },
);

describe("block device mapping", () => {
    it("has of each volume what EC2 takes, and no encryption", () => {
        expect(blockDeviceMapping([boot, data])).to.deep.equal([
            {
                deviceName: "/dev/xvda",
                snapshotId: boot.snapshotId,
                volumeSize: 8,
                volumeType: "gp2",
                deleteOnTermination: true,
            },
            {
                deviceName: "/dev/sdf",
                snapshotId: data.snapshotId,
                volumeSize: 100,
                volumeType: "gp3",
                iops: 4000,
                throughput: 250,
                deleteOnTermination: false,
            },
        ]);
    });

    for (const [volumeType, told] of [
        ["standard", []],
        ["gp2", []],
        ["gp3", ["iops", "throughput"]],
        ["io1", ["iops"]],
        ["io2", ["iops"]],
        ["st1", []],
        ["sc1", []],
        ["", []],
    ] as const) {
        it(`of ${volumeType === "" ? "a type that is not known" : volumeType} has ${told.join(" and ") || "neither iops nor throughput"}`, () => {
            const [device] = blockDeviceMapping([{ ...data, volumeType }]);
            expect(["iops", "throughput"].filter((key) => key in device!)).to.deep.equal(told);
            expect(device!.volumeType).to.equal(volumeType === "" ? "gp3" : volumeType);
        });
    }

    it("loses, invents and mixes up nothing", () => {
        fc.assert(
            fc.property(fc.array(infos), (snapshots) => {
                const devices = blockDeviceMapping(snapshots);
                expect(devices).to.have.length(snapshots.length);
                for (const [index, device] of devices.entries()) {
                    const source = snapshots[index]!;
                    expect(device).to.include({
                        deviceName: source.deviceName,
                        snapshotId: source.snapshotId,
                        volumeSize: source.sizeGiB,
                        deleteOnTermination: source.deleteOnTermination,
                    });
                    expect(device).not.to.have.any.keys("encrypted", "kmsKeyId");
                    expect(Object.values(device)).not.to.include(undefined);
                }
            }),
        );
    });
});
