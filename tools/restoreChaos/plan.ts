import type { FaultSpec } from "../../lab/cloud/localCloud";
import { Random } from "../chaos/random";

/** Until when a blow waits: an event of the run, and then this much longer. */
export const ANCHORS = ["started", "launched", "verifying", "terminating"] as const;
export type Anchor = (typeof ANCHORS)[number];

/** What is done to the run, to the copy, or to the account, while it runs. */
const ANYWHERE = [
    "kill the provider",
    "end the provider",
    "kill the engine",
    "stop the provider for 4 s",
    "kill sshd's sessions",
    "kill the verify script",
    "kill all on the copy",
    "somebody terminates the copy",
    "somebody stops the copy",
    "somebody protects the copy",
    "the credentials end",
    "refuse connections to the cloud for 1 s",
] as const;
/** What only a run of the engine has: there, the signals come through Pulumi. */
const BY_ENGINE = ["Ctrl-C", "Ctrl-C twice", "kill the whole process group"] as const;
/** The same without an engine. */
const BELOW_ENGINE = ["second Ctrl-C"] as const;

export const BLOWS = [...ANYWHERE, ...BY_ENGINE, ...BELOW_ENGINE];
export type Blow = (typeof BLOWS)[number];

export type Fault =
    | {
          readonly kind: "cloud";
          readonly operation: string;
          readonly skip: number;
          readonly times: number | null;
          readonly spec: FaultSpec;
      }
    | { readonly kind: "late"; readonly ms: number }
    | { readonly kind: "moment"; readonly what: Blow; readonly anchor: Anchor; readonly delayMs: number };

/** What is wrong with the copy itself. */
export const COPIES = ["sound", "verify fails", "verify hangs", "never answers", "prints no keys"] as const;
export type CopyKind = (typeof COPIES)[number];

/** What one seed stands for. */
export interface Plan {
    readonly seed: number;
    readonly fault: Fault;
    readonly copy: CopyKind;
    readonly keepOnFailure: boolean;
    /** By a real `pulumi up`; else the provider's process alone, which takes a third of the time. */
    readonly byEngine: boolean;
}

const OPERATIONS = [
    "RunInstances",
    "TerminateInstances",
    "DescribeInstances",
    "DescribeVolumes",
    "DeleteVolume",
    "GetConsoleOutput",
    "CreateTags",
    "*",
] as const;
/** Requests that a usual run sends, about. */
const REQUESTS = 12;
const CLOUD_SHARE = 0.4;
const LATE_SHARE = 0.1;
const SOUND_SHARE = 0.7;
const KEEP_SHARE = 0.2;
/** The longest that a phase of a run takes here. Milliseconds. */
const PHASE_MS = 900;

/** What happens in the run of this seed. The same in every version that has the same lists. */
export function planOf(seed: number): Plan {
    const random = new Random(seed);
    const byEngine = seed % 10 === 0;
    const share = random.next();
    const fault =
        share < CLOUD_SHARE
            ? cloudFault(random)
            : share < CLOUD_SHARE + LATE_SHARE
              ? ({ kind: "late", ms: random.below(3_000) } as const)
              : momentFault(random, byEngine);
    const copy = random.next() < SOUND_SHARE ? "sound" : random.pick(COPIES);
    return { seed, fault, copy, keepOnFailure: random.next() < KEEP_SHARE, byEngine };
}

function momentFault(random: Random, byEngine: boolean): Fault {
    const own = byEngine ? BY_ENGINE : BELOW_ENGINE;
    // Signals as often as all else together: the most comes from them.
    const what = random.pick([...ANYWHERE, ...own, ...own, ...own]);
    return { kind: "moment", what, anchor: random.pick(ANCHORS), delayMs: random.below(PHASE_MS) };
}

function cloudFault(random: Random): Fault {
    const phase = random.pick(["before", "after"] as const);
    const operation = random.pick(OPERATIONS);
    const spec = random.pick<FaultSpec>([
        { kind: "error", phase, code: "InternalError", status: 500 },
        { kind: "error", phase: "before", code: "RequestLimitExceeded", status: 503 },
        { kind: "error", phase: "before", code: "UnauthorizedOperation", status: 403 },
        { kind: "error", phase, code: "ExpiredToken", status: 400 },
        { kind: "error", phase: "before", code: "InsufficientInstanceCapacity", status: 500 },
        { kind: "cut", phase },
        { kind: "delay", phase, ms: 3_000 },
    ]);
    const skip = operation === "*" ? random.below(REQUESTS) : random.below(2);
    return { kind: "cloud", operation, skip, times: random.pick([1, 1, 2, null]), spec };
}

export function describe({ fault, copy, keepOnFailure, byEngine }: Plan): string {
    const kept = keepOnFailure ? ", to be kept" : "";
    return `${describeFault(fault)}; ${copy}${kept}${byEngine ? ", by the engine" : ""}`;
}

function describeFault(fault: Fault): string {
    switch (fault.kind) {
        case "moment":
            return `${fault.what}, ${fault.delayMs} ms after: ${fault.anchor}`;
        case "late":
            return `EC2 knows the copy ${fault.ms} ms late`;
        case "cloud": {
            const { spec, operation, skip, times } = fault;
            const phase = "phase" in spec ? ` ${spec.phase ?? ""}` : "";
            const code = spec.kind === "error" ? ` ${spec.code}` : "";
            return `the cloud: ${spec.kind}${code}${phase} ${operation} from ${skip + 1} on, ${times ?? "all"}`;
        }
    }
}

/** For counting. */
export function groupOf(fault: Fault): string {
    if (fault.kind === "moment") {
        return fault.what;
    }
    return fault.kind === "late" ? "EC2 knows the copy late" : `the cloud: ${fault.spec.kind}`;
}
