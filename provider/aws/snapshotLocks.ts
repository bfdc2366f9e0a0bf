import { DescribeLockedSnapshotsCommand, type LockedSnapshotsInfo } from "@aws-sdk/client-ec2";
import { type ErrorContext, SnapshotError } from "../base/errors";
import type { Clients } from "./clients";
import { isRefusal, request } from "./request";
import { describeSnapshots, isInBin } from "./snapshots";

/**
 * The locks (EBS user guide, "Amazon EBS snapshot lock") that keep the snapshots from being deleted. Undefined: it is not
 * known, because the caller may not ask (policies of earlier releases do not allow it), or one of them is gone by now.
 */
export async function findLocks(
    clients: Clients,
    ids: readonly string[],
    signal: AbortSignal,
): Promise<LockedSnapshotsInfo[] | undefined> {
    if (ids.length === 0) {
        return [];
    }
    try {
        const answer = await request("ec2:DescribeLockedSnapshots", signal, (abortSignal) =>
            clients.ec2.send(new DescribeLockedSnapshotsCommand({ SnapshotIds: [...ids] }), { abortSignal }),
        );
        return (answer.Snapshots ?? []).filter(({ LockState }) => LockState !== "expired");
    } catch (error) {
        if (isRefusal(error)) {
            return undefined;
        }
        throw error;
    }
}

/** @throws SnapshotError `SNAPSHOT_LOCKED` that tells what is locked until when */
export async function assertUnlocked(
    clients: Clients,
    ids: readonly string[],
    signal: AbortSignal,
): Promise<void> {
    // EC2 refuses to tell of any when one of them is gone.
    const there = (await describeSnapshots(clients, ids, signal)).filter((one) => !isInBin(one));
    const locks = await findLocks(
        clients,
        there.flatMap(({ SnapshotId }) => SnapshotId ?? []),
        signal,
    );
    if (locks !== undefined && locks.length > 0) {
        throw lockedError(locks, { state: "nothing was deleted." });
    }
}

/** What the locks are, and what to do about them. */
export function lockedError(locks: readonly LockedSnapshotsInfo[], context: ErrorContext): SnapshotError {
    const names = locks.map((lock) => `${lock.SnapshotId ?? ""} (${lockText(lock)})`).join(", ");
    return new SnapshotError(
        {
            code: "SNAPSHOT_LOCKED",
            message: `Snapshot Lock keeps ${names} from being deleted.`,
            remedy: `${wayOut(locks)} To have Pulumi let go of such sets without deleting them, give the resource the option retainOnDelete.`,
        },
        context,
    );
}

function lockText(lock: LockedSnapshotsInfo): string {
    const { LockState = "unknown", LockExpiresOn, LockDuration = 0, CoolOffPeriodExpiresOn } = lock;
    const until =
        LockExpiresOn === undefined
            ? `for ${LockDuration} ${LockDuration === 1 ? "day" : "days"} from its completion on`
            : `until ${timeOf(LockExpiresOn)}`;
    return CoolOffPeriodExpiresOn !== undefined && LockState === COOLING_OFF
        ? `compliance mode, ${until}, cooling off until ${timeOf(CoolOffPeriodExpiresOn)}`
        : `${LockState} mode, ${until}`;
}

const COOLING_OFF = "compliance-cooloff";

function wayOut(locks: readonly LockedSnapshotsInfo[]): string {
    const ids = locks.map(({ SnapshotId }) => SnapshotId).join(" ");
    return locks.some(({ LockState }) => LockState === "compliance")
        ? "Wait until the locks expire, because nobody can take off one in compliance mode, and run again."
        : `Wait until the locks expire, or take them off (aws ec2 unlock-snapshot --snapshot-id, for each of ${ids}; it needs ec2:UnlockSnapshot), and run again.`;
}

function timeOf(date: Date): string {
    return date.toISOString().replace(/\.\d+Z$/, "Z");
}
