// Two groups: one whose run ended, with an image of a member, and one of which a server is not thawed.
const pulumi = require("@pulumi/pulumi");
const { AppConsistentAmi, AppConsistentSnapshotGroup } = require("pulumi-app-consistent-snapshot");

const config = new pulumi.Config();
const member = (server) => ({
    instanceId: config.require(`${server}Id`),
    quiesce: {
        method: "hooks",
        connection: {
            host: config.require("host"),
            port: config.requireNumber(`${server}Port`),
            user: config.require("user"),
            privateKey: config.requireSecret("privateKey"),
            hostKey: config.require("hostKey"),
        },
    },
});
const shared = { timeouts: { postThaw: 2 }, triggers: [config.get("run")], tags: config.getObject("tags") };

const ledger = new AppConsistentSnapshotGroup("ledger", {
    members: { db: member("db"), app: member("app") },
    ...shared,
});
const frozen = new AppConsistentSnapshotGroup("frozen", {
    members: { db: member("frozenDb"), app: member("frozenApp") },
    ...shared,
});
const image = new AppConsistentAmi("ledger-db", { snapshot: ledger.member("db") });

exports.sets = { ledger: ledger.id, frozen: frozen.id };
exports.ledger = { samePoint: ledger.samePoint, members: ledger.members };
exports.imageId = image.imageId;
