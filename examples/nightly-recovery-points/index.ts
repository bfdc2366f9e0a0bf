/*
 * What: a recovery point each night, as an image that a server can be launched from; the last seven are kept.
 * Why:  a point is ordinary resources under its label: previewed, tagged, and deleted by Pulumi alone, not by a script.
 *       A night that fails leaves the list as it was; a pull request, which gives no run, changes nothing.
 * How:  pulumi config set instanceId i-0123456789abcdef0       # and: host, user, hostKey, secret privateKey; aws:region
 *       pulumi config set run "$(date +%F)" && pulumi up       # every night: examples/github-actions
 *       pulumi config set pin 2026-11-24 && pulumi up          # keeps that point, and takes no new one, until: rm pin
 */
import { Config } from "@pulumi/pulumi";
import { AppConsistentAmi, AppConsistentSnapshot, recoveryPoints } from "pulumi-app-consistent-snapshot";

const config = new Config();

export = async () => {
    const points = await recoveryPoints({ run: config.get("run"), keep: 7, pin: config.get("pin") });
    const images = points.labels.map((label) => {
        const snapshot = new AppConsistentSnapshot(
            `db-${label}`,
            {
                instanceId: config.require("instanceId"),
                quiesce: {
                    method: "hooks",
                    connection: {
                        host: config.require("host"),
                        port: config.getNumber("port") ?? 22,
                        user: config.require("user"),
                        privateKey: config.requireSecret("privateKey"),
                        hostKey: config.require("hostKey"),
                    },
                },
            },
            points.optionsOf(label),
        );
        return new AppConsistentAmi(`db-${label}`, { snapshot, tags: { recoveryPoint: label } });
    });
    return { recoveryPoints: points.listAfter(images), newest: images[images.length - 1]?.imageId };
};
