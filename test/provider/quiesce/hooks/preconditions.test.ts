import { assert } from "chai";
import { utils } from "ssh2";
import { GuardSession, guardParams } from "../../../../lab/hosts/guardSession";
import {
    type Changes,
    type Outcome,
    Scene,
    SECRET,
    initError,
    type SceneOptions,
    plainError,
    setRequests,
    stateOf,
} from "../../../../lab/scenes/scene";
import { timing } from "../../../../provider/base/timing";
import { needsRoot, startSshHost } from "../../../../lab/hosts/sshHost";

const EARLIER = /acs-test-\d+/;

/** Nothing was frozen, nothing was made. */
function assertUntouched(outcome: Outcome): void {
    assert.deepEqual(outcome.events, [], "hooks ran");
    assert.deepEqual(setRequests(outcome), [], "a set was asked for");
}

/** Always an error, whatever the minimum level. */
async function assertError(scene: Scene, code: string, text: RegExp, changes: Changes = {}): Promise<void> {
    for (const minimumLevel of [undefined, "crash"] as const) {
        const outcome = await scene.create({ ...changes, ...(minimumLevel && { minimumLevel }) });
        const { message } = plainError(outcome);
        assert.match(message, new RegExp(`^${code} \\(${outcome.inputs.instanceId}\\): `));
        assert.match(message, text);
        assert.match(message, /What to do: \S/);
        assertUntouched(outcome);
    }
}

/** An error; with `minimumLevel: "crash"` a plain set, with the reason. */
async function assertOfQuiescing(
    scene: Scene,
    code: string,
    text: RegExp,
    changes: Changes = {},
): Promise<void> {
    const refused = await scene.create(changes);
    const { message } = plainError(refused);
    assert.match(
        message,
        new RegExp(`^PRECONDITION_FAILED \\(${refused.inputs.instanceId}\\): \\[${code}\\] `),
    );
    assert.match(message, text);
    assert.match(message, /What to do: \S/);
    assert.notMatch(message, /is awake/, "that it is awake was not looked at");
    assertUntouched(refused);

    const plain = await scene.create({ ...changes, minimumLevel: "crash" });
    const { consistencyLevel, evidence, thawPending } = stateOf(plain);
    assert.equal(consistencyLevel, "crash");
    assert.equal(evidence.reason, "PRECONDITION_FAILED");
    assert.include(evidence.message, `[${code}]`);
    assert.match(evidence.message ?? "", text);
    assert.isFalse(evidence.held);
    assert.equal(evidence.method, "hooks");
    assert.equal(evidence.vouchedBy, "nobody");
    assert.isFalse(thawPending);
    assert.deepEqual(plain.events, [], "hooks ran");
    assert.lengthOf(setRequests(plain), 1);
}

