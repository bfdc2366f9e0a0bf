export { AppConsistentAmi } from "./appConsistentAmi";
export type { AppConsistentAmiArgs } from "./appConsistentAmi";
export { AppConsistentReplica } from "./appConsistentReplica";
export type { AppConsistentReplicaArgs } from "./appConsistentReplica";
export { recoveryPoints } from "./recoveryPoints";
export type { RecoveryPoints, RecoveryPointsArgs } from "./recoveryPoints";
export type { LaunchArgs } from "../provider/program/launchArgs";
