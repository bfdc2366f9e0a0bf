const DAY = 86_400;

interface Limit {
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

export type Phase = keyof typeof limits;
export type Timeouts = Readonly<Record<Phase, number>>;

export function timeoutsOf({
    timeouts: given = {},
}: {
    readonly timeouts?: { readonly [P in Phase]?: number | undefined } | undefined;
}): Timeouts {
    return Object.fromEntries(
        Object.entries(limits).map(([phase, { usual }]) => [phase, given[phase as Phase] ?? usual]),
    ) as Timeouts;
}
