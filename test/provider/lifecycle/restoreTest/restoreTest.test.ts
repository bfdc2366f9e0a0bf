import { assert, expect } from "chai";
import { timing } from "../../../../provider/base/timing";
import {
    type RestoreOutcome,
    LONG_VERIFY,
    RESTORE_SECRET,
    RestoreScene,
    SHORT_LIMITS,
    stateAfter,
} from "../../../../lab/scenes/restoreScene";
import { needsRoot } from "../../../../lab/hosts/sshHost";
import { actionsOf, policiesOf, sectionOf } from "../../../pages";

const script = (text: string) => ({ script: `#!/bin/sh\n${text}\n` });
const OF_THE_LAB = [{ Effect: "Allow", Action: "sts:*", Resource: "*" }];

describe("a restore test", function () {
    this.timeout(120_000);
    const usual = { ...timing };
    let scene: RestoreScene;

    before(async function () {
        needsRoot(this);
        scene = await RestoreScene.start();
    });
    beforeEach(() => Object.assign(timing, SHORT_LIMITS));
    afterEach(async () => {
        Object.assign(timing, usual);
        try {
            await scene.assertNothingLeft();
        } finally {
            await scene.reset();
        }
    });
    after(() => scene.stop());

    const launches = async () =>
        (await scene.cloud.calls()).filter(({ operation }) => operation === "RunInstances");

    /** It failed after the launch, and the failure is recorded. */
    function failedWith(outcome: RestoreOutcome, code: string, words: RegExp): void {
        const { error } = outcome;
        assert(error !== undefined, `it passed: ${JSON.stringify(outcome.state)}`);
        expect(error.message)
            .to.match(new RegExp(`^${code} \\(i-\\w+\\): `))
            .and.match(words);
        expect(error.message).to.contain("the copy is terminated, and its volumes are deleted");
        expect(stateAfter(outcome)).to.include({ passed: false, reason: code, left: false });
        expect(JSON.stringify([outcome.error?.message, outcome.lines])).not.to.contain(RESTORE_SECRET);
    }

    it("launches a copy, runs the script as root on it, terminates it, and tells the times", async () => {
        const outcome = await scene.create(scene.inputs({ tags: { team: "shop" } }));
        const state = stateAfter(outcome);
        expect(outcome.error).to.equal(undefined);
        expect(state).to.include({
            passed: true,
            left: false,
            region: scene.cloud.region,
            imageId: scene.imageId,
        });
        expect(state.recoverySeconds).to.be.at.least(
            (state.bootSeconds ?? 99) + (state.verifySeconds ?? 99) - 0.2,
        );
        expect(Date.parse(state.testedAt)).to.be.closeTo(Date.now(), 60_000);
        expect(state).not.to.have.any.keys("connection", "verify", "launch", "reason");
        expect(outcome.lines.join("\n"))
            .to.contain("verify: 5 tables, 17 rows")
            .and.not.to.contain(RESTORE_SECRET);
    });

    it("needs what docs/iam.md says, and nothing else", async () => {
        await scene.cloud.clearCalls();
        const [policy = { Statement: [] }] = policiesOf(sectionOf("docs/iam.md", "Restore tests"));
        await scene.cloud.allowPolicy([...policy.Statement, ...OF_THE_LAB]);
        expect(stateAfter(await scene.create())).to.include({ passed: true, left: false });
        const used = (await scene.cloud.calls())
            .filter(({ accessKeyId }) => accessKeyId === scene.cloud.accessKeyId)
            .flatMap(({ actions }) => actions)
            .filter((action) => action.startsWith("ec2:"));
        expect([...new Set(used)]).to.have.members([...new Set(actionsOf(policy))]);
        await scene.cloud.allowPolicy(null);
    });

    it("asks for a copy that no template can protect, and tags all of it", async () => {
        const { id } = await scene.create(scene.inputs({ tags: { team: "shop" } }));
        const [call] = await launches();
        const { TagSpecifications, ...asked } = call?.parameters ?? {};
        expect(asked).to.deep.include({
            ClientToken: id,
            DisableApiTermination: false,
            DisableApiStop: false,
            InstanceInitiatedShutdownBehavior: "terminate",
            MetadataOptions: { HttpEndpoint: "enabled", HttpTokens: "required", HttpPutResponseHopLimit: 2 },
        });
        const tagged = TagSpecifications as { ResourceType: string; Tags: { Key: string }[] }[];
        expect(tagged.map(({ ResourceType }) => ResourceType)).to.deep.equal(["instance", "volume"]);
        for (const { Tags } of tagged) {
            expect(Tags.map(({ Key }) => Key.replace("app-consistent-snapshot:", ""))).to.have.members([
                "team",
                "execution",
                "owner",
                "lease",
            ]);
        }
    });

    for (const [what, verify, code, words] of [
        [
            "exits with 1",
            "echo 3 tables; echo 'table users is broken' >&2; exit 1",
            "VERIFY_FAILED",
            /exited with 1\..*3 tables\\ntable users is broken/,
        ],
        [
            "hangs",
            "echo waiting for the application; exec sleep 300",
            "VERIFY_TIMEOUT",
            /within 2 s\..*waiting for the application/,
        ],
        ["floods", "exec yes 'a line of a flood'", "VERIFY_FAILED", /printed more than/],
        ["floods without a line end", "exec tr '\\0' x </dev/zero", "VERIFY_FAILED", /printed more than/],
        [
            "ends the connection",
            "kill -KILL $(pgrep -x -f 'sshd.* admin.*')",
            "VERIFY_FAILED",
            /connection ended/,
        ],
    ] as const) {
        it(`fails when the script ${what}`, async () => {
            const inputs = scene.inputs({
                verify: script(verify),
                timeouts: { boot: 20, verify: what === "hangs" ? 2 : 60 },
            });
            failedWith(await scene.create(inputs), code, words);
        });
    }

    it("fails when nobody answers", async () => {
        scene.copies.boot = { never: true };
        const known = { ...scene.inputs().connection, insecureIgnoreHostKey: true };
        const outcome = await scene.create(scene.inputs({ connection: known, timeouts: { boot: 2 } }));
        failedWith(outcome, "BOOT_TIMEOUT", /Nobody has answered within timeouts.boot: .*gave up/);
    });

    it("fails when the console shows no host keys", async () => {
        scene.copies.boot = { console: "nothing" };
        failedWith(
            await scene.create(scene.inputs({ timeouts: { boot: 2 } })),
            "BOOT_TIMEOUT",
            /SSH host keys/,
        );
    });

    it("fails when another host answers", async () => {
        const hostKey = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        const outcome = await scene.create(
            scene.inputs({ connection: { ...scene.inputs().connection, hostKey } }),
        );
        failedWith(outcome, "SSH_HOST_KEY_MISMATCH", /another|other|key/);
    });

    it("fails when the copy refuses the login", async () => {
        const outcome = await scene.create(
            scene.inputs({ connection: { ...scene.inputs().connection, user: "nobody-there" } }),
        );
        failedWith(outcome, "SSH_LOGIN_REFUSED", /nobody-there/);
    });

    it("fails when sudo refuses", async () => {
        scene.copies.boot = { host: { sudo: "none" } };
        failedWith(await scene.create(), "SUDO_REFUSED", /sudo/);
    });

    it("fails when the script is not on the copy", async () => {
        const outcome = await scene.create(scene.inputs({ verify: { path: "/usr/local/sbin/verify" } }));
        failedWith(outcome, "SCRIPT_MISSING", /\/usr\/local\/sbin\/verify does not exist on the copy/);
    });

    it("runs a script of the image, with its verb and the copy's id", async () => {
        scene.copies.boot = {
            prepare: (host) =>
                host.writeScript("/usr/sbin/verify", '#!/bin/sh\necho "$1 $ACS_INSTANCE_ID $(id -u)"\n'),
        };
        const outcome = await scene.create(scene.inputs({ verify: { path: "/usr/sbin/verify" } }));
        expect(outcome.lines.join("\n")).to.contain(`verify: verify ${stateAfter(outcome).instanceId} 0`);
    });

    it("reaches the copy by a program that takes its id for an address", async () => {
        const command = [
            "sh",
            "-c",
            `case %h in i-*) exec busybox nc 127.0.0.1 ${scene.copies.port} ;; esac`,
        ];
        const connection = { ...scene.inputs().connection, tunnel: { via: "command" as const, command } };
        expect(stateAfter(await scene.create(scene.inputs({ connection })))).to.include({ passed: true });
    });

    it("fails at once when EC2 ends the copy", async () => {
        scene.copies.boot = {
            never: true,
        };
        const gate = await scene.cloud.gate("RunInstances", { phase: "after" });
        const testing = scene.create(scene.inputs({ timeouts: { boot: 60 } }));
        await gate.reached();
        const [copy] = await scene.instances();
        await scene.cloud.setInstanceState(copy?.InstanceId ?? "", "terminated");
        await gate.release();
        failedWith(await testing, "LAUNCH_FAILED", /The copy is terminated/);
    });

    it("does not wait for a copy that stops while it boots", async () => {
        scene.copies.boot = {
            console: "nothing",
            prepare: (host) => scene.cloud.setInstanceState(host.instanceId, "stopped"),
        };
        failedWith(
            await scene.create(scene.inputs({ timeouts: { boot: 60 } })),
            "LAUNCH_FAILED",
            /The copy is stopped/,
        );
    });

    for (const [state, words] of [
        ["terminated", /The copy is terminated/],
        // Nothing tells the connection: the host of this copy goes on.
        ["stopped", /The copy is stopped/],
    ] as const) {
        it(`fails at once when the copy is ${state} while verify runs, and keeps none that is gone`, async () => {
            const inputs = scene.inputs({ verify: LONG_VERIFY, timeouts: { boot: 20, verify: 90 } });
            const testing = scene.create({ ...inputs, keepOnFailure: state === "terminated" });
            const { instanceId } = await scene.untilVerifying();
            await scene.cloud.setInstanceState(instanceId, state);
            failedWith(await testing, "LAUNCH_FAILED", words);
        });
    }

    it("tells why EC2 ends a copy whose key it may not use", async () => {
        scene.copies.boot = { never: true };
        const gate = await scene.cloud.gate("RunInstances", { phase: "after" });
        const testing = scene.create();
        await gate.reached();
        const [copy] = await scene.instances();
        await scene.cloud.setInstanceState(
            copy?.InstanceId ?? "",
            "shutting-down",
            "Client.InternalError: Client error on launch",
        );
        await gate.release();
        failedWith(await testing, "LAUNCH_FAILED", /The copy is shutting-down: .*KMS key/);
    });

    it("waits for EC2 to know the copy", async () => {
        await scene.cloud.hideLaunches(1_000);
        expect(stateAfter(await scene.create())).to.include({ passed: true });
    });

    it("takes no copy for gone that EC2 does not know yet", async () => {
        await scene.cloud.hideLaunches(1_500);
        failedWith(
            await scene.create(scene.inputs({ timeouts: { boot: 1 } })),
            "BOOT_TIMEOUT",
            /EC2 has not started the copy/,
        );
    });

    it("rides out a cloud that throttles", async () => {
        for (const operation of [
            "RunInstances",
            "DescribeInstances",
            "TerminateInstances",
            "DescribeVolumes",
        ]) {
            const throttling = { kind: "error", code: "RequestLimitExceeded", status: 503 } as const;
            await scene.cloud.fault(operation, throttling, { times: 2 });
        }
        expect(stateAfter(await scene.create())).to.include({ passed: true, left: false });
    });

    for (const [code, status, words] of [
        ["InsufficientInstanceCapacity", 500, /no such instance to give/],
        ["VcpuLimitExceeded", 400, /higher quota/],
        ["InsufficientFreeAddressesInSubnet", 400, /Free addresses/],
    ] as const) {
        it(`leaves nothing, and no state, when EC2 answers ${code}`, async () => {
            await scene.cloud.fault(
                "RunInstances",
                { kind: "error", code, status, message: "Not now" },
                { times: null },
            );
            const { error } = await scene.create();
            expect(error?.message)
                .to.match(/^LAUNCH_REFUSED: /)
                .and.contain(code)
                .and.match(words);
            expect(error?.message).to.contain("no copy was launched");
            expect(error).not.to.have.any.keys("properties");
        });
    }

    it("leaves nothing when there is no such subnet, image, or permission", async () => {
        const launch = { ...scene.copies.launch, subnetId: "subnet-00000000000000000" };
        expect((await scene.create(scene.inputs({ launch }))).error?.message).to.match(
            /^LAUNCH_REFUSED: .*launch.subnetId/,
        );
        const imageId = "ami-00000000000000000";
        expect((await scene.create(scene.inputs({ imageId }))).error?.message).to.match(
            /^LAUNCH_REFUSED: .*imageId/,
        );
        await scene.cloud.deny("RunInstances");
        expect((await scene.create()).error?.message).to.match(/^ACCESS_DENIED: .*ec2:RunInstances/);
    });

    it("launches one copy when the answer is lost", async () => {
        await scene.cloud.fault("RunInstances", { kind: "cut", phase: "after" });
        expect(stateAfter(await scene.create())).to.include({ passed: true });
        expect((await launches()).length).to.equal(2);
    });

    for (const [code, status] of [
        ["ExpiredToken", 400],
        ["UnauthorizedOperation", 403],
    ] as const) {
        it(`terminates a copy whose answer is lost, when the request that is sent again meets ${code}`, async () => {
            await scene.cloud.fault("RunInstances", { kind: "cut", phase: "after" });
            await scene.cloud.fault("RunInstances", { kind: "error", code, status }, { skip: 1 });
            const { error } = await scene.create();
            expect((await launches()).length).to.equal(2);
            expect(error?.message).to.match(/^LAUNCH_FAILED: Whether EC2 has launched a copy is not known/);
            expect(error?.message).to.contain("the copy is terminated, and its volumes are deleted");
        });
    }

    it("terminates a copy that it was not told of", async () => {
        await scene.cloud.fault("RunInstances", {
            kind: "page",
            phase: "after",
            status: 403,
            body: "a proxy",
        });
        const { error } = await scene.create();
        expect(error?.message).to.match(/^LAUNCH_FAILED: Whether EC2 has launched a copy is not known/);
    });

    it("names a copy that is protected, and terminates it when it no longer is", async () => {
        scene.copies.boot = { prepare: (host) => scene.protect(host.instanceId, true) };
        const outcome = await scene.create();
        const { instanceId } = stateAfter(outcome);
        expect(outcome.error?.message)
            .to.match(/^COPY_LEFT/)
            .and.contain(`THE COPY ${instanceId} MAY STILL RUN`);
        expect(stateAfter(outcome)).to.include({ passed: true, left: true });
        expect(await scene.read(outcome)).to.include({ left: true });
        await scene.protect(instanceId, false);
        expect(stateAfter(await scene.update(outcome))).to.include({ passed: true, left: false, instanceId });
    });

    it("names a copy that it may not terminate; the next update terminates it", async () => {
        await scene.cloud.deny("TerminateInstances");
        const outcome = await scene.create();
        const { instanceId } = stateAfter(outcome);
        expect(outcome.error?.message)
            .to.match(/^COPY_LEFT/)
            .and.contain(`THE COPY ${instanceId} MAY STILL RUN`)
            .and.contain("ec2:TerminateInstances");
        await scene.reset();
        expect(stateAfter(await scene.update(outcome))).to.include({ passed: true, left: false });
    });

    it("names a volume that it may not delete; the next update deletes it", async () => {
        await scene.cloud.deny("DeleteVolume");
        const outcome = await scene.create();
        expect(outcome.error?.message)
            .to.match(/^COPY_LEFT/)
            .and.match(/its volume vol-\w+ could not be deleted/);
        const [volume] = await scene.volumes();
        expect(outcome.error?.message).to.contain(volume?.VolumeId);
        await scene.reset();
        // The copy itself is gone, and something of it is there.
        expect(await scene.read(outcome)).to.include({ left: true });
        expect(stateAfter(await scene.update(outcome))).to.include({ passed: true, left: false });
    });

    it("waits for a volume that is still used", async () => {
        await scene.cloud.fault(
            "DeleteVolume",
            { kind: "error", code: "VolumeInUse", status: 400 },
            { times: 2 },
        );
        expect(stateAfter(await scene.create())).to.include({ passed: true, left: false });
    });

    it("is left, and known to be, when the credentials end; the next test terminates it", async () => {
        scene.copies.boot = { prepare: () => scene.cloud.expireCredentials(scene.cloud.accessKeyId) };
        const inputs = scene.inputs({ timeouts: { boot: 20, verify: 20 } });
        const outcome = await scene.create(inputs);
        expect(outcome.error?.message).to.contain("MAY STILL RUN");
        expect(stateAfter(outcome)).to.include({ left: true });
        await scene.reset();
        const next = await scene.create(inputs);
        expect(stateAfter(next)).to.include({ passed: true });
        expect(next.lines.join("\n")).to.match(/terminating the copy i-\w+.* of a run that died/);
    });

    it("keeps a copy that failed when it is told to, and terminates it with the resource", async () => {
        const inputs = scene.inputs({ verify: script("exit 7"), keepOnFailure: true });
        const outcome = await scene.create(inputs);
        const { instanceId } = stateAfter(outcome);
        expect(outcome.error?.message)
            .to.match(/^VERIFY_FAILED/)
            .and.contain(`the copy ${instanceId} is kept, AND RUNS`);
        expect(stateAfter(outcome)).to.include({ passed: false, left: true });
        await scene.letLeasesRunOut();
        const next = await scene.create({ ...inputs, verify: script("true") });
        expect(next.lines.join("\n")).to.match(/warning: the copy i-.*kept on failure, still runs/);
        expect((await scene.instances()).map(({ InstanceId }) => InstanceId)).to.deep.equal([instanceId]);
        await scene.remove(outcome);
    });

    it("has nothing to delete when nothing is left", async () => {
        const outcome = await scene.create();
        await scene.cloud.clearCalls();
        await scene.remove(outcome);
        expect((await scene.cloud.calls()).map(({ operation }) => operation)).to.have.members([
            "GetCallerIdentity",
            "DescribeInstances",
            "DescribeVolumes",
        ]);
    });
});
