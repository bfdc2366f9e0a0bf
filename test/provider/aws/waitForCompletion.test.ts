import {
    CreateSnapshotCommand,
    type DescribeSnapshotsCommandOutput,
    type Snapshot,
} from "@aws-sdk/client-ec2";
import { expect } from "chai";
import { type Clients, clientsFor } from "../../../provider/aws/clients";
import { SetLostError } from "../../../provider/aws/setLostError";
import { type Progress, progressOf, waitForCompletion } from "../../../provider/aws/waitForCompletion";
import { timing } from "../../../provider/base/timing";
import { sharedCloud, useCloud } from "../../../lab/cloud/sharedCloud";
import { rejection } from "../../../lab/rejection";
import type { LocalCloud } from "../../../lab/cloud/localCloud";

const ids = ["snap-1", "snap-2", "snap-3", "snap-4"];
const snapshot = (SnapshotId: string, State: Snapshot["State"], Progress?: string, StateMessage?: string) =>
    ({ SnapshotId, State, Progress, StateMessage }) as Snapshot;
const completed = ids.map((id) => snapshot(id, "completed", "100%"));

describe("progressOf", () => {
    const rows: [what: string, snapshots: Snapshot[], Partial<Progress>][] = [
        ["all completed", completed, { completed: 4, percent: 100, failed: [], gone: [] }],
        [
            "all pending",
            ids.map((id) => snapshot(id, "pending", "0%")),
            { completed: 0, percent: 0, failed: [] },
        ],
        [
            "some pending",
            [
                ...completed.slice(0, 2),
                snapshot("snap-3", "pending", "49%"),
                snapshot("snap-4", "pending", ""),
            ],
            { completed: 2, percent: 62, failed: [] },
        ],
        [
            "99 % of one are not 100 % of all",
            [...completed.slice(0, 3), snapshot("snap-4", "pending", "99%")],
            { completed: 3, percent: 99 },
        ],
        [
            "100 % but pending is not completed",
            [...completed.slice(0, 3), snapshot("snap-4", "pending", "100%")],
            { completed: 3, percent: 100, failed: [] },
        ],
        [
            "one failed",
            [...completed.slice(0, 3), snapshot("snap-4", "error", "37%", "Client error")],
            { completed: 3, failed: ["snap-4: Client error"] },
        ],
        [
            "one failed without a message",
            [...completed.slice(0, 3), snapshot("snap-4", "error")],
            { failed: ["snap-4: no message"] },
        ],
        [
            "one failed for its key, which is named",
            [
                ...completed.slice(0, 3),
                {
                    ...snapshot("snap-4", "error", "0%", "Given key ID is not accessible"),
                    KmsKeyId: "arn:key/1",
                },
            ],
            { failed: ["snap-4: Given key ID is not accessible (key arn:key/1)"] },
        ],
        ["one is gone", completed.slice(1), { completed: 3, percent: 75, failed: [], gone: ["snap-1"] }],
        ["all are gone", [], { completed: 0, percent: 0, failed: [], gone: ids }],
        [
            "others do not count",
            [...completed, snapshot("snap-9", "pending", "0%")],
            { completed: 4, percent: 100 },
        ],
    ];
    for (const [what, snapshots, expected] of rows) {
        it(what, () => {
            expect(progressOf(ids, snapshots)).to.deep.include({ total: 4, ...expected });
        });
    }

    it("of nothing is nothing", () => {
        expect(progressOf([], [])).to.deep.equal({
            completed: 0,
            total: 0,
            percent: 0,
            failed: [],
            gone: [],
        });
    });
});

describe("waitForCompletion", () => {
    const usual = { ...timing };
    let cloud: LocalCloud;
    let clients: Clients;
    let restore: () => void;
    let made: string[];
    let lines: string[];

    before(async () => {
        cloud = await sharedCloud();
        restore = useCloud(cloud);
        clients = await clientsFor();
    });
    beforeEach(async () => {
        lines = [];
        const { volumeIds, instanceId } = await cloud.createInstance({ volumes: 2 });
        await cloud.configureSnapshots({ durationMs: 60_000 }, instanceId);
        const taken = await Promise.all(
            volumeIds.map((VolumeId) => clients.ec2.send(new CreateSnapshotCommand({ VolumeId }))),
        );
        made = taken.map(({ SnapshotId }) => SnapshotId ?? "");
    });
    afterEach(async () => {
        clients.ec2.middlewareStack.remove("lagging replica");
        Object.assign(timing, usual);
        await cloud.reset();
    });
    after(() => restore());

    const wait = () =>
        waitForCompletion(clients, made, {
            deadline: performance.now() + 40_000,
            log: (line) => lines.push(line),
            signal: AbortSignal.timeout(50_000),
        });

    /** Simulated: answers come from a replica that has not heard of the first snapshot, as long as `lags` says so. */
    function lagWhile(lags: (answer: number) => boolean): void {
        let answers = 0;
        clients.ec2.middlewareStack.add(
            (next) => async (args) => {
                const result = await next(args);
                const output = result.output as DescribeSnapshotsCommandOutput;
                if (output.Snapshots !== undefined && lags((answers += 1))) {
                    output.Snapshots = output.Snapshots.filter(({ SnapshotId }) => SnapshotId !== made[0]);
                }
                return result;
            },
            { step: "initialize", name: "lagging replica" },
        );
    }

    it("goes on when one answer, the first or a later one, lacks a snapshot", async () => {
        // The fourth comes 4 s after the beginning, and 1.7 s after the third.
        timing.visibleMs = 3_500;
        for (const lagging of [4, 1]) {
            lagWhile((answer) => {
                if (answer === lagging) {
                    void cloud.completeSnapshots(made);
                }
                return answer === lagging;
            });
            await wait();
            expect(lines.at(-1)).to.equal("2 of 2 completed, 100 %");
            clients.ec2.middlewareStack.remove("lagging replica");
        }
    });

    it("ends when a snapshot was absent from every answer for long, and names it", async () => {
        timing.visibleMs = 1_500;
        lagWhile((answer) => answer > 1);
        const error = await rejection<SetLostError>(wait());
        expect(error).to.be.instanceOf(SetLostError);
        expect(error.lost).to.deep.equal([`${made[0]!} was deleted`]);
        expect(await cloud.snapshots()).to.satisfy((all: { snapshotId: string }[]) =>
            made.every((id) => all.some(({ snapshotId }) => snapshotId === id)),
        );
    });

    it("fails when a snapshot failed, also while another is absent", async () => {
        await cloud.failSnapshots(made, "No such key");
        lagWhile(() => true);
        expect((await rejection(wait())).message).to.match(
            new RegExp(`^SNAPSHOT_FAILED: .*${made[1]!}: No such key`),
        );
    });
});
