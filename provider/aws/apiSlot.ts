import { TokenBucket } from "limiter";
import { abortable } from "../base/abortable";

/**
 * EC2 refills a bucket of requests per account and region (EC2 developer guide, "Request throttling"): CreateSnapshots
 * gets 5 per second. Waiting for a slot happens before anything is frozen.
 */
const PER_SECOND = 5;
const BURST = 5;

const buckets = new Map<string, TokenBucket>();

/** Waits for this process's turn to call CreateSnapshots. */
export async function takeApiSlot(accountId: string, region: string, signal: AbortSignal): Promise<void> {
    const key = `${accountId}/${region}`;
    const bucket =
        buckets.get(key) ??
        new TokenBucket({ bucketSize: BURST, tokensPerInterval: PER_SECOND, interval: "second" });
    if (!buckets.has(key)) {
        bucket.content = BURST;
        buckets.set(key, bucket);
    }
    await abortable(bucket.removeTokens(1), signal);
}
