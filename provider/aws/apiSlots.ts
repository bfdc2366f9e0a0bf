import { TokenBucket } from "limiter";
import { abortable } from "../base/abortable";
import type { Waiting } from "../base/log";

/**
 * EC2 refills a bucket of requests per account and region (EC2 developer guide, "Request throttling"): CreateSnapshots
 * gets 5 per second. Waiting for a slot happens before anything is frozen.
 */
const PER_SECOND = 5;
const BURST = 5;

/**
 * How long a request waits that goes with others at the same time, in milliseconds: EC2 takes a burst of them at once, and
 * the rest as its bucket fills again.
 * @param before how many of them go before it
 */
export function behindBurst(before: number): number {
    return (Math.max(0, before - BURST + 1) * 1000) / PER_SECOND;
}

/** This process's turns to call CreateSnapshots. */
export class ApiSlots {
    readonly #buckets = new Map<string, TokenBucket>();

    /** Waits for one. */
    async take(
        { accountId, region }: { readonly accountId: string; readonly region: string },
        { log, signal }: Waiting,
    ): Promise<void> {
        const bucket = this.#bucketOf(`${accountId}/${region}`);
        if (bucket.tryRemoveTokens(1)) {
            return;
        }
        log("waiting for EC2's limit of CreateSnapshots; nothing is frozen meanwhile", "status");
        await abortable(bucket.removeTokens(1), signal);
    }

    #bucketOf(key: string): TokenBucket {
        const known = this.#buckets.get(key);
        if (known !== undefined) {
            return known;
        }
        const bucket = new TokenBucket({
            bucketSize: BURST,
            tokensPerInterval: PER_SECOND,
            interval: "second",
        });
        bucket.content = BURST;
        this.#buckets.set(key, bucket);
        return bucket;
    }
}
