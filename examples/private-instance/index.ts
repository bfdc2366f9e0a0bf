/*
 * What: application-consistent snapshots of a server that nothing outside of its VPC can reach, without a stored key.
 * Why:  most servers have no open port for ssh, and many companies forbid long-lived keys. AWS leads to the instance by its
 *       id, and gives it a key that is made for this login and is gone after a minute.
 * How:  pulumi config set instanceId i-0123456789abcdef0        # and: aws:region, unless the environment has it
 *       pulumi up
 */
import { Config } from "@pulumi/pulumi";
import { AppConsistentSnapshot } from "pulumi-app-consistent-snapshot";

const config = new Config();

const snapshot = new AppConsistentSnapshot("nightly", {
    instanceId: config.require("instanceId"),
    quiesce: {
        method: "hooks",
        connection: {
            // "ubuntu" on Ubuntu. These accounts of stock images may use sudo.
            user: config.get("user") ?? "ec2-user",
            tunnel: {
                via: "instance-connect-endpoint",
                endpointId: config.get("endpointId"),
            },
            instanceConnect: true,
        },
    },
    triggers: [config.get("run")],
});

export const { snapshotIds, consistencyLevel } = snapshot;
/** "instance-connect-endpoint", and "aws": nobody but AWS vouches for the host. */
export const route = snapshot.evidence.apply((evidence) => evidence.route);
export const hostKey = snapshot.evidence.apply((evidence) => evidence.hostKey);
