import { assert } from "chai";
import { isSameHost } from "../../../../provider/quiesce/hooks/hooks";
import { timing } from "../../../../provider/base/timing";
import { type Changes, type Outcome, Scene, SECRET, stateOf } from "../../../../lab/scenes/scene";
import { needsRoot, startSshHost } from "../../../../lab/hosts/sshHost";
import { describeQuiescer } from "../quiescerSuite";
import { hooksSubject } from "./hooksSubject";

const FROZEN_AND_THAWED = ["pre freeze", "post thaw", "thawed thaw"];

describe("quiescing by scripts over ssh", function () {
    this.timeout(120_000);
    let scene: Scene;

    before(async function () {
        needsRoot(this);
        scene = await Scene.start();
    });
    afterEach(() => scene.afterEach());
    after(() => Scene.stopAll());

    describeQuiescer(
        "hooks",
        () => hooksSubject(scene),
        () => scene.host.writeHooks({ pre: "exit 1" }),
    );

    async function assertFrozenAndThawed(subject: Scene, changes: Changes = {}): Promise<Outcome> {
        const outcome = await subject.create(changes);
        const { evidence } = stateOf(outcome);
        assert.isTrue(evidence.held);
        assert.deepEqual(outcome.events, FROZEN_AND_THAWED);
        return outcome;
    }

    it("uses the two standard paths: there is nothing to clean up", async () => {
        const outcome = await assertFrozenAndThawed(scene);
        const { consistencyLevel, evidence } = stateOf(outcome);
        assert.equal(consistencyLevel, "application");
        assert.equal(evidence.cleanup, "nothingToDo");
        assert.equal(evidence.vouchedBy, "script");
        assert.equal(evidence.identity, "dmi");
        assert.match(evidence.bootId ?? "", /^[0-9a-f-]{36}$/);
        assert.equal(evidence.hooks?.preFreeze?.exitCode, 0);
        assert.equal(evidence.hooks?.postThaw?.exitCode, 0);
    });

    it("puts the times of its evidence in the order in which things happened", async () => {
        const { evidence } = stateOf(await assertFrozenAndThawed(scene));
        const times = [evidence.frozenAt, evidence.requestedAt, evidence.returnedAt, evidence.thawedAt];
        assert.deepEqual([...times].sort(), times);
        assert.isAtLeast(evidence.freezeWindowMs ?? 0, evidence.apiMs ?? Infinity);
        assert.isAtLeast(evidence.quiescedMs ?? 0, evidence.freezeWindowMs ?? Infinity);
    });

    it("prints first how long the instance can be quiesced at the very longest", async () => {
        const outcome = await assertFrozenAndThawed(scene);
        // Before that it only says what it waits for.
        const [first] = outcome.lines.filter(
            (line) => !/: (connecting to|looking at|waiting for) /.test(line),
        );
        assert.match(
            first ?? "",
            /: quiescing i-\w+ for \d+ s at the very longest \(limits: pre-freeze \d+ s, /,
        );
    });

    it("promises less for scripts that vouch for file systems only", async () => {
        const { preFreezePath, postThawPath } = scene.host;
        const scripts = {
            preFreeze: { path: preFreezePath },
            postThaw: { path: postThawPath },
            level: "filesystem",
        } as const;
        const outcome = await assertFrozenAndThawed(scene, { quiesce: { scripts } });
        assert.equal(stateOf(outcome).consistencyLevel, "filesystem");
    });

    describe("inline scripts", () => {
        /** Tells what the scripts of `SshHost.writeHooks` tell, in another language. */
        const languages: Record<string, (paths: { events: string; frozen: string }) => [string, string]> = {
            "sh, named by no line": ({ events, frozen }) => [
                `echo "pre $1" >>${events}\n: >${frozen}\n`,
                `echo "post $1" >>${events}\nrm -f ${frozen}\necho "thawed $1" >>${events}\n`,
            ],
            "bash, with an option": ({ events, frozen }) => [
                `#!/bin/bash -e\n[[ $- == *e* ]] || exit 1\necho "pre $1" >>${events}\n: >${frozen}\n`,
                `#!/bin/bash -e\necho "post $1" >>${events}\nrm -f ${frozen}\necho "thawed $1" >>${events}\n`,
            ],
            perl: ({ events, frozen }) => [
                `#!/usr/bin/perl -w\nopen my $e, ">>", "${events}"; print $e "pre $ARGV[0]\\n";\nopen my $f, ">", "${frozen}";\n`,
                `#!/usr/bin/perl -w\nopen my $e, ">>", "${events}"; print $e "post $ARGV[0]\\n";\nunlink "${frozen}"; print $e "thawed $ARGV[0]\\n";\n`,
            ],
            "what env finds": ({ events, frozen }) => [
                `#!/usr/bin/env bash\necho "pre $1" >>${events}\n: >${frozen}\n`,
                `#!/usr/bin/env -S bash -u\necho "post $1" >>${events}\nrm -f ${frozen}\necho "thawed $1" >>${events}\n`,
            ],
        };
        for (const [language, write] of Object.entries(languages)) {
            it(`are deployed for the run and removed afterwards: ${language}`, async () => {
                const [pre, post] = write({ events: scene.host.eventsPath, frozen: scene.host.frozenPath });
                const scripts = { preFreeze: { script: pre }, postThaw: { script: post } };
                const outcome = await assertFrozenAndThawed(scene, { quiesce: { scripts } });
                assert.equal(stateOf(outcome).evidence.cleanup, "done");
                assert.deepEqual(scene.host.stateLeft, []);
            });
        }

        it("appear nowhere, in no process's arguments either", async () => {
            const needle = "needle-in-a-script";
            scene.hide(needle);
            const gate = await scene.cloud.gate("CreateSnapshots");
            const scripts = {
                preFreeze: { script: `${scene.host.preFreezeScript()}\n# ${needle}\n` },
                postThaw: { script: `${scene.host.postThawScript()}\n# ${needle}\n` },
            };
            const running = scene.create({ quiesce: { scripts } });
            await gate.reached();
            const commands = scene.host.processes().map(({ command }) => command);
            const seen = scene.host.exec("cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ | tr '\\0' '\\n'");
            await gate.release();
            stateOf(await running);
            assert.notInclude(commands.join("\n"), needle);
            assert.notInclude(seen, needle);
            assert.notInclude(seen, SECRET);
        });

        it("are removed also when pre-freeze fails", async () => {
            const scripts = {
                preFreeze: { script: scene.host.preFreezeScript("exit 1") },
                postThaw: { script: scene.host.postThawScript() },
            };
            const outcome = await scene.create({ quiesce: { scripts }, minimumLevel: "crash" });
            const { evidence, consistencyLevel } = stateOf(outcome);
            assert.equal(consistencyLevel, "crash");
            assert.equal(evidence.reason, "PRE_FREEZE_FAILED");
            assert.equal(evidence.cleanup, "done");
        });

        it("that cannot thaw stay until a later run has thawed, without them in its inputs", async () => {
            const broken = "[ -e /run/mended ] || exit 1";
            const scripts = {
                preFreeze: { script: scene.host.preFreezeScript() },
                postThaw: { script: scene.host.postThawScript(broken) },
            };
            const pending = await scene.create({ quiesce: { scripts } });
            assert.isTrue(pending.error?.properties?.thawPending);
            assert.equal(pending.error.properties.evidence.cleanup, "failed", "the scripts are still there");
            scene.host.exec(": >/run/mended");
            const healed = await scene.update(pending);
            scene.host.exec("rm /run/mended");
            assert.isFalse(stateOf(healed).thawPending);
            assert.deepEqual(healed.events, ["post thaw", "thawed thaw"]);
        });
    });

    it("waits for rights that cloud-init is about to give", async () => {
        const special = await Scene.start({ host: { sudo: "none" } });
        const usual = timing.bootPauseMs;
        timing.bootPauseMs = 100;
        try {
            special.host.exec("mkdir /run/cloud-init");
            const running = special.create();
            await special.untilLogged(/waiting for cloud-init/);
            special.host.exec(
                `echo '${special.host.user} ALL=(ALL:ALL) NOPASSWD: ALL' >>/etc/sudoers; : >/run/cloud-init/result.json`,
            );
            assert.equal(stateOf(await running).consistencyLevel, "application");
            await special.assertInvariants();
        } finally {
            timing.bootPauseMs = usual;
            await special.stop();
        }
    });

    it("keeps the connection to EC2 open while pre-freeze takes long", async () => {
        const usual = timing.keepWarmMs;
        timing.keepWarmMs = 100;
        try {
            scene.host.writeHooks({ pre: "sleep 2" });
            const { calls } = await assertFrozenAndThawed(scene);
            const set = calls.find(({ operation, dryRun }) => operation === "CreateSnapshots" && !dryRun);
            assert(set !== undefined);
            const before = calls.slice(0, calls.indexOf(set));
            const dryRun = before.findLastIndex(({ operation }) => operation === "CreateSnapshots");
            const looks = before.slice(dryRun).filter(({ operation }) => operation === "DescribeVolumes");
            assert.isAbove(looks.length, 4);
        } finally {
            timing.keepWarmMs = usual;
        }
    });

    it("logs in as root without sudo", async () => {
        const special = await Scene.start({ host: { user: "root", sudo: "none" } });
        const gate = await special.cloud.gate("CreateSnapshots");
        const running = assertFrozenAndThawed(special);
        await gate.reached();
        const commands = special.busy.map(({ command }) => command).join("\n");
        await gate.release();
        assert.equal(stateOf(await running).consistencyLevel, "application");
        assert.notInclude(commands, "sudo");
        await special.assertInvariants();
        await special.stop();
    });

    it("logs in by password", async () => {
        const password = "a-password-to-log-in-with";
        const special = await Scene.start({ host: { passwordAuthentication: true, password } });
        special.hide(password);
        const { quiesce } = special.inputs();
        assert(quiesce.method === "hooks");
        const { privateKey: _, ...connection } = quiesce.connection;
        const changes = { quiesce: { connection: { ...connection, password } } } as Changes;
        assert.equal(stateOf(await assertFrozenAndThawed(special, changes)).consistencyLevel, "application");
        await special.assertInvariants();
        await special.stop();
    });

    it("learns who the host is from the metadata service, where there is no DMI", async () => {
        const special = await Scene.start({ host: { identity: "imds" } });
        assert.equal(stateOf(await assertFrozenAndThawed(special)).evidence.identity, "imds");
        await special.assertInvariants();
        await special.stop();
    });

    it("goes through a bastion", async () => {
        const bastion = await startSshHost({ instanceId: "i-0fedcba9876543210", freshHostKeys: true });
        try {
            const proxy = {
                host: bastion.address,
                port: bastion.port,
                user: bastion.user,
                privateKey: bastion.clientKey,
                hostKey: [...bastion.hostKeyLines],
            };
            const outcome = await assertFrozenAndThawed(scene, { connection: { proxy } });
            assert.equal(stateOf(outcome).consistencyLevel, "application");
            assert.include(bastion.log, "Accepted publickey");
            assert.deepEqual(bastion.events, []);
        } finally {
            await bastion.stop();
        }
    });

    it("freezes nothing when the bastion shows another host key", async () => {
        const bastion = await startSshHost({ freshHostKeys: true });
        try {
            const { quiesce } = scene.inputs();
            assert(quiesce.method === "hooks");
            const proxy = { ...quiesce.connection, port: bastion.port };
            const outcome = await scene.create({ connection: { proxy }, minimumLevel: "crash" });
            assert.match(outcome.error?.message ?? "", /^SSH_HOST_KEY_MISMATCH .*ssh to proxy /);
            assert.deepEqual(outcome.events, []);
        } finally {
            await bastion.stop();
        }
    });
});

describe("isSameHost", () => {
    const rows: [identity: "dmi" | "imds" | "unverified" | "other", bootId: string, same: boolean][] = [
        ["dmi", "another", true],
        ["imds", "another", true],
        ["unverified", "frozen", true],
        ["other", "frozen", true],
        ["unverified", "another", false],
        ["other", "another", false],
    ];
    for (const [identity, bootId, same] of rows) {
        it(`${identity}, ${bootId} boot: ${String(same)}`, () => {
            assert.equal(isSameHost({ kind: "gone", identity, bootId }, "frozen"), same);
        });
    }

    it("is not known by a boot id that nobody has", () => {
        assert.isFalse(isSameHost({ kind: "gone", identity: "unverified", bootId: "any" }, undefined));
    });
});
