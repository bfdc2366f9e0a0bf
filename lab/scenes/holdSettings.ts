import type { HoldSettings } from "../../provider/quiesce/hooks/hold";

/** For a guard that a test plays itself. */
export function holdSettings(changes: Partial<HoldSettings> = {}): HoldSettings {
    return {
        level: "application",
        vouchedBy: "script",
        timeouts: { preFreeze: 1, freeze: 1, postThaw: 1 },
        secrets: [],
        deployed: false,
        instanceId: "i-0123456789abcdef0",
        notCovered: [],
        reach: { route: "tcp", hostKey: "pinned" },
        ready: { kind: "ready", identity: "dmi", bootId: "b-1" },
        proveAwake: () => Promise.resolve(undefined),
        log: () => undefined,
        signal: new AbortController().signal,
        givenUp: new AbortController().signal,
        ...changes,
    };
}
