/** Numbers that look random, the same ones for the same seed (mulberry32, by Tommy Ettinger). */
export class Random {
    #state: number;

    constructor(seed: number) {
        this.#state = seed >>> 0;
    }

    /** At least 0, below 1. */
    next(): number {
        this.#state = (this.#state + 0x6d2b79f5) >>> 0;
        let mixed = this.#state;
        mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
        mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
        return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
    }

    /** A whole number from 0, below the limit. */
    below(limit: number): number {
        return Math.floor(this.next() * limit);
    }

    pick<T>(values: readonly T[]): T {
        const value = values[this.below(values.length)];
        if (value === undefined) {
            throw new RangeError("nothing to pick from");
        }
        return value;
    }
}
