import type { Sample } from "./methods";

/** Milliseconds, and a count. */
export interface Setting {
    readonly roundTripMs: number;
    readonly apiMs: number;
    readonly volumes: number;
}

export interface Measured extends Setting {
    readonly product: readonly Sample[];
    readonly floor: readonly Sample[];
    readonly script: readonly Sample[];
}

/** Milliseconds from the SIGKILL, or from the freeze, to the thaw. */
export interface Kills {
    readonly closed: readonly number[];
    readonly silent: readonly number[];
    readonly freezeLimitMs: number;
}

export interface Target {
    readonly what: string;
    readonly limit: string;
    readonly worst: string;
    readonly met: boolean;
}

/** Beyond one round trip and the API's time. */
const OVERHEAD_LIMIT_MS = 20;
/** Of the floor, where the API's time dominates. */
const RATIO_LIMIT = 1.1;
const DOMINATING_API_MS = 300;
const TIMES_SHORTER = 10;
/** Noise between numbers of volumes. */
const SPREAD_LIMIT_MS = 10;
const CLOSED_LIMIT_MS = 100;

export function median(values: readonly number[]): number {
    const sorted = [...values].sort((a, b) => a - b);
    const middle = sorted.length / 2;
    const [low = NaN, high = NaN] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
    return (low + high) / 2;
}

export const windowOf = (samples: readonly Sample[]): number => median(samples.map((one) => one.windowMs));
const quiescedOf = (samples: readonly Sample[]): number => median(samples.map((one) => one.quiescedMs));

/** What the window has beyond the API's time, each sample against its own. */
export function overheadOf(samples: readonly Sample[]): number {
    return median(samples.map(({ windowMs, apiMs }) => windowMs - (apiMs ?? NaN)));
}

export function windowTable(measured: readonly Measured[]): string {
    return comparison(measured, windowOf, [["window - API", ({ product }) => ms(overheadOf(product))]]);
}

export function quiescedTable(measured: readonly Measured[]): string {
    return comparison(measured, quiescedOf);
}

type Column = readonly [head: string, cell: (of: Measured) => string];

function comparison(
    measured: readonly Measured[],
    valueOf: (samples: readonly Sample[]) => number,
    more: readonly Column[] = [],
): string {
    const columns: readonly Column[] = [
        ["RTT", ({ roundTripMs }) => String(roundTripMs)],
        ["API", ({ apiMs }) => String(apiMs)],
        ["volumes", ({ volumes }) => String(volumes)],
        ["floor", ({ floor }) => ms(valueOf(floor))],
        ["this package", ({ product }) => ms(valueOf(product))],
        ...more,
        ["of the floor", ({ floor, product }) => (valueOf(product) / valueOf(floor)).toFixed(2)],
        ["script", ({ script }) => ms(valueOf(script))],
        ["times shorter", ({ product, script }) => (valueOf(script) / valueOf(product)).toFixed(1)],
    ];
    return table(
        columns.map(([head]) => head),
        measured.map((of) => columns.map(([, cell]) => cell(of))),
    );
}

export function targetTable(targets: readonly Target[]): string {
    const rows = targets.map(({ what, limit, worst, met }) => [what, limit, worst, met ? "yes" : "NO"]);
    return table(["target", "limit", "worst", "met"], rows);
}

/** Of each target, the setting (by its medians) or the kill that comes nearest to missing it; none of those that nothing was measured for. */
export function targetsOf(measured: readonly Measured[], kills: Kills): Target[] {
    const beyond = measured.map((one) => overheadOf(one.product) - one.roundTripMs);
    const dominated = measured.filter(({ apiMs }) => apiMs >= DOMINATING_API_MS);
    const ratios = dominated.map(({ product, floor }) => windowOf(product) / windowOf(floor));
    const nearby = measured.filter(({ roundTripMs, apiMs }) => roundTripMs === 0 && apiMs === 0);
    const shorter = nearby.map(({ script, product }) => windowOf(script) / windowOf(product));
    const spreads = [
        ...groupBy(measured, ({ roundTripMs, apiMs }) => `${roundTripMs}/${apiMs}`).values(),
    ].map((group) => spreadOf(group.map(({ product }) => overheadOf(product))));
    const targets = [
        atMost("window - API - one RTT", OVERHEAD_LIMIT_MS, beyond, ms),
        atMost("window of the floor's, API dominates", RATIO_LIMIT, ratios, (value) => value.toFixed(2)),
        atLeast("times shorter than the script, no latency", TIMES_SHORTER, shorter),
        atMost("spread of window - API over numbers of volumes", SPREAD_LIMIT_MS, spreads, ms),
        atMost("thaw after SIGKILL of the client, connection closed", CLOSED_LIMIT_MS, kills.closed, ms),
        atMost(
            `thaw after the freeze, cut without FIN, limit ${kills.freezeLimitMs} ms`,
            kills.freezeLimitMs,
            kills.silent,
            ms,
        ),
    ];
    return targets.filter((target) => target !== undefined);
}

function atMost(
    what: string,
    limit: number,
    values: readonly number[],
    show: (value: number) => string,
): Target | undefined {
    if (values.length === 0) {
        return undefined;
    }
    const worst = Math.max(...values);
    return { what, limit: `at most ${show(limit)}`, worst: show(worst), met: worst <= limit };
}

function atLeast(what: string, limit: number, values: readonly number[]): Target | undefined {
    if (values.length === 0) {
        return undefined;
    }
    const worst = Math.min(...values);
    return { what, limit: `at least ${limit}`, worst: worst.toFixed(1), met: worst >= limit };
}

function spreadOf(values: readonly number[]): number {
    return Math.max(...values) - Math.min(...values);
}

function groupBy<T>(values: readonly T[], key: (value: T) => string): Map<string, T[]> {
    const groups = new Map<string, T[]>();
    for (const value of values) {
        groups.set(key(value), [...(groups.get(key(value)) ?? []), value]);
    }
    return groups;
}

export function ms(value: number): string {
    return `${value.toFixed(1)} ms`;
}

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
    const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
    return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}
