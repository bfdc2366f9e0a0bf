// Freezes: volumes with real contents.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { join } from "node:path";
import { expect } from "chai";
import { ROOT } from "../../../lab/engine/engine";
import { type LocalCloud, startLocalCloud } from "../../../lab/cloud/localCloud";
import { needsRoot, type SshHost, startSshHost } from "../../../lab/hosts/sshHost";
import { hostRun, mountVolumes, type Volumes } from "../../../lab/volumes/volumes";

const LAYOUTS = [
    { mountPoint: "/mnt/data", fileSystem: "ext4", sizeMiB: 320 },
    { mountPoint: "/mnt/log", fileSystem: "xfs", sizeMiB: 320 },
] as const;

describe("volumes with real contents", function () {
    this.timeout(180_000);
    let cloud: LocalCloud;
    before(async function () {
        needsRoot(this);
        cloud = await startLocalCloud({ snapshotDurationMs: 0 });
    });
    after(() => (cloud as LocalCloud | undefined)?.stop());

    describe("of a host", () => {
        let host: SshHost;
        let volumes: Volumes;
        let volumeIds: string[];
        before(async () => {
            const instance = await cloud.createInstance({ volumes: 3 });
            volumeIds = instance.volumeIds;
            host = await startSshHost({ instanceId: instance.instanceId });
            volumes = await mountVolumes(cloud, instance, host, LAYOUTS);
        });
        after(async () => {
            await volumes.stop();
            await host.stop();
        });

        it("are in their snapshots as they were, and can be mounted again beside the originals", async () => {
            await hostRun(host, "echo before >/mnt/data/file && echo before >/mnt/log/file && sync");
            const snapshots = await createSnapshots(cloud, volumeIds);
            await hostRun(host, "echo after >/mnt/data/file && echo after >/mnt/log/file && sync");
            const restored = await volumes.restore(snapshots);
            expect(restored.map((one) => one.fileSystem)).to.deep.equal(["ext4", "xfs"]);
            expect(await volumes.runOn(restored, "cat /mnt/data/file /mnt/log/file")).to.equal(
                "before\nbefore\n",
            );
            expect(await hostRun(host, "cat /mnt/data/file")).to.equal("after\n");
        });

        it("leave nothing of a snapshot that is deleted", async () => {
            const snapshots = await createSnapshots(cloud, volumeIds);
            const ids = snapshots.map((one) => one.snapshotId);
            const count = () => hostRun(host, "ls /run/volume-store | grep -c ^snap- || true");
            const before = Number(await count());
            await cloud.deleteSnapshots(ids);
            expect(Number(await count())).to.equal(before - 2);
        });

        it("are thawed in time, by a watchdog, again and again", async () => {
            await volumes.thawAfter(1);
            for (let round = 0; round < 2; round += 1) {
                await hostRun(host, "fsfreeze -f /mnt/data && echo >/mnt/data/waits");
            }
            await volumes.stayAwake();
        });

        it("are all that can be frozen in the host", async () => {
            for (const path of ["/", "/etc", "/run"]) {
                const said = await hostRun(host, `fsfreeze -f ${path} 2>&1; echo $?`);
                expect(said, path).to.equal(`${path} is no volume of the test\n99\n`);
            }
        });
    });

    it("are gone, thawed, when the test is killed while they are frozen", async () => {
        const program = join(ROOT, "lab/volumes/killedWithFrozenVolumes.ts");
        const child = spawn(process.execPath, ["--import", "tsx", program], {
            stdio: ["ignore", "pipe", "inherit"],
        });
        const [line] = (await once(child.stdout, "data", { signal: AbortSignal.timeout(120_000) })) as [
            Buffer,
        ];
        const { pid, loops } = JSON.parse(line.toString()) as { pid: number; loops: string[] };
        expect(loops).to.have.length(3);
        child.kill("SIGKILL");
        await until(() => !isAlive(pid), "the host's end");
        await until(() => loops.every((loop) => !isAttached(loop)), "the end of its loop devices");
    });
});

async function createSnapshots(
    cloud: LocalCloud,
    volumeIds: readonly string[],
): Promise<{ snapshotId: string; volumeId: string }[]> {
    const [, ...dataVolumes] = volumeIds;
    const { CreateSnapshotCommand, EC2Client } = await import("@aws-sdk/client-ec2");
    const ec2 = new EC2Client(cloud.clientConfig());
    const snapshots = [];
    for (const VolumeId of dataVolumes) {
        const { SnapshotId = "" } = await ec2.send(new CreateSnapshotCommand({ VolumeId }));
        snapshots.push({ snapshotId: SnapshotId, volumeId: VolumeId });
    }
    ec2.destroy();
    return snapshots;
}

function isAlive(pid: number): boolean {
    try {
        return !/^State:\s*Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
    } catch {
        return false;
    }
}

function isAttached(loop: string): boolean {
    const [device, file] = loop.split(" ");
    const now = execFileSync("losetup", ["-l", "-n", "-O", "NAME,BACK-INO"], { encoding: "utf8" });
    return now
        .split("\n")
        .some((line) => line.trim().split(/\s+/).join(" ") === `${device ?? ""} ${file ?? ""}`);
}

async function until(condition: () => boolean, what: string): Promise<void> {
    const deadline = performance.now() + 60_000;
    while (!condition()) {
        if (performance.now() > deadline) {
            throw new Error(`waited in vain for ${what}`);
        }
        await sleep(50);
    }
}
