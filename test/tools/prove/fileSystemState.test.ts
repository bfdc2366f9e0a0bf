// Freezes: it looks at real file systems while they are held.
import { expect } from "chai";
import { type FileSystemState, fileSystemStates } from "../../../tools/prove/fileSystemState";
import { type LocalCloud, startLocalCloud } from "../../../lab/cloud/localCloud";
import { needsRoot, type SshHost, startSshHost } from "../../../lab/hosts/sshHost";
import { hostRun, mountVolumes, type Volumes } from "../../../lab/volumes/volumes";

const FILE = "/run/volume-store/made";

describe("the state of a file system", function () {
    this.timeout(120_000);
    let cloud: LocalCloud;
    let host: SshHost;
    let volumes: Volumes;
    before(async function () {
        needsRoot(this);
        cloud = await startLocalCloud({ snapshotDurationMs: 0 });
        const instance = await cloud.createInstance({ volumes: 2 });
        host = await startSshHost({ instanceId: instance.instanceId });
        volumes = await mountVolumes(cloud, instance, host, [
            { mountPoint: "/mnt/data", fileSystem: "ext4" },
        ]);
    });
    after(async () => {
        await (volumes as Volumes | undefined)?.stop();
        await (host as SshHost | undefined)?.stop();
        await (cloud as LocalCloud | undefined)?.stop();
    });

    /** Of one with a file in it, after this change to what is on the disk. */
    async function stateAfter(change: string): Promise<FileSystemState | undefined> {
        await hostRun(
            host,
            `rm -rf ${FILE} /run/tree && mkdir /run/tree && echo text >/run/tree/file && ` +
                `mkfs.ext4 -q -d /run/tree ${FILE} 64M && ${change}`,
        );
        const made = {
            volumeId: "",
            fileSystem: "ext4",
            originalMountPoint: "/mnt/data",
            file: FILE,
        } as const;
        return (await fileSystemStates(host, volumes, [made]))[0];
    }

    it("is sound where nothing happened to it", async () => {
        expect(await stateAfter("true")).to.deep.equal({ needsReplay: false, problems: [] });
    });

    it("is not sound where a file cannot be read, with a replay as without", async () => {
        const state = await stateAfter(`debugfs -w -R "clri file" ${FILE} 2>/dev/null`);
        expect(state?.needsReplay).to.equal(true);
        expect(state?.problems.join("\n")).to.include("cannot be read");
    });
});
