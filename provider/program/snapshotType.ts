/** What serves an AppConsistentSnapshot, by the package's name. */
export const PROVIDER = "pulumi-app-consistent-snapshot/bin/provider/snapshotProvider";

/** Its type in stacks. */
export const TYPE = "pulumi-nodejs:dynamic/ec2:AppConsistentSnapshot";
