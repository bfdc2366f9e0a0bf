// Runs alone: it counts what a rate limit refuses.
import { assert } from "chai";
import type { GroupInputs } from "../../../../provider/inputs/inputs";
import type { Evidence } from "../../../../provider/base/evidence";
import { CapturedLog } from "../../../../lab/capturedLog";
import type { LocalCloud } from "../../../../lab/cloud/localCloud";
import { sharedCloud, useCloud } from "../../../../lab/cloud/sharedCloud";
import { createGroup } from "../../../../lab/scenes/lifecycle";

const MEMBERS = 10;
/** EC2's own, of an account that has used none of it. */
const LIMIT = { rate: 5, burst: 5 };

/** Without hosts: what is held is nothing, and all else is as with scripts. */
describe("a group of ten, at EC2's limit", function () {
    this.timeout(120_000);
    let cloud: LocalCloud;
    let restore: () => void;

    before(async () => {
        cloud = await sharedCloud();
        restore = useCloud(cloud);
    });
    after(async () => {
        restore();
        await cloud.reset();
        await cloud.deleteSnapshots((await cloud.snapshots()).map(({ snapshotId }) => snapshotId));
    });

    async function inputs(): Promise<GroupInputs> {
        const instances = await Promise.all(
            Array.from({ length: MEMBERS }, () => cloud.createInstance({ volumes: 1 })),
        );
        const members = instances.map(({ instanceId }, index) => [
            `m${index}`,
            { instanceId, quiesce: { method: "none" } },
        ]);
        return {
            members: Object.fromEntries(members) as GroupInputs["members"],
            minimumLevel: "crash",
            waitForCompletion: false,
        };
    }

    it("has no request refused, and sends the first four at once", async () => {
        const asked = await inputs();
        await cloud.throttle("CreateSnapshots", LIMIT);
        await cloud.clearCalls();
        const log = new CapturedLog();
        const { outs } = await createGroup(asked).finally(() => log.restore());
        const calls = (await cloud.calls()).filter(({ operation }) => operation === "CreateSnapshots");
        assert.deepEqual(
            calls.filter(({ code }) => code === "RequestLimitExceeded"),
            [],
        );
        assert.lengthOf(
            calls.filter(({ dryRun }) => !dryRun),
            MEMBERS,
        );
        const dryRuns = calls.filter(({ dryRun }) => dryRun).map(({ answeredAt }) => answeredAt ?? Infinity);
        const real = calls.filter(({ dryRun }) => !dryRun).map(({ receivedAt }) => receivedAt);
        assert.isAbove(Math.min(...real), Math.max(...dryRuns), "all are looked at before any is asked for");
        const evidence: Evidence[] = Object.values(outs.sets).map((set) => set.evidence);
        assert.lengthOf(evidence, MEMBERS);
    });
});
