// Freezes: a set is taken of real file systems that are held.
import { execFileSync } from "node:child_process";
import { expect } from "chai";
import { CreateSnapshotsCommand, DescribeVolumesCommand, EC2Client } from "@aws-sdk/client-ec2";
import { type CloudInstance, type LocalCloud, startLocalCloud } from "../lab/cloud/localCloud";
import { ROOT } from "../lab/engine/engine";
import { type SshHost, needsRoot, startSshHost } from "../lab/hosts/sshHost";
import { type RestoredVolume, type Volumes, hostRun, mountVolumes } from "../lab/volumes/volumes";
import { tagKeys } from "../provider/aws/tags";
import { combine, fileSystems, postgresql } from "../recipes";
import { setupAwsCli } from "../lab/setup/setupAwsCli.mjs";
import { DATA_AND_LOG } from "../tools/prove/application";
import { postgresql as runningPostgresql } from "../tools/prove/postgresql";
import { commandsOf } from "./pages";

const RESTORE = "docs/restore.md";
const EXECUTION = "acs-0197c3a2-5b7e-7c31-9f4e-2d8a6b1c0e5f";
const ROWS = 1000;
const PROGRAMS = "$(ls -d /usr/lib/postgresql/*/bin | tail -n 1)";

function commandOf(heading: string, part = ""): string {
    const found = commandsOf(RESTORE, heading).filter((text) => text.includes(part));
    expect(found, heading).to.have.length(1);
    return found[0] ?? "";
}

describe("the commands of the page on restoring", function () {
    this.timeout(240_000);
    let cloud: LocalCloud;
    let instance: CloudInstance;
    let host: SshHost;
    let volumes: Volumes;
    let restored: RestoredVolume[];

    before(async function () {
        needsRoot(this);
        cloud = await startLocalCloud();
        instance = await cloud.createInstance({ volumes: 3 });
        host = await startSshHost({ instanceId: instance.instanceId });
        volumes = await mountVolumes(cloud, instance, host, DATA_AND_LOG);
        await runningPostgresql.start(host);
        await hostRun(
            host,
            `${runningPostgresql.client} -c 'insert into numbers select 0, n from generate_series(1, ${ROWS}) n'`,
        );
        restored = await volumes.restore(await takeSet());
    });
    after(async () => {
        await (volumes as Volumes | undefined)?.stop();
        await (host as SshHost | undefined)?.stop();
        await (cloud as LocalCloud | undefined)?.stop();
    });

    /** As a run does, without Pulumi. */
    async function takeSet(): Promise<{ snapshotId: string; volumeId: string }[]> {
        const recipe = combine(postgresql(), fileSystems(volumes.mountPoints));
        host.writeScript("/run/recipe", recipe.preFreeze.script);
        await volumes.thawAfter(60);
        await hostRun(host, "sh /run/recipe freeze");
        try {
            const { Snapshots = [] } = await new EC2Client(cloud.clientConfig()).send(
                new CreateSnapshotsCommand({
                    InstanceSpecification: { InstanceId: instance.instanceId },
                    TagSpecifications: [
                        { ResourceType: "snapshot", Tags: [{ Key: tagKeys.execution, Value: EXECUTION }] },
                    ],
                }),
            );
            return Snapshots.map(({ SnapshotId = "", VolumeId = "" }) => ({
                snapshotId: SnapshotId,
                volumeId: VolumeId,
            }));
        } finally {
            await hostRun(host, "sh /run/recipe thaw");
            await volumes.stayAwake();
        }
    }

    /** A shell command with the copy of that file system as `device`, as on the server that it comes from. */
    async function besideTheOriginal(
        fileSystem: RestoredVolume["fileSystem"],
        command: string,
    ): Promise<string> {
        const file = restored.find((one) => one.fileSystem === fileSystem)?.file ?? "";
        return await volumes.runOn(
            [],
            `device=$(losetup --find --show ${file}) && { ${command}\n}; ended=$?; ` +
                'umount /mnt/restored; losetup --detach "$device"; exit $ended',
        );
    }

    it("make volumes of a set, and attach them", async () => {
        const target = await cloud.createInstance({ volumes: 1 });
        const text =
            `set=${EXECUTION} instance=${target.instanceId} zone=${cloud.region}a\n` +
            commandOf("Make volumes of the set") +
            commandOf("Attach them");
        execFileSync("sh", ["-euc", text], {
            env: {
                ...process.env,
                ...cloud.env,
                AWS_DEFAULT_REGION: cloud.region,
                PATH: `${setupAwsCli({ root: ROOT, log: console.error })}:${process.env["PATH"] ?? ""}`,
            },
            stdio: ["ignore", "ignore", "inherit"],
            timeout: 120_000,
        });
        // Its own root volume, and one for each of the set.
        expect(await attachedTo(target.instanceId)).to.have.length(1 + 3);
    });

    async function attachedTo(instanceId: string): Promise<string[]> {
        const { Volumes = [] } = await new EC2Client(cloud.clientConfig()).send(
            new DescribeVolumesCommand({
                Filters: [{ Name: "attachment.instance-id", Values: [instanceId] }],
            }),
        );
        return Volumes.map(({ VolumeId = "" }) => VolumeId);
    }

    it("mount a copy of an XFS beside the original, which fails without nouuid", async () => {
        const mount = commandOf("Mount a copy beside the original", "nouuid");
        // The lab mounts the original with nouuid itself: here another copy has the id.
        const beside = (command: string) =>
            besideTheOriginal(
                "xfs",
                'cp --reflink=always "$(losetup --noheadings --output BACK-FILE "$device")" /run/volume-store/twin && ' +
                    `mkdir -p /mnt/twin && mount -o loop /run/volume-store/twin /mnt/twin && ${command}`,
            );
        expect(await beside(`${mount} ls /mnt/restored`)).to.contain("wal");
        const refusal = await beside(mount.replace(",nouuid", "")).then(
            () => "",
            (error: unknown) => String(error),
        );
        expect(refusal).to.match(/wrong fs type|already mounted/);
    });

    it("mount a copy of an ext4 beside the original", async () => {
        const mount = commandOf("Mount a copy beside the original", "-o ro ");
        expect(await besideTheOriginal("ext4", `${mount} ls /mnt/restored`)).to.contain("postgresql");
    });

    it("start PostgreSQL on the copies, at their original paths, with all rows", async () => {
        const start = commandOf("Start the database");
        const output = await volumes.runOn(
            restored,
            // As on another server: nobody else's socket, and a log of its own.
            "mount -t tmpfs -o mode=755 other /run/postgresql && chown postgres /run/postgresql && " +
                "mount -t tmpfs -o mode=1777 other /tmp && " +
                `data=/mnt/data/postgresql programs=${PROGRAMS} && { ${start.replace("listen_addresses=", "listen_addresses= -c unix_socket_directories=/run/postgresql")}\n} >/dev/null && ` +
                `${runningPostgresql.client} -c 'select count(*) from numbers where writer = 0' && cat /tmp/restored.log`,
        );
        expect(output).to.match(new RegExp(`^${ROWS}\n`));
        expect(output).to.contain("not properly shut down");
    });
});
