import { expect } from "chai";
import fc from "fast-check";
import { aggregates, ebsVolumeId } from "../../../../provider/quiesce/hooks/aggregates";
import { parseHostReport } from "../../../../provider/quiesce/hooks/hostReport";

describe("parseHostReport", () => {
    const disk = (name: string, serial: string) =>
        `device NAME="${name}" KNAME="${name}" TYPE="disk" PKNAME="" FSTYPE="" MOUNTPOINT="" SERIAL="${serial}" MODEL="Amazon Elastic Block Store              "`;
    const over = (name: string, kernel: string, type: string, parent: string) =>
        `device NAME="${name}" KNAME="${kernel}" TYPE="${type}" PKNAME="${parent}" FSTYPE="xfs" MOUNTPOINT="/my\\x20data" SERIAL="" MODEL=""`;

    it("reads devices and mounts with odd names", () => {
        const report = parseHostReport([
            disk("nvme0n1", "vol0abc"),
            over("p", "p", "part", "nvme0n1"),
            "mount nfs4 s:/x /a\\040b",
            "done",
        ]);
        expect(report.devices[0]).to.include({ serial: "vol0abc", model: "Amazon Elastic Block Store" });
        expect(report.devices[1]?.mountPoint).to.equal("/my data");
        expect(report.mounts).to.deep.equal([{ type: "nfs4", source: "s:/x", target: "/a b" }]);
        expect(ebsVolumeId(report.devices[0]!)).to.equal("vol-0abc");
        expect(ebsVolumeId(report.devices[1]!)).to.equal(undefined);
    });

    it("finds what spans several disks, through all layers", () => {
        const report = parseHostReport([
            ...["a", "b", "c", "d", "e"].map((name) => disk(name, `vol0${name}`)),
            over("a1", "a1", "part", "a"),
            over("md0", "md0", "raid1", "a1"),
            over("md0", "md0", "raid1", "b"),
            over("vg-lv", "dm-0", "lvm", "md0"),
            over("vg2-lv", "dm-1", "lvm", "c"),
            "btrfs Label: none  uuid: 1",
            "btrfs Total devices 2 FS bytes used 144.00KiB",
            "btrfs devid    1 size 1.00GiB used 1.00MiB path /dev/d",
            "btrfs devid    2 size 1.00GiB used 1.00MiB path /dev/e",
            "btrfs Label: none  uuid: 2",
            "btrfs devid    1 size 1.00GiB used 1.00MiB path /dev/mapper/vg2-lv",
        ]);
        const found = aggregates(report).map(({ kind, name, disks }) => ({
            kind,
            name,
            disks: disks.map((device) => device.name),
        }));
        expect(found).to.deep.equal([
            { kind: "raid1", name: "md0", disks: ["b", "a"] },
            { kind: "lvm", name: "vg-lv", disks: ["b", "a"] },
            { kind: "btrfs", name: "/dev/d", disks: ["d", "e"] },
        ]);
    });

    it("knows when it was cut off, and keeps what it does not understand", () => {
        const report = parseHostReport(["user 0", "script pre odd", "novelty 1"]);
        expect(report.complete).to.equal(false);
        expect(report.unknown).to.deep.equal(["script pre odd", "novelty 1"]);
    });

    it("never throws", () => {
        fc.assert(
            fc.property(fc.array(fc.string()), (lines) => {
                parseHostReport(lines);
            }),
        );
    });
});
