export { AppConsistentAmi, AppConsistentReplica, recoveryPoints } from "./components";
export type {
    AppConsistentAmiArgs,
    AppConsistentReplicaArgs,
    LaunchArgs,
    RecoveryPoints,
    RecoveryPointsArgs,
} from "./components";
export { AppConsistentSnapshot } from "./provider/program/appConsistentSnapshot";
export type {
    AppConsistentSnapshotArgs,
    AwsArgs,
    CommandTunnelArgs,
    ConnectionArgs,
    HooksArgs,
    InstanceConnectEndpointTunnelArgs,
    SessionManagerTunnelArgs,
    NoneArgs,
    ScriptArgs,
    ScriptOptions,
    ScriptsArgs,
    SshTargetArgs,
    TimeoutArgs,
    VssArgs,
} from "./provider/program/appConsistentSnapshot";
export { AppConsistentSnapshotGroup } from "./provider/program/appConsistentSnapshotGroup";
export type {
    AppConsistentSnapshotGroupArgs,
    GroupMember,
    GroupMemberArgs,
} from "./provider/program/appConsistentSnapshotGroup";
export { RestoreTest } from "./provider/program/restoreTest";
export type { CopyConnectionArgs, RestoreTestArgs } from "./provider/program/restoreTest";
export type { RestoreLaunchArgs } from "./provider/program/launchArgs";
export type { SnapshotSet } from "./provider/program/snapshotSet";
export { reasonCodes } from "./provider/base/errors";
export type { ReasonCode } from "./provider/base/errors";
export type {
    ConsistencyLevel,
    Evidence,
    GroupEvidence,
    HookRun,
    IdentityProof,
    VssEvidence,
} from "./provider/base/evidence";
export { InstanceHostKeys } from "./provider/program/instanceHostKeys";
export type { InstanceHostKeysArgs } from "./provider/program/instanceHostKeys";
export type { InstanceFacts, SnapshotInfo } from "./provider/base/outputs";

import * as recipes from "./recipes";
export { recipes };
