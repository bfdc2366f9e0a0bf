import type { SnapshotInputs } from "../inputs/inputs";

/** Inputs as the engine sends them. */
export type Inputs = SnapshotInputs & { __provider?: unknown };

/** All lines of a dynamic provider land on the stack's row: each names its resource. */
export function logger({ owner, instanceId }: Pick<Inputs, "owner" | "instanceId">): (line: string) => void {
    const name = owner?.split("::").at(-1) ?? instanceId;
    return (line) => console.log(`${name}: ${line}`);
}
