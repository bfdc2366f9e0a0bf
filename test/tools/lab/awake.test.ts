// Freezes: the volumes of a host, for some seconds.
import { assert } from "chai";
import { type LocalCloud, startLocalCloud } from "../../../lab/cloud/localCloud";
import { needsRoot, type SshHost, startSshHost } from "../../../lab/hosts/sshHost";
import { type Volumes, hostRun, mountVolumes } from "../../../lab/volumes/volumes";
import { limitFreezes, writable } from "../../../tools/lab/awake";

const LIMITS = { longestFreezeS: 2, lookEveryMs: 100 };
/** Long after the limit, and on a busy machine. */
const GIVE_UP_MS = 60_000;

describe("the lab's limit of freezes", function () {
    this.timeout(120_000);
    let cloud: LocalCloud;
    let host: SshHost;
    let volumes: Volumes;
    let end: () => Promise<void>;

    before(async function () {
        needsRoot(this);
        cloud = await startLocalCloud();
        const instance = await cloud.createInstance({ volumes: 2 });
        host = await startSshHost({ instanceId: instance.instanceId });
        const layouts = [{ mountPoint: "/mnt/data", fileSystem: "ext4" }] as const;
        volumes = await mountVolumes(cloud, instance, host, layouts);
        end = await limitFreezes(host, volumes, LIMITS);
    });
    after(async () => {
        await end();
        await volumes.stop();
        await host.stop();
        await cloud.stop();
    });

    const freeze = () => hostRun(host, "fsfreeze -f /mnt/data");
    const awakeAfter = async (): Promise<number> => {
        const frozenAt = performance.now();
        await writable(host, volumes, AbortSignal.timeout(GIVE_UP_MS));
        return performance.now() - frozenAt;
    };

    it("thaws what nobody thaws, and the next freeze has the whole limit again", async () => {
        for (const round of [1, 2]) {
            await freeze();
            // The watchdog may have been told a look ago; without a renewal it would thaw every second.
            assert.isAbove(await awakeAfter(), 1_200, `round ${round}`);
            await hostRun(host, "sleep 0.5");
        }
    });
});
