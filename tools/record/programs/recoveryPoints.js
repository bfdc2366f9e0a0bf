// The last two of several nights, each a set with its replica.
const pulumi = require("@pulumi/pulumi");
const {
    AppConsistentReplica,
    AppConsistentSnapshot,
    recoveryPoints,
} = require("pulumi-app-consistent-snapshot");

const config = new pulumi.Config();

module.exports = async () => {
    const points = await recoveryPoints({ run: config.get("run"), keep: 2 });
    const sets = [];
    const replicas = points.labels.map((label) => {
        const name = `db-${label}`;
        const snapshot = new AppConsistentSnapshot(
            name,
            {
                instanceId: config.require("instanceId"),
                quiesce: { method: "none" },
                tags: config.getObject("tags"),
            },
            points.optionsOf(label),
        );
        sets.push(snapshot.id);
        return new AppConsistentReplica(name, {
            snapshot,
            region: "eu-west-1",
            launch: {
                instanceType: "m5.large",
                subnetId: "subnet-0123456789abcdef0",
                vpcSecurityGroupIds: ["sg-0123456789abcdef0"],
            },
        });
    });
    return {
        sets,
        images: replicas.map((replica) => replica.imageId),
        recoveryPoints: points.listAfter(replicas),
    };
};
