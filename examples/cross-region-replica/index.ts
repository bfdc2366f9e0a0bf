/*
 * What: standby replicas of a server in another region, the last three nights', and fail-over to one of them.
 * Why:  the copies and their launch templates wait there for nothing but storage; a command starts one.
 * How:  pulumi config set instanceId i-0123456789abcdef0        # and: host, user, hostKey, secret privateKey; aws:region
 *       pulumi config set targetRegion eu-west-1                # and, of that region: subnetId, securityGroupId
 *       pulumi config set run 2026-11-24 && pulumi up           # every night, with a new label
 * Fail-over:  pulumi config set activate 2026-11-24 && pulumi up
 * Fail-back:  pulumi config rm activate && pulumi up            # ends the replica: copy back first what it has written
 */
import { Config } from "@pulumi/pulumi";
import { AppConsistentReplica, AppConsistentSnapshot, recoveryPoints } from "pulumi-app-consistent-snapshot";

const config = new Config();
const instanceId = config.require("instanceId");
const region = config.require("targetRegion");
const quiesce = {
    method: "hooks",
    connection: {
        host: config.require("host"),
        port: config.getNumber("port") ?? 22,
        user: config.require("user"),
        privateKey: config.requireSecret("privateKey"),
        hostKey: config.require("hostKey"),
    },
} as const;
const launch = {
    instanceType: config.get("instanceType") ?? "m7i.large",
    subnetId: config.require("subnetId"),
    vpcSecurityGroupIds: [config.require("securityGroupId")],
};

export = async () => {
    const active = config.get("activate");
    const points = await recoveryPoints({ run: config.get("run"), keep: 3, pin: active });
    const replicas = points.labels.map((label) => {
        const name = `db-${label}`;
        const snapshot = new AppConsistentSnapshot(name, { instanceId, quiesce }, points.optionsOf(label));
        const activate = label === active;
        return new AppConsistentReplica(name, { snapshot, region, launch, activate });
    });
    const addresses = replicas.map(({ privateIp }) => privateIp); // of the active one only
    return { recoveryPoints: points.listAfter(replicas), addresses };
};
