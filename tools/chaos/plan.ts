import type { FaultSpec } from "../../lab/cloud/localCloud";
import { PAIRS, type PairName, isRefused } from "./pairs";
import { Random } from "./random";

/** Until when a fault that is not the cloud's waits: an event of the run, and then this much longer. */
export interface Moment {
    readonly anchor: Anchor;
    readonly delayMs: number;
}

const ANCHORS = ["provider", "pre-freeze", "frozen", "post-thaw", "thawed"] as const;
export type Anchor = (typeof ANCHORS)[number];

/** The longest that a phase of a run takes here. Milliseconds. */
const PHASE_MS = 450;

/** One thing that goes wrong in one run. */
export type Fault =
    | { readonly kind: "cloud"; readonly operation: string; readonly skip: number; readonly spec: FaultSpec }
    | ({ readonly kind: "moment"; readonly what: Blow } & Moment);

/** What is killed, cut, filled or moved. */
const SUDDEN = [
    "kill the provider",
    "end the provider",
    "kill the CLI",
    "kill the program",
    "kill the whole process group",
    "Ctrl-C",
    "Ctrl-C twice",
    "kill sshd's sessions",
    "kill sudo",
    "kill a process of the guard",
    "kill the hook script",
    "kill the database",
    "fill the database's disk",
    "kill everything on the host but sshd's listener",
    "cut the connection with FIN",
    "cut the connection with RST",
    "cut the connection silently",
    "fill the host's /run",
    "step the clock forward by an hour",
    "step the clock back by an hour",
    "refuse connections to the cloud for 2 s",
] as const;

/** What lasts on the host, so that the guard has to do its work in spite of it. */
const LASTING = [
    "stop a process of the guard for 1 s",
    "stop a process of the guard for good",
    "let no process be made for 0.5 s",
    "let no process be made for 2 s",
    "let no process be made for 20 s",
    "pause the host for 9 s",
] as const;

export const BLOWS = [...SUDDEN, ...LASTING];
export type Blow = (typeof BLOWS)[number];

/** For how long nothing on the host can thaw, whoever wants to. Milliseconds. */
export const HINDERED_MS: Partial<Record<Blow, number>> = {
    "let no process be made for 0.5 s": 500,
    "let no process be made for 2 s": 2_000,
    "let no process be made for 20 s": 20_000,
    // Longer than the limit of a freeze.
    "pause the host for 9 s": 9_000,
};

/** Requests that a usual run sends, about. */
const REQUESTS = 16;
/** One of so many runs has a cloud that fails. */
const CLOUD_SHARE = 0.3;
/** Of the others: what lasts. */
const LASTING_SHARE = 0.35;
/** With a refused pair nothing is frozen, so there is little to see. */
const REFUSED_SHARE = 0.05;
const RECIPE_SHARE = 0.35;

/** What one seed stands for. */
export interface Plan {
    readonly fault: Fault;
    /** What the `up` freezes with that is struck. */
    readonly pair: PairName;
    /** The scripts are sent, and do not lie on the host. */
    readonly inline: boolean;
}

/** What happens in the run of this seed. The same in every version that has the same lists. */
export function planOf(seed: number): Plan {
    const random = new Random(seed);
    const fault = random.next() < CLOUD_SHARE ? cloudFault(random) : momentFault(random);
    return { fault, pair: pairFor(random), inline: seed % 2 === 1 };
}

function pairFor(random: Random): PairName {
    const share = random.next();
    if (share < REFUSED_SHARE) {
        return random.pick(PAIRS.filter(isRefused));
    }
    return share < REFUSED_SHARE + RECIPE_SHARE
        ? "recipe"
        : random.pick(PAIRS.filter((name) => name !== "recipe" && !isRefused(name)));
}

function momentFault(random: Random): Fault {
    const what = random.next() < LASTING_SHARE ? random.pick(LASTING) : random.pick(SUDDEN);
    return { kind: "moment", what, anchor: random.pick(ANCHORS), delayMs: random.below(PHASE_MS) };
}

function cloudFault(random: Random): Fault {
    const phase = random.pick(["before", "after"] as const);
    if (random.next() < 0.5) {
        const specs: FaultSpec[] = [
            { kind: "error", phase, code: "InternalError", status: 500 },
            { kind: "error", phase: "before", code: "RequestLimitExceeded", status: 503 },
            { kind: "cut", phase },
            { kind: "delay", phase, ms: 6_000 },
            { kind: "never", phase },
            { kind: "actTwice" },
        ];
        return { kind: "cloud", operation: "CreateSnapshots", skip: 0, spec: random.pick(specs) };
    }
    const specs: FaultSpec[] = [
        { kind: "error", phase, code: "InternalError", status: 500 },
        { kind: "error", phase: "before", code: "UnauthorizedOperation", status: 403 },
        { kind: "cut", phase },
        { kind: "delay", phase, ms: 3_000 },
    ];
    return { kind: "cloud", operation: "*", skip: random.below(REQUESTS), spec: random.pick(specs) };
}

export function describe({ fault, pair, inline }: Plan): string {
    return `${describeFault(fault)}; ${pair}${inline ? ", inline" : ""}`;
}

function describeFault(fault: Fault): string {
    if (fault.kind === "moment") {
        return `${fault.what}, ${fault.delayMs} ms after: ${fault.anchor}`;
    }
    const { spec, operation, skip } = fault;
    const phase = "phase" in spec ? ` ${spec.phase ?? ""}` : "";
    const code = spec.kind === "error" ? ` ${spec.code}` : "";
    return `the cloud: ${spec.kind}${code}${phase} ${operation === "*" ? `request ${skip + 1}` : operation}`;
}

/** For counting. */
export function groupOf(fault: Fault): string {
    if (fault.kind === "moment") {
        return fault.what;
    }
    const { spec } = fault;
    return `the cloud: ${spec.kind}${"phase" in spec ? ` ${spec.phase ?? ""} it acts` : ""}`;
}
