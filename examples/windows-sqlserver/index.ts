/*
 * What: application-consistent snapshots of a Windows instance that runs SQL Server, and an image made of them.
 * Why:  VSS has SQL Server write all that it holds in memory before the snapshots; a new server starts from the image.
 *       An image that is registered from Windows snapshots by hand would not start.
 * How:  the instance needs Systems Manager and the policy AWSEC2VssSnapshotPolicy in its role (docs/windows.md)
 *       pulumi config set instanceId i-0123456789abcdef0     # and: aws:region, unless the environment has it
 *       pulumi up                                  # later: pulumi config set run "$(date)", and up again
 */
import { Config } from "@pulumi/pulumi";
import { AppConsistentAmi, AppConsistentSnapshot } from "pulumi-app-consistent-snapshot";

const config = new Config();

const snapshot = new AppConsistentSnapshot("nightly", {
    instanceId: config.require("instanceId"),
    quiesce: {
        method: "vss",
        // Named sqlserver-acs-...: the new image exists beside the old one until that is deleted.
        createImage: { namePrefix: "sqlserver" },
        // SQL Server's chain of differential backups goes on as if there had been no backup.
        copyOnly: true,
    },
    tags: { application: "sqlserver" },
    // A new value takes new snapshots; the same value, or none, keeps those that there are.
    triggers: [config.get("run")],
});

const image = new AppConsistentAmi("nightly", { snapshot });

export const imageId = image.imageId;
export const snapshotIds = snapshot.snapshotIds; // boot volume first
export const level = snapshot.consistencyLevel;
export const vss = snapshot.evidence.vss; // AWS's own word on each snapshot, and which components took them
