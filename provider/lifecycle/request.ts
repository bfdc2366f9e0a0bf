import type { SnapshotInputs } from "../inputs/inputs";

/** Inputs as the engine sends them. */
export type Inputs = SnapshotInputs & { __provider?: unknown };
