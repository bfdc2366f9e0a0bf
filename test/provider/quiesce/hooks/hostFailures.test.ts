import { expect } from "chai";
import type { SourceVolume } from "../../../../provider/aws/instance";
import {
    type HostDevice,
    type HostReport,
    parseHostReport,
} from "../../../../provider/quiesce/hooks/hostReport";
import { type Expectations, hostFailures, notCovered } from "../../../../provider/quiesce/hooks/hostFailures";

const sound: HostReport = {
    ...parseHostReport([]),
    complete: true,
    uid: 0,
    identity: { kind: "dmi", instanceId: "i-0123456789abcdef0" },
    bootId: "boot",
    runFileSystem: "tmpfs",
};
const expected: Expectations = {
    instanceId: "i-0123456789abcdef0",
    sudo: true,
    confirmedAwake: "",
    verifyIdentity: true,
    preFreezePath: "/usr/sbin/pre-freeze-script",
    postThawPath: "/usr/sbin/post-thaw-script",
    lock: 0,
    levelNeeded: true,
    excluded: [],
};

const stale: Partial<HostReport> = { marker: { executionId: "acs-0", bootId: "boot" } };

const device = (kernelName: string, more: Partial<HostDevice> = {}): HostDevice => ({
    name: kernelName,
    kernelName,
    type: "disk",
    parent: "",
    fileSystem: "",
    mountPoint: "",
    serial: "",
    model: "",
    ...more,
});
const ebs = (kernelName: string, digits: string) =>
    device(kernelName, { serial: `vol${digits}`, model: "Amazon Elastic Block Store" });
const volume = (volumeId: string, deviceName: string) => ({ volumeId, deviceName }) as SourceVolume;

const A = "0aaaaaaaaaaaaaaaa";
const B = "0bbbbbbbbbbbbbbbb";
const nitro = [ebs("nvme1n1", A), ebs("nvme2n1", B)];
const xen = [device("xvdf"), device("xvdg")];
const lvm = (...parents: string[]) =>
    parents.map((parent) => device("dm-0", { name: "vg-data", type: "lvm", parent, mountPoint: "/data" }));

