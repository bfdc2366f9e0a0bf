/*
 * What: application-consistent snapshots of a server that can be reached by way of a bastion only.
 * Why:  the connection goes on inside the one to the bastion, end to end: the bastion sees no key and no command.
 * How:  pulumi config set instanceId i-0123456789abcdef0        # and: aws:region, unless the environment has it
 *       pulumi config set host 10.0.0.5                         # as the bastion sees it; and: user, hostKey
 *       pulumi config set bastionHost bastion.example.com       # and: bastionUser, bastionHostKey
 *       pulumi config set --secret privateKey < key.pem         # and: --secret bastionPrivateKey
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
            host: config.require("host"),
            port: config.getNumber("port") ?? 22,
            user: config.require("user"),
            privateKey: config.requireSecret("privateKey"),
            hostKey: config.require("hostKey"),
            proxy: {
                host: config.require("bastionHost"),
                port: config.getNumber("bastionPort") ?? 22,
                user: config.require("bastionUser"),
                privateKey: config.requireSecret("bastionPrivateKey"),
                hostKey: config.require("bastionHostKey"),
            },
        },
    },
    triggers: [config.get("run")],
});

export const { snapshotIds, consistencyLevel } = snapshot;
