/*
 * What: snapshots of all EBS volumes of a running Linux instance, taken while its own scripts hold it quiesced.
 * Why:  a start from them is as the application's own backup promises; a plain snapshot is like pulling the plug.
 * How:  pulumi config set instanceId i-0123456789abcdef0
 *       pulumi config set host 10.0.0.5            # and: user; aws:region, unless the environment has it
 *       pulumi config set hostKey "ssh-ed25519 AAAA..."   # the host's /etc/ssh/ssh_host_ed25519_key.pub
 *       pulumi config set --secret privateKey < key.pem
 *       pulumi up                                  # later: pulumi config set run "$(date)", and up again
 */
import { Config } from "@pulumi/pulumi";
import { AppConsistentSnapshot } from "pulumi-app-consistent-snapshot";
import type { ConsistencyLevel, HooksArgs } from "pulumi-app-consistent-snapshot";

const config = new Config();

const snapshot = new AppConsistentSnapshot("nightly", {
    instanceId: config.require("instanceId"),
    quiesce: {
        method: "hooks", // by default /usr/sbin/pre-freeze-script and /usr/sbin/post-thaw-script
        connection: {
            host: config.require("host"),
            port: config.getNumber("port") ?? 22,
            user: config.require("user"),
            privateKey: config.requireSecret("privateKey"),
            hostKey: config.require("hostKey"),
        },
        // Anything else that suits your host: {"sudo": false}, scripts at other paths, an environment for them.
        ...config.getObject<Omit<HooksArgs, "method" | "connection">>("hooks"),
    },
    // What is less consistent than this is not kept.
    minimumLevel: config.get<ConsistencyLevel>("minimumLevel") ?? "application",
    // A new value takes new snapshots; the same value, or none, keeps those that there are.
    triggers: [config.get("run")],
});

export const snapshotIds = snapshot.snapshotIds; // boot volume first
export const level = snapshot.consistencyLevel;
export const freezeWindowMs = snapshot.evidence.freezeWindowMs;
