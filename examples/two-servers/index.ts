/*
 * What: application-consistent snapshots of two servers at one point, and an image of each.
 * Why:  their data belongs together: what one has sent to the other is in both sets or in neither.
 * How:  pulumi config set --path 'servers.accounts.instanceId' i-...   # and: host, hostKey; then servers.orders....
 *       pulumi config set user admin                                   # and: aws:region, unless the environment has it
 *       pulumi config set --secret privateKey < key.pem
 *       pulumi config set run "$(date)" && pulumi up
 */
import { Config } from "@pulumi/pulumi";
import { AppConsistentAmi, AppConsistentSnapshotGroup } from "pulumi-app-consistent-snapshot";

interface Server {
    instanceId: string;
    host: string;
    port?: number;
    hostKey: string;
}

const config = new Config();
const servers = Object.entries(config.requireObject<Record<string, Server>>("servers"));

const group = new AppConsistentSnapshotGroup("shop", {
    members: Object.fromEntries(
        servers.map(([name, { instanceId, host, port, hostKey }]) => {
            const login = { user: config.require("user"), privateKey: config.requireSecret("privateKey") };
            const connection = { host, port: port ?? 22, hostKey, ...login };
            return [name, { instanceId, quiesce: { method: "hooks", connection } }];
        }),
    ),
    triggers: [config.get("run")],
});

export const { samePoint, consistencyLevel, evidence } = group;
export const images = Object.fromEntries(
    servers.map(([name]) => [name, new AppConsistentAmi(name, { snapshot: group.member(name) }).imageId]),
);