describe("preconditions of quiescing by scripts", function () {
    this.timeout(120_000);
    let scene: Scene;

    before(async function () {
        needsRoot(this);
        scene = await Scene.start();
    });
    afterEach(() => scene.afterEach());
    after(() => Scene.stopAll());

    /** For a host, or an instance, of a special kind. */
    async function withScene(options: SceneOptions, work: (special: Scene) => Promise<void>): Promise<void> {
        const special = await Scene.start(options);
        try {
            await work(special);
            await special.assertInvariants();
        } finally {
            await special.stop();
        }
    }

    describe("the instance", () => {
        it("must exist", async () => {
            const text = /no such instance in account 123456789012, region us-east-1/;
            await assertError(scene, "INSTANCE_NOT_FOUND", text, { instanceId: "i-00000000000000000" });
        });

        it("is not there any more when it is terminated", async () => {
            await withScene({}, async (special) => {
                await special.cloud.setInstanceState(special.instance.instanceId, "terminated");
                await assertError(special, "INSTANCE_NOT_FOUND", /terminated/);
            });
        });

        it("must run", async () => {
            await scene.cloud.setInstanceState(scene.instance.instanceId, "stopped");
            try {
                await assertOfQuiescing(
                    scene,
                    "INSTANCE_STATE",
                    /is stopped, and scripts can quiesce only a running one/,
                );
            } finally {
                await scene.cloud.setInstanceState(scene.instance.instanceId, "running");
            }
        });

        it("must be the one behind the address", async () => {
            const other = await startSshHost({ instanceId: "i-0fedcba9876543210" });
            try {
                other.writeHooks();
                await assertError(scene, "WRONG_INSTANCE", /is i-0fedcba9876543210, not i-/, {
                    connection: { port: other.port },
                });
                assert.deepEqual(other.events, []);
            } finally {
                await other.stop();
            }
        });

        it("must say which one it is, for a level above crash", async () => {
            await withScene({ host: { identity: "none" } }, async (special) => {
                withoutMetadata(special);
                const outcome = await special.create();
                assert.match(
                    plainError(outcome).message,
                    /^PRECONDITION_FAILED .*\[IDENTITY_UNVERIFIED\] .*no DMI asset tag/,
                );
                assertUntouched(outcome);

                const { consistencyLevel, evidence } = stateOf(
                    await special.create({ minimumLevel: "crash" }),
                );
                assert.equal(consistencyLevel, "crash");
                assert.equal(evidence.reason, "IDENTITY_UNVERIFIED");
                assert.equal(evidence.identity, "unverified");
            });
        });

        it("is not asked who it is when that is switched off, but then no level above crash is promised", async () => {
            const quiesce = { verifyInstanceIdentity: false };
            const refused = await scene.create({ quiesce });
            assert.match(plainError(refused).message, /IDENTITY_UNVERIFIED/);
            assertUntouched(refused);

            const { consistencyLevel, evidence } = stateOf(
                await scene.create({ quiesce, minimumLevel: "crash" }),
            );
            assert.equal(consistencyLevel, "crash");
            assert.equal(evidence.reason, "IDENTITY_UNVERIFIED");
        });
    });

    describe("ssh", () => {
        it("must be reachable", async () => {
            const gone = await startSshHost();
            await gone.stop();
            await assertOfQuiescing(scene, "SSH_UNREACHABLE", /connection refused/i, {
                connection: { port: gone.port },
                timeouts: { connect: 1 },
            });
        });

        it("must show the known host key", async () => {
            const other = await startSshHost({
                instanceId: scene.instance.instanceId,
                freshHostKeys: true,
            });
            try {
                await assertError(
                    scene,
                    "SSH_HOST_KEY_MISMATCH",
                    /host key not accepted: expected .*SHA256:/,
                    {
                        connection: { port: other.port },
                    },
                );
            } finally {
                await other.stop();
            }
        });

        it("must accept the private key", async () => {
            const { private: privateKey } = utils.generateKeyPairSync("ed25519");
            await assertOfQuiescing(scene, "SSH_LOGIN_REFUSED", /publickey/, { connection: { privateKey } });
        });

        it("may still get its key when it was started only now: it is asked again", async () => {
            const { private: privateKey } = utils.generateKeyPairSync("ed25519");
            const { instanceId } = scene.instance;
            const usual = timing.refusedPausesMs;
            timing.refusedPausesMs = [100, 100, 100];
            try {
                for (const [secondsAgo, says] of [
                    [60, /gave up after 4 tries/],
                    [660, /publickey(?!.*gave up)/],
                ] as const) {
                    await scene.cloud.setInstanceStarted(instanceId, secondsAgo);
                    const { message } = plainError(await scene.create({ connection: { privateKey } }));
                    assert.match(message, /\[SSH_LOGIN_REFUSED\]/);
                    assert.match(message, says);
                }
            } finally {
                timing.refusedPausesMs = usual;
                await scene.cloud.setInstanceStarted(instanceId, 86_400);
            }
        });

        it("must accept the password", async () => {
            const host = { passwordAuthentication: true, password: "the-right-password" };
            await withScene({ host }, async (special) => {
                special.hide("a-wrong-password");
                const { privateKey: _, ...connection } = connectionOf(special);
                await assertOfQuiescing(special, "SSH_LOGIN_REFUSED", /password/, {
                    quiesce: { connection: { ...connection, password: "a-wrong-password" } } as never,
                });
            });
        });

        it("must not force a command", async () => {
            await withScene(
                { host: { forcedCommand: "echo hello from a forced command" } },
                async (special) => {
                    await assertOfQuiescing(special, "UNEXPECTED_OUTPUT", /hello from a forced command/);
                },
            );
        });

        it("needs a login shell", async () => {
            await withScene({ host: { loginShell: "/usr/sbin/nologin" } }, async (special) => {
                await assertOfQuiescing(special, "UNEXPECTED_OUTPUT", /not available/);
            });
        });
    });

    describe("sudo", () => {
        it("must not ask for a password", async () => {
            await withScene({ host: { sudo: "password", password: "sudo-password" } }, async (special) => {
                await assertOfQuiescing(special, "SUDO_REFUSED", /a password is required/);
            });
        });

        it("must know the account", async () => {
            await withScene({ host: { sudo: "none" } }, async (special) => {
                await assertOfQuiescing(special, "SUDO_REFUSED", /sudo/);
            });
        });

        it("must let commands start others", async () => {
            await withScene({ host: { sudo: "noexec" } }, async (special) => {
                await assertOfQuiescing(
                    special,
                    "UNEXPECTED_OUTPUT",
                    /does not run the command that it gets, or prints/,
                );
            });
        });
    });

    describe("a default of sudo that is another user than root", () => {
        it("does not make the guard that user", async () => {
            await withScene({ host: { sudo: "runas-default" } }, async (special) => {
                special.host.writeHooks({ pre: '[ "$(id -u)" = 0 ] || exit 1' });
                assert.equal(stateOf(await special.create()).consistencyLevel, "application");
            });
        });

        it("is refused where it is not only the default", async () => {
            await withScene({}, async (special) => {
                // Simulated: a sudo that leaves everything as it is.
                special.host.writeScript("/run/no-sudo", '#!/bin/sh\nshift 3\nexec "$@"\n');
                special.host.exec("mount --bind /run/no-sudo /usr/bin/sudo");
                const text = /sudo runs commands as the user with uid \d{4,}, not as root.*runas_default/;
                await assertOfQuiescing(special, "SUDO_REFUSED", text);
            });
        });
    });

    describe("the scripts", () => {
        const scripts = (folder: string) => ({
            quiesce: {
                scripts: { preFreeze: { path: `${folder}/pre` }, postThaw: { path: `${folder}/post` } },
            },
        });

        it("must be there", async () => {
            scene.host.exec(`rm ${scene.host.preFreezePath}`);
            await assertOfQuiescing(scene, "SCRIPT_MISSING", /\/usr\/sbin\/pre-freeze-script does not exist/);
        });

        it("must be executable", async () => {
            scene.host.exec(`chmod 644 ${scene.host.postThawPath}`);
            await assertOfQuiescing(scene, "SCRIPT_UNSAFE", /post-thaw-script is not executable/);
        });

        it("must be root's", async () => {
            scene.host.exec(`chown 12345 ${scene.host.preFreezePath}`);
            await assertOfQuiescing(
                scene,
                "SCRIPT_UNSAFE",
                /pre-freeze-script is not owned by root but by uid 12345/,
            );
        });

        for (const mode of ["775", "757"]) {
            it(`must not be writable by others (${mode})`, async () => {
                scene.host.exec(`chmod ${mode} ${scene.host.preFreezePath}`);
                await assertOfQuiescing(scene, "SCRIPT_UNSAFE", /pre-freeze-script can be written by others/);
            });
        }

        it("must lie in a folder that is not writable by others", async () => {
            const folder = "/run/hooks";
            scene.host.writeScript(`${folder}/pre`, scene.host.preFreezeScript());
            scene.host.writeScript(`${folder}/post`, scene.host.postThawScript());
            scene.host.exec(`chmod 777 ${folder}`);
            await assertOfQuiescing(
                scene,
                "SCRIPT_UNSAFE",
                /\/run\/hooks\/pre can be replaced by others .*\/run\/hooks\/post can be replaced by others/,
                scripts(folder),
            );
            scene.host.exec(`chmod 755 ${folder}`);
            assert.equal(stateOf(await scene.create(scripts(folder))).consistencyLevel, "application");
            scene.host.exec(`rm -r ${folder}`);
        });

        it("must be regular files", async () => {
            scene.host.exec(`rm ${scene.host.preFreezePath} && mkdir ${scene.host.preFreezePath}`);
            try {
                await assertOfQuiescing(scene, "SCRIPT_UNSAFE", /pre-freeze-script is not a regular file/);
            } finally {
                scene.host.exec(`rmdir ${scene.host.preFreezePath}`);
            }
        });

        it("need their interpreter", async () => {
            scene.host.writeScript(scene.host.preFreezePath, "#!/usr/bin/no-such-shell\n");
            await assertOfQuiescing(scene, "SCRIPT_UNSAFE", /names an interpreter that is not there/);
        });
    });

    it("reports everything that is wrong together", async () => {
        await scene.cloud.deny("CreateSnapshots");
        scene.host.exec(`rm ${scene.host.preFreezePath} && chmod 666 ${scene.host.postThawPath}`);
        const text = new RegExp(
            "^ACCESS_DENIED .*\\[ACCESS_DENIED\\] .*ec2:CreateSnapshots.*" +
                "\\[SCRIPT_MISSING\\] .*pre-freeze-script does not exist.*" +
                "\\[SCRIPT_UNSAFE\\] .*post-thaw-script is not executable.*" +
                "\\[SCRIPT_UNSAFE\\] .*post-thaw-script can be written by others",
        );
        await assertError(scene, "ACCESS_DENIED", text);
    });

    describe("the host's lock", () => {
        it("fails at once while another execution holds it, and names that", async () => {
            const guard = await GuardSession.start(scene.host, guardParams(scene.host));
            await guard.freeze();
            const started = performance.now();
            const refused = await scene.create();
            assert.isBelow(performance.now() - started, 15_000);
            const busy = /^PRECONDITION_FAILED .*\[HOST_BUSY\] Another execution, acs-test-\d+/;
            assert.match(plainError(refused).message, busy);
            assert.deepEqual(refused.events, []);

            const plain = await scene.create({ minimumLevel: "crash" });
            assert.equal(stateOf(plain).evidence.reason, "PRECONDITION_FAILED");
            assert.isTrue(scene.host.frozen, "the other's freeze is the other's");

            guard.send("release");
            await guard.line("cleaned");
            await guard.end();
            guard.disconnect();
        });

        it("is waited for with timeouts.lock", async () => {
            const guard = await GuardSession.start(scene.host, guardParams(scene.host));
            await guard.freeze();
            const waiting = scene.create({ timeouts: { lock: 60 } });
            await scene.untilLogged(/waiting for acs-test-\d+ to let go of the instance, for 60 s at most/);
            guard.send("release");
            await guard.line("cleaned");
            guard.disconnect();
            const outcome = await waiting;
            assert.equal(stateOf(outcome).consistencyLevel, "application");
            assert.deepEqual(scene.host.events, [
                "pre freeze",
                "post thaw",
                "thawed thaw",
                "pre freeze",
                "post thaw",
                "thawed thaw",
            ]);
        });
    });

    describe("an earlier execution's freeze", () => {
        /** Freezes and dies at once, with nobody left who could thaw. */
        async function dieFrozen(): Promise<void> {
            const guard = await GuardSession.start(scene.host, guardParams(scene.host));
            await guard.freeze();
            scene.killAll();
            guard.disconnect();
            await scene.untilIdle();
            assert.isTrue(scene.host.frozen);
        }

        it("is thawed first, then the run succeeds", async () => {
            await dieFrozen();
            const outcome = await scene.create();
            assert.equal(stateOf(outcome).consistencyLevel, "application");
            assert.match(
                outcome.lines.join("\n"),
                /warning: acs-test-\d+ left the instance frozen \(STALE_FREEZE\)/,
            );
            assert.match(outcome.lines.join("\n"), /thawed what acs-test-\d+ had left frozen/);
            assert.deepEqual(outcome.events, [
                "post thaw",
                "thawed thaw",
                "pre freeze",
                "post thaw",
                "thawed thaw",
            ]);
        });

        it("is over when the host was booted since: nothing is run for it", async () => {
            await dieFrozen();
            scene.host.changeBootId();
            scene.host.exec(`rm ${scene.host.frozenPath}`);
            scene.host.exec(`chmod 644 ${scene.host.preFreezePath}`);
            assert.match(
                plainError(await scene.create()).message,
                /^PRECONDITION_FAILED .*\[SCRIPT_UNSAFE\]/,
            );
            scene.host.exec(`chmod 755 ${scene.host.preFreezePath}`);
            const outcome = await scene.create();
            assert.equal(stateOf(outcome).consistencyLevel, "application");
            assert.notInclude(outcome.lines.join("\n"), "STALE_FREEZE");
            assert.deepEqual(outcome.events, ["pre freeze", "post thaw", "thawed thaw"]);
        });

        it("that cannot be thawed stands against quiescing, like anything else; nobody says that the host is awake", async () => {
            await dieFrozen();
            scene.host.writeHooks({ post: "echo no process >&2\nexit 3" });
            const quiesce = { showHookOutput: "onFailure" } as const;
            const refused = await scene.create({ quiesce });
            const { message } = plainError(refused);
            assert.match(
                message,
                /^PRECONDITION_FAILED .*\[STALE_FREEZE\] .*acs-test-\d+, .*exited with 3\./,
            );
            assert.notInclude(message, "no process", "of another resource nobody knows what is secret");
            assert.match(message, /and run again with confirmAwake: "acs-test-\d+"/);
            assert.notMatch(message, /instance is awake/);
            assert.notInclude(refused.events, "pre freeze");
            assert.deepEqual(setRequests(refused), []);

            const plain = await scene.create({ quiesce, minimumLevel: "crash" });
            const { consistencyLevel, evidence, thawPending } = stateOf(plain);
            assert.equal(consistencyLevel, "crash");
            assert.equal(evidence.reason, "PRECONDITION_FAILED");
            assert.match(evidence.message ?? "", /\[STALE_FREEZE\].*nothing is frozen by this run/);
            assert.notInclude(evidence.message, "no process");
            assert.isFalse(thawPending, "this run has frozen nothing");
            assert.notInclude(plain.events, "pre freeze");
            assert.isTrue(scene.host.frozen);

            scene.host.writeHooks();
            assert.equal(stateOf(await scene.create()).consistencyLevel, "application");
        });

        it("is named beside what else stands against quiescing, and post-thaw is not tried", async () => {
            await dieFrozen();
            scene.host.exec(`chmod 644 ${scene.host.preFreezePath}`);
            const refused = await scene.create();
            const { message } = plainError(refused);
            assert.match(
                message,
                /^PRECONDITION_FAILED .*\[STALE_FREEZE\] .*has not tried its post-thaw.*\[SCRIPT_UNSAFE\]/,
            );
            assert.match(message, EARLIER);
            assertUntouched(refused);
            const plain = await scene.create({ minimumLevel: "crash" });
            assert.match(stateOf(plain).evidence.message ?? "", /\[STALE_FREEZE\] .*\[SCRIPT_UNSAFE\]/);
            assert.deepEqual(plain.events, []);
            scene.host.exec(`chmod 755 ${scene.host.preFreezePath}`);
            assert.equal(stateOf(await scene.create()).consistencyLevel, "application");
        });
    });

    describe("the volumes", () => {
        /** What lsblk says on an instance whose data volumes are one volume group. Simulated: this host has no disks. */
        function groupTogether(volumeIds: readonly string[]): void {
            const lines = volumeIds.flatMap((id, index) => {
                const disk = `nvme${index + 1}n1`;
                const serial = id.replace("-", "");
                return [
                    `NAME="${disk}" KNAME="${disk}" TYPE="disk" PKNAME="" FSTYPE="LVM2_member" MOUNTPOINT="" SERIAL="${serial}" MODEL="Amazon Elastic Block Store"`,
                    `NAME="data-pg" KNAME="dm-0" TYPE="lvm" PKNAME="${disk}" FSTYPE="xfs" MOUNTPOINT="/srv" SERIAL="" MODEL=""`,
                ];
            });
            scene.host.writeScript("/usr/sbin/lsblk", `#!/bin/sh\ncat <<'END'\n${lines.join("\n")}\nEND\n`);
        }

        afterEach(() => {
            scene.host.exec("rm -f /usr/sbin/lsblk");
        });

        it("of one volume group are taken together or not at all", async () => {
            const [, first = "", second = ""] = scene.instance.volumeIds;
            groupTogether([first, second]);
            const text = new RegExp(`data-pg \\(lvm\\) spans 2 volumes, of which ${second} is excluded`);
            await assertError(scene, "SPLIT_VOLUME_GROUP", text, {
                volumes: { excludeDataVolumeIds: [second] },
            });
            assert.lengthOf(stateOf(await scene.create()).snapshotIds, 3);
            const both = { volumes: { excludeDataVolumeIds: [first, second] } };
            assert.lengthOf(stateOf(await scene.create(both)).snapshotIds, 1);
        });

        it("must not be attached to other instances, for a level above crash", async () => {
            const volume = { type: "io2", iops: 1000, multiAttach: true };
            await withScene({ instance: { volumes: [{}, volume] } }, async (special) => {
                const other = await special.cloud.createInstance({ volumes: 1 });
                const [, volumeId = ""] = special.instance.volumeIds;
                await special.cloud.attachVolume(other.instanceId, { volumeId });
                const refused = await special.create();
                assert.match(
                    plainError(refused).message,
                    new RegExp(`^MULTI_ATTACH .*${volumeId} is attached to other instances too`),
                );
                assertUntouched(refused);

                const plain = await special.create({ minimumLevel: "crash" });
                const { consistencyLevel, evidence } = stateOf(plain);
                assert.equal(consistencyLevel, "crash");
                assert.equal(evidence.reason, "MULTI_ATTACH");
                assert.isTrue(evidence.held, "it was quiesced all the same");

                const without = { volumes: { excludeDataVolumeIds: [volumeId] } };
                assert.equal(stateOf(await special.create(without)).consistencyLevel, "application");
            });
        });
    });

    describe("permissions", () => {
        for (const operation of [
            "DescribeInstances",
            "DescribeVolumes",
            "DescribeSnapshots",
            "CreateSnapshots",
        ]) {
            it(`names ec2:${operation} when it is not allowed`, async () => {
                await scene.cloud.deny(operation);
                await assertError(scene, "ACCESS_DENIED", new RegExp(`AWS does not allow ec2:${operation}`));
            });
        }

        it("names ec2:CreateTags when a set must not be tagged at its creation", async () => {
            await scene.cloud.allowOnly([
                "sts:GetCallerIdentity",
                "ec2:DescribeInstances",
                "ec2:DescribeVolumes",
                "ec2:DescribeSnapshots",
                "ec2:CreateSnapshots",
            ]);
            await assertError(scene, "ACCESS_DENIED", /not authorized to perform: ec2:CreateTags/);
        });

        it("keeps a good set that cannot be tagged later; the next run goes on", async () => {
            await scene.cloud.deny("CreateTags");
            const first = await scene.create();
            const { message, properties } = initError(first);
            assert.match(message, /^TAGGING_FAILED .*ec2:CreateTags.*the instance is awake; the set snap-/);
            assert.isFalse(properties.recorded);
            assert.isFalse(properties.thawPending);
            assert.equal(properties.consistencyLevel, "application");

            await scene.cloud.reset();
            assert.deepEqual(scene.diff(first), { changes: true, replaces: [] });
            const second = await scene.update(first);
            assert.isTrue(stateOf(second).recorded);
            assert.deepEqual(setRequests(second), []);
            assert.deepEqual(second.events, []);
        });

        it("reports a denied look at snapshots together with what is wrong on the host", async () => {
            await scene.cloud.deny("DescribeSnapshots");
            scene.host.exec(`rm ${scene.host.preFreezePath}`);
            await assertError(scene, "ACCESS_DENIED", /ec2:DescribeSnapshots.*\[SCRIPT_MISSING\]/);
        });

        for (const operation of ["CreateTags", "DeleteSnapshot"]) {
            it(`names ec2:${operation}, tried on an earlier set, before anything is frozen`, async () => {
                const first = await scene.create();
                stateOf(first);
                const [resource = ""] = stateOf(first).snapshotIds;
                await scene.cloud.deny(operation, { resource });
                const { owner } = first.inputs;
                await assertError(scene, "ACCESS_DENIED", new RegExp(`ec2:${operation}`), { owner });
            });
        }
    });

    describe("the account", () => {
        it("that does not have the instance is named", async () => {
            await scene.cloud.setAccount("210987654321");
            await assertError(scene, "INSTANCE_NOT_FOUND", /in account 210987654321/);
        });

        it("that does not have the snapshots neither updates nor deletes them", async () => {
            const first = await scene.create();
            await scene.cloud.setAccount("210987654321");
            for (const outcome of [
                await scene.update(first, { tags: { team: "storage" } }),
                await scene.remove(first),
            ]) {
                assert.match(
                    plainError(outcome).message,
                    /^WRONG_ACCOUNT .*are in account 123456789012, but the credentials are of 210987654321/,
                );
                assert.deepEqual(
                    outcome.calls.map(({ operation }) => operation),
                    ["GetCallerIdentity"],
                );
            }
            await scene.cloud.reset();
        });
    });

    it("finds nothing wrong with a sound host", async () => {
        const outcome = await scene.create();
        assert.equal(stateOf(outcome).consistencyLevel, "application");
        assert.notInclude(outcome.lines.join("\n"), "warning");
        assert.notInclude(outcome.lines.join("\n"), SECRET);
    });
});

/** What the metadata service is asked with. Simulated: off loopback there is nothing to ask. */
function withoutMetadata({ host }: Scene): void {
    host.writeScript("/usr/sbin/curl", "#!/bin/sh\nexit 7\n");
}

function connectionOf(scene: Scene) {
    const { quiesce } = scene.inputs();
    assert(quiesce.method === "hooks");
    return quiesce.connection;
}
