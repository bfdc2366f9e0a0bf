export { AppConsistentAmi, AppConsistentReplica, recoveryPoints } from "./components";
export type {
    AppConsistentAmiArgs,
    AppConsistentReplicaArgs,
    LaunchArgs,
    RecoveryPoints,
    RecoveryPointsArgs,
} from "./components";
export { AppConsistentSnapshot } from "./provider/appConsistentSnapshot";
export type {
    AppConsistentSnapshotArgs,
    AwsArgs,
    ConnectionArgs,
    HooksArgs,
    NoneArgs,
    ScriptArgs,
    ScriptOptions,
    ScriptsArgs,
    SshTargetArgs,
    TimeoutArgs,
    VssArgs,
} from "./provider/appConsistentSnapshot";
export { reasonCodes } from "./provider/errors";
export type { ReasonCode } from "./provider/errors";
export type { ConsistencyLevel, Evidence, HookRun, IdentityProof, VssEvidence } from "./provider/evidence";
export { InstanceHostKeys } from "./provider/instanceHostKeys";
export type { InstanceHostKeysArgs } from "./provider/instanceHostKeys";
export type { InstanceFacts, SnapshotInfo } from "./provider/outputs";

import * as recipes from "./recipes";
export { recipes };
