// Sets whose runs did not end: not thawed, with a set and without one, and not completed.
const pulumi = require("@pulumi/pulumi");
const { AppConsistentSnapshot } = require("pulumi-app-consistent-snapshot");

const config = new pulumi.Config();
const hooks = (server, scripts) => ({
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
        scripts,
    },
    timeouts: { postThaw: 2 },
    triggers: [config.get("run")],
    tags: config.getObject("tags"),
});
// They freeze nothing, and tell as the test host's own hooks do.
const inline = {
    preFreeze: { script: "#!/bin/sh\n: >/run/test-frozen\n" },
    postThaw: { script: "#!/bin/sh\n[ ! -e /run/thaw-fails ] || exit 1\nrm -f /run/test-frozen\n" },
};

const frozen = new AppConsistentSnapshot("frozen", hooks("frozen"));
const frozenWithoutSet = new AppConsistentSnapshot("frozenWithoutSet", hooks("frozenWithoutSet", inline));
const pending = new AppConsistentSnapshot("pending", {
    instanceId: config.require("pendingId"),
    quiesce: { method: "none" },
    timeouts: { completion: config.requireNumber("completion") },
    triggers: [config.get("run")],
    tags: config.getObject("tags"),
});

exports.sets = { frozen: frozen.id, frozenWithoutSet: frozenWithoutSet.id, pending: pending.id };
