// Runs alone: it measures memory and a rate limit of one process under load.
import { assert } from "chai";
import { ScaleLab } from "../tools/scale/lab";
import { type Scaled, scale } from "../tools/scale/measure";
import { needsRoot } from "../lab/hosts/sshHost";

const INSTANCES = 10;
/** To EC2: those that all share, and one of each run's own; to each host one; to the engine and the like. */
const CONNECTIONS = 20 + 2 * INSTANCES + 10;
/** The AWS SDK and Node alone are more than half of it. */
const MEMORY_BYTES = 600 * 1024 * 1024;

describe("many instances in one pulumi up", function () {
    this.timeout(300_000);

    before(function () {
        needsRoot(this);
    });

    async function scaled(instances: number, volumes: number): Promise<Scaled> {
        const lab = await ScaleLab.start();
        try {
            return await scale(lab, instances, volumes);
        } finally {
            await lab.stop();
        }
    }

    it("are all held, keep to the API's limit while they are, and share connections", async () => {
        const { throttled, connections, peakBytes, longestOverheadMs } = await scaled(INSTANCES, 3);
        assert.equal(throttled, 0, "requests that the cloud refused");
        assert.isAtLeast(connections, INSTANCES);
        assert.isAtMost(connections, CONNECTIONS);
        assert.isBelow(peakBytes, MEMORY_BYTES);
        assert.isAbove(longestOverheadMs, 0);
    });

    it("may have 127 volumes each", async () => {
        const { volumes, throttled } = await scaled(1, 127);
        assert.deepEqual({ volumes, throttled }, { volumes: 127, throttled: 0 });
    });
});
