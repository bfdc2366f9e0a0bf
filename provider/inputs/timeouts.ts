const DAY = 86_400;

export interface Limit {
    readonly usual: number;
    readonly least: number;
    readonly most: number;
}

const limit = (usual: number, least: number, most: number): Limit => ({ usual, least, most });

/** In seconds, each for a phase of its own: the default, and what it may be. */
export const limits = {
    connect: limit(300, 1, DAY),
    lock: limit(0, 0, DAY),
    preFreeze: limit(60, 1, 3600),
    freeze: limit(10, 1, 120),
    postThaw: limit(60, 1, 3600),
    command: limit(900, 30, 2 * DAY),
    completion: limit(DAY, 1, 7 * DAY),
} as const;

/** For host keys to be printed. An instance prints them when it boots; EC2 shows the console some minutes later. */
export const waitLimit = limit(600, 1, DAY);

/** For which STS gives credentials of a role (AssumeRole, "DurationSeconds"). Its default is an hour. */
export const roleSessionLimit = limit(3600, 900, 12 * 3600);

/** Of a restore test, in seconds: from the launch of the copy to its answer, and for the script that looks at it. */
export const restoreLimits = { boot: limit(900, 1, DAY), verify: limit(600, 1, DAY) } as const;

export type Phase = keyof typeof limits;
export type Timeouts = Readonly<Record<Phase, number>>;

/** A guard's own pauses on top of a script's limit, for each of up to three tries of post-thaw. Seconds. */
const GUARD_MARGIN_S = 5;
const MOST_TRIES = 3;

/** For how long a guard may try to thaw at the very longest. Seconds. */
export function longestThaw({ postThaw }: Pick<Timeouts, "postThaw">): number {
    return MOST_TRIES * (postThaw + GUARD_MARGIN_S);
}

/** For how long an instance may be frozen by its scripts at the very longest. Seconds. */
export function longestFreeze(timeouts: Timeouts): number {
    return timeouts.preFreeze + timeouts.freeze + longestThaw(timeouts);
}

export function timeoutsOf({
    timeouts: given = {},
}: {
    readonly timeouts?: { readonly [P in Phase]?: number | undefined } | undefined;
}): Timeouts {
    return Object.fromEntries(
        Object.entries(limits).map(([phase, { usual }]) => [phase, given[phase as Phase] ?? usual]),
    ) as Timeouts;
}
