// A Linux and a Windows server, in all the ways that the package has for them, and what is made of their sets.
const pulumi = require("@pulumi/pulumi");
const {
    AppConsistentAmi,
    AppConsistentReplica,
    AppConsistentSnapshot,
    InstanceHostKeys,
} = require("pulumi-app-consistent-snapshot");

const config = new pulumi.Config();
const instanceId = config.require("linuxId");
const connection = {
    host: config.require("host"),
    port: config.requireNumber("linuxPort"),
    user: config.require("user"),
    privateKey: config.requireSecret("privateKey"),
    hostKey: config.require("hostKey"),
};
const nightly = { triggers: [config.get("run")], tags: config.getObject("tags") };
// One holds the host at a time.
const timeouts = { lock: 60 };

const db = new AppConsistentSnapshot("db", {
    ...nightly,
    instanceId,
    quiesce: { method: "hooks", connection },
    timeouts,
});
const inline = new AppConsistentSnapshot("inline", {
    ...nightly,
    instanceId,
    quiesce: {
        method: "hooks",
        connection,
        scripts: {
            preFreeze: { script: "#!/bin/sh\nexit 0\n" },
            postThaw: { script: "#!/bin/sh\nexit 0\n" },
            level: "filesystem",
        },
        environment: { DB_PASSWORD: config.requireSecret("dbPassword") },
        showHookOutput: "onFailure",
    },
    minimumLevel: "filesystem",
    description: "before the nightly jobs",
    timeouts: { ...timeouts, freeze: 20 },
    aws: { region: "us-east-1" },
});
const none = new AppConsistentSnapshot("none", {
    ...nightly,
    instanceId,
    quiesce: { method: "none" },
    volumes: { excludeDataVolumeIds: [config.require("excludedVolumeId")] },
    copyTagsFromVolumes: true,
    waitForCompletion: false,
});

const vss = new AppConsistentSnapshot("vss", {
    ...nightly,
    instanceId: config.require("windowsId"),
    quiesce: { method: "vss", createImage: { namePrefix: "office" } },
});

// Not taken anew in a night, for the one that is got by its id is this one.
const keys = new InstanceHostKeys("keys", { instanceId });
const pinned = new AppConsistentSnapshot("pinned", {
    instanceId,
    quiesce: { method: "hooks", connection: { ...connection, hostKey: keys.hostKeys } },
    timeouts,
});
const known = config.get("known");
const got = known === undefined ? undefined : AppConsistentSnapshot.get("got", known);

const image = new AppConsistentAmi("shop", { snapshot: db, tags: { team: "shop" } });
const windowsImage = new AppConsistentAmi("office", { snapshot: vss });
const replica = new AppConsistentReplica("db", {
    snapshot: db,
    region: "eu-west-1",
    launch: {
        instanceType: "m5.large",
        subnetId: "subnet-0123456789abcdef0",
        vpcSecurityGroupIds: ["sg-0123456789abcdef0"],
    },
});

exports.sets = { db: db.id, inline: inline.id, none: none.id, vss: vss.id, pinned: pinned.id };
exports.snapshotIds = db.snapshotIds;
exports.levels = [db, inline, none, vss, pinned].map((one) => one.consistencyLevel);
exports.evidence = [db, vss].map((one) => one.evidence);
exports.hostKeys = keys.hostKeys;
exports.got = got && { snapshots: got.snapshots, evidence: got.evidence };
exports.images = [image, windowsImage].map((one) => one.imageId);
exports.replica = { imageId: replica.imageId, launchTemplateId: replica.launchTemplateId };
