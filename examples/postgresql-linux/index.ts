/*
 * What: a PostgreSQL server on Linux and application-consistent snapshots of it, from one program.
 * Why:  its host keys are read from its console by the AWS API, so that not even the first connection is on trust.
 * How:  pulumi config set imageId ami-0123456789abcdef0   # with PostgreSQL and the two scripts (docs/linux.md)
 *       pulumi config set subnetId subnet-0123456789abcdef0      # and: keyName; aws:region
 *       pulumi config set user admin                             # the image's, who may use sudo
 *       pulumi config set --secret privateKey < key.pem          # of keyName
 *       pulumi up                                  # later: pulumi config set run "$(date)", and up again
 */
import { Instance } from "@pulumi/aws/ec2";
import { Config } from "@pulumi/pulumi";
import { AppConsistentSnapshot, InstanceHostKeys } from "pulumi-app-consistent-snapshot";

const config = new Config();

const server = new Instance("postgresql", {
    ami: config.require("imageId"),
    instanceType: config.get("instanceType") ?? "m7i.large",
    subnetId: config.require("subnetId"),
    keyName: config.get("keyName"),
    tags: { Name: "postgresql" },
});

const { hostKeys } = new InstanceHostKeys("postgresql", { instanceId: server.id });

const snapshot = new AppConsistentSnapshot("postgresql", {
    instanceId: server.id,
    quiesce: {
        method: "hooks",
        connection: {
            host: config.get("host") ?? server.privateIp,
            port: config.getNumber("port") ?? 22,
            user: config.require("user"),
            privateKey: config.requireSecret("privateKey"),
            hostKey: hostKeys,
        },
    },
    triggers: [config.get("run")],
});

export const { snapshotIds, consistencyLevel } = snapshot;
export const instanceId = server.id;
