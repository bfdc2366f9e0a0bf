/*
 * What: a recovery point of a PostgreSQL server each night, which counts only when a copy of it has come up and was read.
 * Why:  a night whose copy fails never enters the list; no older point is dropped for it, and the launch template to
 *       recover from stays at the image of the last night that passed.
 * How:  pulumi config set instanceId i-0123456789abcdef0       # and: host, user, hostKey, secret privateKey; aws:region
 *       pulumi config set subnetId subnet-0fence00             # and: securityGroupId; docs/restore-test.md: fence it off
 *       pulumi config set run "$(date +%F)" && pulumi up       # every night: examples/github-actions
 */
import * as aws from "@pulumi/aws";
import { Config } from "@pulumi/pulumi";
import {
    AppConsistentAmi,
    AppConsistentSnapshot,
    RestoreTest,
    recipes,
} from "pulumi-app-consistent-snapshot";
import { recoveryPoints } from "pulumi-app-consistent-snapshot/components";

const config = new Config();
const instanceId = config.require("instanceId");
const account = { user: config.require("user"), privateKey: config.requireSecret("privateKey") };
const login = { ...account, port: config.getNumber("port") ?? 22 };
const connection = { ...login, host: config.require("host"), hostKey: config.require("hostKey") };
const paths = config.getObject<string[]>("fileSystems") ?? ["/var/lib/postgresql"];
const scripts = recipes.combine(recipes.postgresql(), recipes.fileSystems(paths));
const verify = recipes.verify.combine(recipes.verify.postgresql(), recipes.verify.fileSystems(paths));
const instanceType = config.get("instanceType") ?? "m7i.large";
const vpcSecurityGroupIds = [config.require("securityGroupId")];
const launch = { instanceType, subnetId: config.require("subnetId"), vpcSecurityGroupIds };

export = async () => {
    const points = await recoveryPoints({ run: config.get("run"), keep: 7 });
    const tested = points.labels.map((label) => {
        const name = `db-${label}`;
        const args = { instanceId, quiesce: { method: "hooks", connection, scripts } } as const;
        const snapshot = new AppConsistentSnapshot(name, args, points.optionsOf(label));
        const { imageId } = new AppConsistentAmi(name, { snapshot });
        return { imageId, test: new RestoreTest(name, { imageId, launch, connection: login, verify }) };
    });
    const tests = tested.map(({ test }) => test);
    const recovery = tested.slice(-1).map(({ imageId }) => {
        return new aws.ec2.LaunchTemplate("recovery", { imageId, instanceType }, { dependsOn: tests });
    });
    return { recoveryPoints: points.listAfter(tests), launchTemplate: recovery[0]?.id };
};
