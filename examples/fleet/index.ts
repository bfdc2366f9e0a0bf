/*
 * What: application-consistent snapshots of a whole fleet, from one list in the configuration.
 * Why:  each server is a resource of its own: one that cannot be frozen tonight keeps its old set, the others go on.
 * How:  pulumi config set --path 'servers[0].name' shop         # and: instanceId, host, hostKey; then servers[1], ...
 *       pulumi config set user admin                            # and: aws:region, unless the environment has it
 *       pulumi config set --secret privateKey < key.pem
 *       pulumi config set run "$(date)" && pulumi up --continue-on-error
 *       Its exit code is not 0 when one has failed; the next `up` with the same run tries only that one again.
 */
import { Config } from "@pulumi/pulumi";
import { AppConsistentSnapshot } from "pulumi-app-consistent-snapshot";

interface Server {
    name: string;
    instanceId: string;
    host: string;
    port?: number;
    hostKey: string;
}

const config = new Config();

export const levels = Object.fromEntries(
    config.requireObject<Server[]>("servers").map(({ name, instanceId, host, port, hostKey }) => {
        const snapshot = new AppConsistentSnapshot(name, {
            instanceId,
            quiesce: {
                method: "hooks",
                connection: {
                    host,
                    port: port ?? 22,
                    hostKey,
                    user: config.require("user"),
                    privateKey: config.requireSecret("privateKey"),
                },
            },
            triggers: [config.get("run")],
        });
        return [name, snapshot.consistencyLevel];
    }),
);
