export { AppConsistentAmi } from "./components/appConsistentAmi";
export type { AppConsistentAmiArgs } from "./components/appConsistentAmi";
export { AppConsistentReplica } from "./components/appConsistentReplica";
export type { AppConsistentReplicaArgs, LaunchArgs } from "./components/appConsistentReplica";
export { recoveryPoints } from "./components/recoveryPoints";
export type { RecoveryPoints, RecoveryPointsArgs } from "./components/recoveryPoints";
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
