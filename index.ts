export {
    AppConsistentSnapshot,
    type AppConsistentSnapshotArgs,
    type AwsArgs,
    type ConnectionArgs,
    type HooksArgs,
    type NoneArgs,
    type ScriptArgs,
    type SshTargetArgs,
    type TimeoutArgs,
} from "./provider/appConsistentSnapshot";
export { InstanceHostKeys, type InstanceHostKeysArgs } from "./provider/instanceHostKeys";
export type { InstanceFacts } from "./provider/aws/instance";
export { type ReasonCode, reasonCodes } from "./provider/errors";
export type { ConsistencyLevel, Evidence, HookRun, IdentityProof } from "./provider/evidence";
export type { SnapshotInfo } from "./provider/state";
