import { TokenBucket } from "limiter";
import { abortable } from "../base/abortable";
import type { Waiting } from "../base/log";

/**
 * EC2 refills a bucket of requests per account and region (EC2 developer guide, "Request throttling"): CreateSnapshots
 * gets 5 per second.
 */
const PER_SECOND = 5;
/**
 * As many as may go at once. One less than EC2 refills in a second, because requests do not reach EC2 at the pace at which
 * they are sent: so none is refused that comes up to a fifth of a second before its time.
 */
const AT_ONCE = 4;

interface Place {
    readonly accountId: string;
    readonly region: string;
}

/** What of EC2's bucket is promised to somebody, and what of it is spent. */
interface Buckets {
    readonly promised: TokenBucket;
    readonly spent: TokenBucket;
}

/** This process's turns to call CreateSnapshots. */
export class ApiSlots {
    readonly #buckets = new Map<string, Buckets>();

    /** Waits for one, as long as it takes: to be called before anything is frozen. */
    async take(place: Place, { log, signal }: Waiting): Promise<void> {
        const { promised } = this.#bucketsOf(place);
        if (promised.tryRemoveTokens(1)) {
            return;
        }
        log("waiting for EC2's limit of CreateSnapshots; nothing is frozen meanwhile", "status");
        await abortable(promised.removeTokens(1), signal);
    }

    /**
     * To be called by one who has a slot, right before it sends. It waits only where more slots are used at once than EC2
     * takes at once: by a large group, or by runs whose pre-freeze took long, and ended at the same time. In turn.
     */
    async use(place: Place, signal: AbortSignal): Promise<void> {
        await abortable(this.#bucketsOf(place).spent.removeTokens(1), signal);
    }

    #bucketsOf({ accountId, region }: Place): Buckets {
        const place = `${accountId}/${region}`;
        const known = this.#buckets.get(place);
        if (known !== undefined) {
            return known;
        }
        const buckets = { promised: fullBucket(), spent: fullBucket() };
        this.#buckets.set(place, buckets);
        return buckets;
    }
}

function fullBucket(): TokenBucket {
    const bucket = new TokenBucket({
        bucketSize: AT_ONCE,
        tokensPerInterval: PER_SECOND,
        interval: "second",
    });
    bucket.content = AT_ONCE;
    return bucket;
}