describe("host failures", () => {
    const codes = (report: Partial<HostReport>, more: Partial<Expectations> = {}) =>
        hostFailures({ ...sound, ...report }, { ...expected, ...more }).map((failure) => failure.code);

    it("are none of a sound host", () => {
        expect(codes({})).to.deep.equal([]);
    });

    const rows: [what: string, report: Partial<HostReport>, more: Partial<Expectations>, codes: string[]][] =
        [
            ["another instance", { identity: { kind: "other", instanceId: "i-9" } }, {}, ["WRONG_INSTANCE"]],
            [
                "no identity",
                { identity: { kind: "unverified", instanceId: "" } },
                {},
                ["IDENTITY_UNVERIFIED"],
            ],
            [
                "no identity, crash will do",
                { identity: { kind: "unverified", instanceId: "" } },
                { levelNeeded: false },
                [],
            ],
            ["identity by the metadata service", { identity: { kind: "imds", instanceId: "i-1" } }, {}, []],
            ["cut off", { complete: false, runFileSystem: "" }, {}, ["HOST_UNSUITABLE"]],
            ["sudo makes it somebody else", { uid: 33 }, {}, ["SUDO_REFUSED"]],
            ["an ordinary account, without sudo", { uid: 1000 }, { sudo: false }, []],
            [
                "an earlier freeze, and no way to the guard's thaw",
                { ...stale, runFileSystem: "ext4" },
                {},
                ["STALE_FREEZE", "HOST_UNSUITABLE"],
            ],
            [
                "the same, awake by the user's word",
                { ...stale, runFileSystem: "ext4" },
                { confirmedAwake: "acs-0" },
                ["HOST_UNSUITABLE"],
            ],
            ["/run on a disk", { runFileSystem: "ext4" }, {}, ["HOST_UNSUITABLE"]],
            [
                "the state directory is somebody's",
                { stateDirectoryProblem: "is a link" },
                {},
                ["HOST_UNSUITABLE"],
            ],
            ["a limit of the account", { roomProblem: "/run is read-only" }, {}, ["HOST_UNSUITABLE"]],
            ["a tool is missing", { missingTools: ["flock"] }, {}, ["HOST_UNSUITABLE"]],
            ["lsblk is missing, nothing excluded", { missingTools: ["lsblk"] }, {}, []],
            [
                "lsblk is missing, and nobody knows what spans what",
                { missingTools: ["lsblk"] },
                { excluded: [volume("vol-1", "/dev/sdf")] },
                ["HOST_UNSUITABLE"],
            ],
            [
                "a script is missing",
                { scripts: { pre: [{ kind: "missing" }], post: [] } },
                {},
                ["SCRIPT_MISSING"],
            ],
            [
                "scripts are unsafe",
                {
                    scripts: {
                        pre: [{ kind: "owner", uid: 1000 }, { kind: "writable" }],
                        post: [{ kind: "not-regular" }],
                    },
                },
                {},
                ["SCRIPT_UNSAFE", "SCRIPT_UNSAFE", "SCRIPT_UNSAFE"],
            ],
            ["busy", { lock: { held: true, executionId: "acs-2", instanceId: "i-1" } }, {}, ["HOST_BUSY"]],
            [
                "busy, waited for",
                { lock: { held: true, executionId: "acs-2", instanceId: "i-1" } },
                { lock: 60 },
                [],
            ],
            [
                "all at once",
                {
                    identity: { kind: "other", instanceId: "i-9" },
                    runFileSystem: "ext4",
                    scripts: { pre: [{ kind: "missing" }], post: [{ kind: "missing" }] },
                    lock: { held: true, executionId: "acs-2", instanceId: "i-1" },
                },
                {},
                ["WRONG_INSTANCE", "HOST_UNSUITABLE", "SCRIPT_MISSING", "SCRIPT_MISSING", "HOST_BUSY"],
            ],
        ];
    for (const [what, report, more, expectedCodes] of rows) {
        it(`${what}: ${expectedCodes.join(", ") || "none"}`, () => {
            expect(codes(report, more)).to.deep.equal(expectedCodes);
        });
    }

    it("name what is wrong and what to do", () => {
        const [failure] = hostFailures(
            { ...sound, scripts: { pre: [{ kind: "owner", uid: 1000 }], post: [] } },
            expected,
        );
        expect(failure?.message).to.equal(
            "/usr/sbin/pre-freeze-script is not owned by root but by uid 1000.",
        );
        expect(failure?.remedy).to.include("chown root");
    });

    describe("of what spans several volumes", () => {
        const excludeB = { excluded: [volume(`vol-${B}`, "/dev/sdg")] };
        const excludeBoth = { excluded: [volume(`vol-${A}`, "/dev/sdf"), volume(`vol-${B}`, "/dev/sdg")] };
        const onPartitions = [
            ...nitro,
            device("nvme1n1p1", { type: "part", parent: "nvme1n1" }),
            device("nvme2n1p1", { type: "part", parent: "nvme2n1" }),
            ...lvm("nvme1n1p1", "nvme2n1p1"),
        ];
        const split: [
            what: string,
            devices: HostDevice[],
            btrfs: string[][],
            Partial<Expectations>,
            string[],
        ][] = [
            ["LVM, nothing excluded", [...nitro, ...lvm("nvme1n1", "nvme2n1")], [], {}, []],
            [
                "LVM, one excluded",
                [...nitro, ...lvm("nvme1n1", "nvme2n1")],
                [],
                excludeB,
                ["SPLIT_VOLUME_GROUP"],
            ],
            ["LVM, both excluded", [...nitro, ...lvm("nvme1n1", "nvme2n1")], [], excludeBoth, []],
            ["LVM on the other volume only", [...nitro, ...lvm("nvme1n1")], [], excludeB, []],
            ["LVM on partitions", onPartitions, [], excludeB, ["SPLIT_VOLUME_GROUP"]],
            [
                "md",
                [
                    ...nitro,
                    ...["nvme1n1", "nvme2n1"].map((parent) => device("md0", { type: "raid1", parent })),
                ],
                [],
                excludeB,
                ["SPLIT_VOLUME_GROUP"],
            ],
            ["btrfs", nitro, [["/dev/nvme1n1", "/dev/nvme2n1"]], excludeB, ["SPLIT_VOLUME_GROUP"]],
            ["btrfs on one volume", nitro, [["/dev/nvme1n1"]], excludeB, []],
            ["LVM by Xen's names", [...xen, ...lvm("xvdf", "xvdg")], [], excludeB, ["SPLIT_VOLUME_GROUP"]],
            ["btrfs by Xen's names", xen, [["/dev/xvdf", "/dev/xvdg"]], excludeB, ["SPLIT_VOLUME_GROUP"]],
            [
                "LVM by Xen's names, the excluded one elsewhere",
                [...xen, ...lvm("xvdf", "xvdg")],
                [],
                { excluded: [volume("vol-1", "/dev/sdh")] },
                [],
            ],
        ];
        for (const [what, devices, btrfs, more, expectedCodes] of split) {
            it(`${what}: ${expectedCodes.join(", ") || "none"}`, () => {
                expect(codes({ devices, btrfs }, more)).to.deep.equal(expectedCodes);
            });
        }

        it("name the group and the volume", () => {
            const report = { ...sound, devices: [...nitro, ...lvm("nvme1n1", "nvme2n1")] };
            const [failure] = hostFailures(report, { ...expected, ...excludeB });
            expect(failure?.message).to.match(
                new RegExp(`^vg-data \\(lvm\\) spans 2 volumes, of which vol-${B} is excluded`),
            );
        });
    });
});

describe("notCovered", () => {
    it("names mounted network file systems and instance store, partitions too", () => {
        const store = { model: "Amazon EC2 NVMe Instance Storage" };
        expect(
            notCovered({
                ...sound,
                mounts: [{ type: "nfs4", source: "nas:/home", target: "/home" }],
                devices: [
                    ...nitro,
                    device("nvme3n1", { ...store, mountPoint: "/scratch" }),
                    device("nvme4n1", store),
                    device("nvme4n1p1", { type: "part", parent: "nvme4n1", mountPoint: "/cache" }),
                    device("nvme1n1p1", { type: "part", parent: "nvme1n1", mountPoint: "/data" }),
                    device("nvme5n1", store),
                    device("nvme5n1p1", { type: "part", parent: "nvme5n1" }),
                    ...["nvme5n1p1", "nvme4n1"].map((parent) =>
                        device("dm-1", { type: "lvm", parent, mountPoint: "/striped" }),
                    ),
                ],
            }),
        ).to.deep.equal([
            "/home (nfs4)",
            "/scratch (instance store)",
            "/cache (instance store)",
            "/striped (instance store)",
        ]);
    });

    it("is empty where all is on EBS", () => {
        expect(notCovered({ ...sound, devices: nitro })).to.deep.equal([]);
    });
});
