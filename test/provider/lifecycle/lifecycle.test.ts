import {
    CreateTagsCommand,
    DeleteTagsCommand,
    DeregisterImageCommand,
    DisableImageCommand,
    EC2Client,
    RegisterImageCommand,
} from "@aws-sdk/client-ec2";
import { expect } from "chai";
import { clientsFor } from "../../../provider/aws/clients";
import { ownerTag, tagKeys } from "../../../provider/aws/tags";
import { importSet } from "../../../provider/lifecycle/importSet";
import type { SnapshotInputs } from "../../../provider/inputs/inputs";
import { check, configure, create, diff, read, remove, update } from "../../../lab/scenes/lifecycle";
import type { SnapshotState } from "../../../provider/run/state";
import { timing } from "../../../provider/base/timing";
import { CapturedLog } from "../../../lab/capturedLog";
import type { CloudInstance, InstanceSpec, LocalCloud } from "../../../lab/cloud/localCloud";
import { rejection } from "../../../lab/rejection";
import { startCloudScene } from "../../../lab/scenes/cloudScene";

type InitError = Error & { id?: string; reasons?: string[]; properties?: State };
type State = Awaited<ReturnType<typeof create>>["outs"];

const OTHER_ACCOUNT = "210987654321";
const PROVIDER = "the serialized provider";

// With scripts: test/provider/quiesce and test/provider/faults.
describe("lifecycle, without quiescing", () => {
    const usual = { ...timing };
    let cloud: LocalCloud;
    let ec2: EC2Client;
    let instance: CloudInstance;
    let log: CapturedLog;
    let stop: () => void;
    let runs = 0;

    before(async () => {
        ({ cloud, ec2, stop } = await startCloudScene());
    });

    beforeEach(async () => {
        // A new one each time: pending snapshots that were deleted count until they would have completed.
        instance = await launch();
        await cloud.configureSnapshots({ durationMs: 0 });
        await cloud.clearCalls();
        Object.assign(timing, { throttlePauseMs: 50, visibleMs: 3_000, imageGoneMs: 500 });
        log = new CapturedLog();
    });

    afterEach(async () => {
        log.restore();
        Object.assign(timing, usual);
        await cloud.reset();
        const left = await cloud.snapshots(instance);
        await cloud.deleteSnapshots(left.map(({ snapshotId }) => snapshotId));
    });

    after(() => stop());

    const launch = (spec: InstanceSpec = {}) => cloud.createInstance(spec);

    const inputsOf = (changes: Partial<SnapshotInputs> = {}) => ({
        instanceId: instance.instanceId,
        quiesce: { method: "none" as const },
        owner: `urn:pulumi:dev::shop::pulumi-nodejs:dynamic/ec2:AppConsistentSnapshot::nightly-${(runs += 1)}`,
        __provider: PROVIDER,
        ...changes,
    });

    const ofInstance = async (of = instance) =>
        (await cloud.snapshots(of)).map(({ snapshotId }) => snapshotId).sort();

    const operations = async () =>
        (await cloud.calls()).filter((call) => !call.dryRun).map((call) => call.operation);

    /** A failure that leaves nothing: neither snapshots nor state. */
    async function failure(changes: Partial<SnapshotInputs>, of = instance): Promise<Error> {
        const error = await rejection<InitError>(create(inputsOf({ instanceId: of.instanceId, ...changes })));
        expect(error.id, `an init error: ${error.message}`).to.equal(undefined);
        expect(await ofInstance(of)).to.deep.equal([]);
        return error;
    }

    /** A failure that leaves a state for the next run. */
    async function initError(work: Promise<unknown>): Promise<InitError & { properties: State }> {
        const error = await rejection<InitError>(work);
        expect(error.id, error.message).to.match(/^acs-/);
        expect(error.reasons).to.deep.equal([error.message]);
        expect(error.properties).to.include({ __provider: PROVIDER, instanceId: instance.instanceId });
        for (const name of OUTPUTS) {
            expect(error.properties).to.have.property(name);
        }
        return error as InitError & { properties: State };
    }

    /** What a run leaves that did not wait to the end; completion is far. */
    async function unfinished(changes: Partial<SnapshotInputs> = {}) {
        await cloud.configureSnapshots({ durationMs: 60_000 });
        const inputs = inputsOf({ timeouts: { completion: 1 }, ...changes });
        const { id = "", properties } = await initError(create(inputs));
        return { inputs, id, properties };
    }

    async function cloudHas(snapshots: number): Promise<void> {
        const deadline = performance.now() + 20_000;
        while (
            (await ofInstance()).length < snapshots ||
            !log.lines.some((line) => line.includes(" 0 of "))
        ) {
            expect(performance.now(), log.lines.join("\n")).to.be.lessThan(deadline);
            await new Promise((resolve) => setTimeout(resolve, 20));
        }
    }

    describe("create", () => {
        it("has every output, boot volume first, then by device name", async () => {
            const source = await launch({
                rootDeviceName: "/dev/xvda",
                architecture: "arm64",
                platformDetails: "Red Hat Enterprise Linux",
                usageOperation: "RunInstances:0010",
                productCodes: ["abc123"],
                bootMode: "uefi-preferred",
                currentInstanceBootMode: "uefi",
                tpmSupport: "v2.0",
                enaSupport: true,
                sriovNetSupport: "simple",
                instanceType: "m6g.large",
                volumes: [
                    { device: "/dev/xvda", sizeGiB: 10 },
                    { device: "/dev/sdg", type: "gp3", sizeGiB: 100, iops: 4000, throughput: 250 },
                    {
                        device: "/dev/sdf",
                        type: "st1",
                        sizeGiB: 500,
                        encrypted: true,
                        deleteOnTermination: true,
                    },
                ],
            });
            const before = Date.now();
            const { id, outs } = await create(inputsOf({ instanceId: source.instanceId }));

            expect(id).to.match(/^acs-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/);
            expect(outs).to.have.all.keys("instanceId", "owner", "__provider", ...OUTPUTS);
            const { snapshots, snapshotIds, evidence } = outs;
            expect([...snapshotIds].sort()).to.deep.equal(await ofInstance(source));
            expect(snapshots.map((snapshot) => snapshot.snapshotId)).to.deep.equal(snapshotIds);
            const [boot, sdf, sdg] = snapshots;
            expect(boot).to.deep.include({
                volumeId: source.devices["/dev/xvda"],
                deviceName: "/dev/xvda",
                boot: true,
                sizeGiB: 10,
                volumeType: "gp3",
                encrypted: false,
                deleteOnTermination: true,
            });
            expect(sdf).to.deep.include({
                volumeId: source.devices["/dev/sdf"],
                deviceName: "/dev/sdf",
                boot: false,
                sizeGiB: 500,
                volumeType: "st1",
                encrypted: true,
                deleteOnTermination: true,
            });
            expect(sdf?.kmsKeyId).to.be.a("string");
            expect(sdg).to.deep.include({
                volumeId: source.devices["/dev/sdg"],
                deviceName: "/dev/sdg",
                volumeType: "gp3",
                iops: 4000,
                throughput: 250,
                deleteOnTermination: false,
            });
            expect(sdg).not.to.have.any.keys("tagKeys", "multiAttached", "kmsKeyId");
            expect(outs.instance).to.deep.equal({
                instanceId: source.instanceId,
                platform: "linux",
                platformDetails: "Red Hat Enterprise Linux",
                usageOperation: "RunInstances:0010",
                productCodes: [
                    {
                        productCodeId: "abc123",
                        productCodeType: outs.instance.productCodes[0]?.productCodeType,
                    },
                ],
                architecture: "arm64",
                rootDeviceName: "/dev/xvda",
                virtualizationType: "hvm",
                enaSupport: true,
                sriovNetSupport: "simple",
                bootMode: "uefi-preferred",
                currentInstanceBootMode: "uefi",
                tpmSupport: "v2.0",
                imageId: source.imageId,
                instanceType: "m6g.large",
                availabilityZone: source.availabilityZone,
                region: cloud.region,
                accountId: "123456789012",
            });
            expect(outs).to.deep.include({
                consistencyLevel: "crash",
                thawPending: false,
                lost: [],
                recorded: true,
                unfinished: false,
            });
            expect(Date.parse(outs.startTime)).to.be.within(before - 1000, Date.now() + 1000);
            expect(evidence).to.deep.include({
                method: "none",
                executionId: id,
                vouchedBy: "nobody",
                identity: "unverified",
                held: false,
                completion: "completed",
                cleanup: "nothingToDo",
            });
            expect(evidence).not.to.have.any.keys("reason", "message", "vouchedLevel", "frozenAt", "hooks");
            const { requestedAt = "", returnedAt = "" } = evidence;
            expect(Date.parse(requestedAt)).to.be.within(before, Date.now());
            expect(Date.parse(returnedAt)).to.be.at.least(Date.parse(requestedAt));
            expect(evidence.apiMs).to.be.greaterThan(0);
        });

        it("tags every snapshot, and tells EC2 of its completion last", async () => {
            const inputs = inputsOf({
                tags: { Name: "nightly", empty: "" },
                description: "before the upgrade",
            });
            const { id } = await create(inputs);
            const calls = (await cloud.calls()).filter((call) => !call.dryRun);

            const asked = calls.find((call) => call.operation === "CreateSnapshots");
            expect(JSON.stringify(asked?.parameters))
                .to.include(`"${tagKeys.state}"`)
                .and.include("in-progress");
            expect(calls.at(-1)?.operation).to.equal("CreateTags");
            for (const snapshot of await cloud.snapshots(instance)) {
                const { [tagKeys.lease]: lease = "", ...tags } = snapshot.tags;
                expect(tags).to.deep.equal({
                    Name: "nightly",
                    empty: "",
                    [tagKeys.execution]: id,
                    [tagKeys.owner]: inputs.owner,
                    [tagKeys.instance]: instance.instanceId,
                    [tagKeys.size]: "3",
                    [tagKeys.level]: "crash",
                    [tagKeys.state]: "complete",
                });
                expect(Date.parse(lease)).to.be.within(Date.now() + 10 * 60_000, Date.now() + 15 * 60_000);
                expect(snapshot.description).to.equal("before the upgrade");
            }
        });

        it("takes all volumes by one request, sent once", async () => {
            await create(inputsOf());
            const sent = (await cloud.calls()).filter((call) => call.operation === "CreateSnapshots");
            expect(sent.map((call) => call.dryRun)).to.deep.equal([true, false]);
        });

        it("logs self-contained lines: progress too", async () => {
            await cloud.configureSnapshots({ durationMs: 700 });
            const inputs = inputsOf();
            await create(inputs);
            const name = `nightly-${runs}`;
            expect(log.lines).to.satisfy((lines: string[]) =>
                lines.every((line) => line.startsWith(`${name}: `)),
            );
            const [first] = log.lines.filter((line) => !line.includes("waiting for EC2's limit"));
            expect(first).to.match(/: 0 of 3 completed, \d+ %$/);
            expect(log.lines.at(-1)).to.equal(`${name}: 3 of 3 completed, 100 %`);
        });

        it("leaves out the volumes that are excluded", async () => {
            const [, second] = instance.volumeIds;
            const { outs } = await create(
                inputsOf({ volumes: { excludeBootVolume: true, excludeDataVolumeIds: [second!] } }),
            );
            expect(outs.snapshots.map((snapshot) => snapshot.volumeId)).to.deep.equal([
                instance.volumeIds[2],
            ]);
            expect(outs.volumes).to.deep.equal({ excludeBootVolume: true, excludeDataVolumeIds: [second] });
        });

        it("copies the volumes' tags on request", async () => {
            const source = await launch({ volumes: [{ tags: { team: "storage" } }] });
            await create(inputsOf({ instanceId: source.instanceId, copyTagsFromVolumes: true }));
            expect((await cloud.snapshots(source))[0]?.tags).to.include({ team: "storage" });
        });

        it("leaves the size of the set out where its tag does not fit: as many tags fit as ever", async () => {
            const tags = Object.fromEntries(Array.from({ length: 44 }, (_, index) => [`k${index}`, "v"]));
            const source = await launch({ volumes: [{ tags }] });
            await create(inputsOf({ instanceId: source.instanceId, copyTagsFromVolumes: true }));
            const [snapshot] = await cloud.snapshots(source);
            expect(Object.keys(snapshot!.tags)).to.have.length(50);
            expect(snapshot!.tags).to.not.have.any.keys(tagKeys.size);
        });

        it("says of a stopped instance that nobody knows how it was stopped", async () => {
            const stopped = await launch({ state: "stopped" });
            const { outs } = await create(inputsOf({ instanceId: stopped.instanceId }));
            expect(outs.consistencyLevel).to.equal("crash");
            expect(outs.evidence.reason).to.equal("STOPPED");
            expect(outs.evidence.message).to.match(/stopped/);
        });

        it("copies nothing of quiesce into the state", async () => {
            const { outs } = await create(inputsOf());
            expect(outs).not.to.have.property("quiesce");
            expect(outs.quiesced).to.deep.equal({ method: "none" });
        });

        it("waits until EC2 shows what it has made", async () => {
            await cloud.configureSnapshots({ invisibleMs: 1_200, durationMs: 0 });
            const { outs } = await create(inputsOf());
            expect(outs.snapshotIds).to.have.length(3);
        });

        it("goes on when EC2 is busy", async () => {
            for (const operation of ["DescribeInstances", "DescribeVolumes", "DescribeSnapshots"]) {
                const fault = { kind: "error", code: "RequestLimitExceeded", status: 503 } as const;
                await cloud.fault(operation, fault, { times: 2 });
            }
            const { outs } = await create(inputsOf());
            expect(outs.snapshotIds).to.have.length(3);
        });
    });

    describe("create fails, and leaves nothing:", () => {
        it("no such instance", async () => {
            const error = await failure({ instanceId: "i-0ffffffffffffffff" });
            expect(error.message).to.match(
                /^INSTANCE_NOT_FOUND \(i-0ffffffffffffffff\): There is no such instance in account 123456789012, region us-east-1\. State: .* What to do: /,
            );
        });

        for (const state of ["terminated", "shutting-down"] as const) {
            it(`the instance is ${state}`, async () => {
                const source = await launch();
                await cloud.setInstanceState(source.instanceId, state);
                expect((await failure({}, source)).message).to.match(
                    new RegExp(`^INSTANCE_NOT_FOUND .*The instance is ${state}`),
                );
            });
        }

        it("there are no EBS volumes", async () => {
            const source = await launch({ volumes: 1 });
            await cloud.detachVolume(source.instanceId, source.rootVolumeId);
            expect((await failure({}, source)).message).to.match(/^NO_VOLUMES .*no EBS volumes/);
        });

        it("a volume that is not the instance's is excluded", async () => {
            const error = await failure({ volumes: { excludeDataVolumeIds: ["vol-0ffffffffffffffff"] } });
            expect(error.message).to.match(
                /^INVALID_INPUT .*volumes\.excludeDataVolumeIds\[0\].*not attached/,
            );
        });

        it("the boot volume is excluded as a data volume", async () => {
            const error = await failure({ volumes: { excludeDataVolumeIds: [instance.rootVolumeId] } });
            expect(error.message).to.match(/^INVALID_INPUT .*is the boot volume.*excludeBootVolume/);
        });

        for (const [operation, dryRun] of [
            ["DescribeInstances", false],
            ["DescribeVolumes", false],
            ["DescribeSnapshots", false],
            ["CreateSnapshots", true],
        ] as const) {
            it(`ec2:${operation} is not allowed`, async () => {
                await cloud.deny(operation, { dryRun });
                const error = await failure({});
                expect(error.message).to.match(new RegExp(`^ACCESS_DENIED .*ec2:${operation}`));
                expect(await operations()).not.to.include("CreateSnapshots");
            });
        }

        it("the volumes' tags would be too many", async () => {
            const tags = Object.fromEntries(Array.from({ length: 45 }, (_, index) => [`k${index}`, "v"]));
            const source = await launch({ volumes: [{ tags }, {}] });
            const error = await failure({ copyTagsFromVolumes: true }, source);
            expect(error.message).to.match(new RegExp(`^TOO_MANY_TAGS .*${source.rootVolumeId} `));
            expect(error.message).not.to.include(source.volumeIds[1]);
            expect(await operations()).not.to.include("CreateSnapshots");
        });

        for (const [type, limit] of [
            ["gp3", 5],
            ["st1", 1],
        ] as const) {
            it(`${limit} snapshots of a volume (${type}) are pending`, async () => {
                const source = await launch({ volumes: [{}, { type, sizeGiB: 500 }] });
                const [, volume] = source.volumeIds;
                await cloud.configureSnapshots({ durationMs: 60_000 });
                const inputs = () =>
                    inputsOf({
                        instanceId: source.instanceId,
                        volumes: { excludeBootVolume: true },
                        waitForCompletion: false,
                    });
                for (let count = 0; count < limit; count += 1) {
                    await create(inputs());
                }
                const before = await ofInstance(source);
                const error = await rejection(create(inputs()));
                expect(error.message).to.match(new RegExp(`^SNAPSHOT_LIMIT .*${volume!} .*as many pending`));
                expect(await ofInstance(source)).to.deep.equal(before);
                await cloud.completeSnapshots(before);
            });
        }

        it("several things are wrong: all are told", async () => {
            const tags = Object.fromEntries(Array.from({ length: 45 }, (_, index) => [`k${index}`, "v"]));
            const source = await launch({ volumes: [{ tags }] });
            await cloud.deny("CreateSnapshots");
            const { message } = await failure({ copyTagsFromVolumes: true }, source);
            expect(message).to.include("TOO_MANY_TAGS").and.include("ACCESS_DENIED");
        });

        it("credentials end before the freeze could", async () => {
            await cloud.setRoleDuration(100);
            const role = { roleArn: "arn:aws:iam::123456789012:role/short" };
            const error = await failure({ aws: { assumeRole: role } });
            expect(error.message).to.match(/^CREDENTIALS_EXPIRE .*within the 130 s/);
        });

        it("CreateSnapshots is refused", async () => {
            await cloud.fault("CreateSnapshots", {
                kind: "error",
                code: "SnapshotLimitExceeded",
                status: 400,
            });
            expect((await failure({})).message).to.match(/^SNAPSHOT_REFUSED .*SnapshotLimitExceeded/);
        });

        for (const phase of ["before", "after"] as const) {
            it(`CreateSnapshots is cut ${phase} it is carried out`, async () => {
                await cloud.fault("CreateSnapshots", { kind: "cut", phase });
                expect((await failure({})).message).to.match(
                    /^SNAPSHOT_OUTCOME_UNKNOWN .*no snapshot was kept/,
                );
            });
        }

        it("CreateSnapshots is carried out twice", async () => {
            await cloud.fault("CreateSnapshots", { kind: "actTwice" });
            expect((await failure({})).message).to.match(/^DUPLICATE_SNAPSHOTS .*6 snapshots of 3 volumes/);
        });

        it("a snapshot turns to error", async () => {
            await cloud.configureSnapshots({
                durationMs: 60_000,
                failAfterMs: 300,
                failMessage: "No such key",
            });
            expect((await failure({})).message).to.match(
                /^SNAPSHOT_FAILED .*No such key.*State: the instance is awake; the set is deleted\./,
            );
        });

        it("a snapshot turns to error, and the set cannot be deleted: told, by the code of what failed first", async () => {
            await cloud.configureSnapshots({ durationMs: 60_000, failAfterMs: 300 });
            await cloud.deny("DeleteSnapshot", { dryRun: false });
            const error = await rejection<InitError>(create(inputsOf()));
            expect(error.id).to.equal(undefined);
            expect(error.message).to.match(
                /^SNAPSHOT_FAILED .*the set snap-.* could not be deleted: ACCESS_DENIED.*ec2:DeleteSnapshot/,
            );
            const left = await cloud.snapshots(instance);
            expect(left.map(({ tags }) => tags[tagKeys.state])).to.deep.equal(
                Array<string>(3).fill("in-progress"),
                "the next run reaps it",
            );
        });
    });

    describe("what remains to be done", () => {
        it("is told with every output; the next run goes on waiting and takes no new set", async () => {
            await cloud.configureSnapshots({ durationMs: 60_000 });
            const inputs = inputsOf({ timeouts: { completion: 1 }, tags: { a: "1" } });
            const { id = "", message, properties } = await initError(create(inputs));
            expect(message).to.match(/^COMPLETION_PENDING \(i-.*timeouts\.completion.*State: .* is kept\./);
            expect(properties.evidence.completion).to.equal("pending");
            expect(properties).to.include({ recorded: true, unfinished: true });
            expect(properties.tags).to.deep.equal({ a: "1" });
            expect(diff(id, properties, inputs)).to.deep.equal({ changes: true, replaces: [] });

            await cloud.completeSnapshots([...properties.snapshotIds]);
            await cloud.clearCalls();
            const { outs } = await update(id, properties, inputs);
            expect(outs.evidence.completion).to.equal("completed");
            expect(outs.unfinished).to.equal(false);
            expect(outs.snapshotIds).to.deep.equal(properties.snapshotIds);
            expect(outs).to.have.property("__provider", PROVIDER);
            expect(await operations()).not.to.include("CreateSnapshots");
            expect(diff(id, outs, inputs)).to.deep.equal({ changes: false, replaces: [] });
        });

        it("is not waited for when nobody wants to any more", async () => {
            await cloud.configureSnapshots({ durationMs: 60_000 });
            const inputs = inputsOf({ timeouts: { completion: 1 } });
            const { id = "", properties } = await initError(create(inputs));
            const impatient = { ...inputs, waitForCompletion: false };
            expect(diff(id, properties, impatient)).to.deep.equal({ changes: false, replaces: [] });
            const { outs } = await update(id, properties, impatient);
            expect(outs.unfinished).to.equal(false);
            expect(diff(id, outs, inputs)).to.deep.equal({ changes: false, replaces: [] });
        });

        it("is nothing when it was not waited for on purpose, whatever is wanted later", async () => {
            await cloud.configureSnapshots({ durationMs: 60_000 });
            const inputs = inputsOf({ waitForCompletion: false });
            const { id, outs } = await create(inputs);
            expect(outs.evidence.completion).to.equal("pending");
            expect(diff(id, outs, inputs)).to.deep.equal({ changes: false, replaces: [] });
            const waiting = { ...inputs, waitForCompletion: true };
            expect(diff(id, outs, waiting)).to.deep.equal({ changes: false, replaces: [] });
            await cloud.clearCalls();
            const tagged = await update(id, outs, { ...waiting, tags: { a: "1" } });
            expect(tagged.outs.evidence.completion).to.equal("pending");
            expect(await operations()).not.to.include("DescribeSnapshots");
        });

        it("is that a part of the set is lost: the rest stays, and the next run replaces it", async () => {
            await cloud.configureSnapshots({ durationMs: 60_000 });
            timing.visibleMs = 1_500;
            const inputs = inputsOf();
            const creating = initError(create(inputs));
            await cloudHas(3);
            const [first, ...rest] = await ofInstance();
            await cloud.deleteSnapshots([first!]);
            const { id = "", message, properties } = await creating;
            expect(message).to.match(/^SNAPSHOT_LOST \(i-.*was deleted.*the set snap-.* is kept\./);
            expect(properties.lost).to.deep.equal([`${first!} was deleted`]);
            expect(properties.snapshotIds).to.include.members([first, ...rest]);
            expect(await ofInstance()).to.deep.equal(rest);
            expect(diff(id, properties, inputs)).to.deep.equal({ changes: true, replaces: ["snapshotIds"] });
            await remove(id, properties);
            expect(await ofInstance()).to.deep.equal([]);
        });

        it("is the tag that says complete: the next run sets it", async () => {
            await cloud.deny("CreateTags", { dryRun: false });
            const inputs = inputsOf();
            const { id = "", message, properties } = await initError(create(inputs));
            expect(message).to.match(/^TAGGING_FAILED .*ec2:CreateTags/);
            expect(properties.recorded).to.equal(false);
            await cloud.reset();
            expect(diff(id, properties, inputs)).to.deep.equal({ changes: true, replaces: [] });
            const { outs } = await update(id, properties, inputs);
            expect(outs.recorded).to.equal(true);
            expect((await cloud.snapshots(instance))[0]?.tags[tagKeys.state]).to.equal("complete");
        });
    });

    describe("update", () => {
        it("adds, changes and removes tags, and no others", async () => {
            const inputs = inputsOf({ tags: { keep: "1", change: "1", go: "1" } });
            const { id, outs } = await create(inputs);
            const before = (await cloud.snapshots(instance))[0]!.tags;
            const { go: _, ...kept } = before;
            const news = { ...inputs, tags: { keep: "1", change: "2", come: "3" } };
            await cloud.clearCalls();

            const after = await update(id, outs, news);

            expect(after.outs.tags).to.deep.equal(news.tags);
            expect(after.outs).to.deep.equal({ ...outs, tags: news.tags });
            for (const snapshot of await cloud.snapshots(instance)) {
                expect(snapshot.tags).to.deep.equal({ ...kept, change: "2", come: "3" });
            }
            expect(await operations()).to.deep.equal(["GetCallerIdentity", "CreateTags", "DeleteTags"]);
            expect(diff(id, after.outs, news)).to.deep.equal({ changes: false, replaces: [] });
        });

        it("has room for all of other tags: what stands in the way goes, and the program's own last", async () => {
            const many = (prefix: string) =>
                Object.fromEntries(Array.from({ length: 43 }, (_, n) => [`${prefix}${n}`, "v"]));
            const inputs = inputsOf({ tags: { ...many("a") } });
            const { id, outs } = await create(inputs);
            const other = { ...inputs, tags: many("b") };
            const after = await update(id, outs, other);
            for (const { tags } of await cloud.snapshots(instance)) {
                const own = Object.keys(tags).filter((key) => !key.startsWith("app-consistent-snapshot:"));
                expect(own).to.have.members(Object.keys(other.tags));
            }
            expect(diff(id, after.outs, other)).to.deep.equal({ changes: false, replaces: [] });
        });

        it("adds tags where a stack's default tags have taken the room: those give way", async () => {
            const defaults = Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`d${n}`, "v"]));
            configure(new Map([["aws:defaultTags", JSON.stringify({ tags: defaults })]]));
            try {
                const inputs = inputsOf({ tags: { a: "1" } });
                const { id, outs } = await create(inputs);
                expect(Object.keys((await cloud.snapshots(instance))[0]!.tags)).to.have.length(50);
                const more = { a: "1", b: "2", c: "3", d: "4" };
                await update(id, outs, { ...inputs, tags: more });
                for (const { tags } of await cloud.snapshots(instance)) {
                    expect(tags).to.include({ ...more, [tagKeys.state]: "complete", [tagKeys.size]: "3" });
                }
            } finally {
                configure(new Map());
            }
        });

        it("removes all tags, and then asks nothing", async () => {
            const inputs = inputsOf({ tags: { a: "1" } });
            const { id, outs } = await create(inputs);
            const { tags: _, ...bare } = inputs;
            const after = await update(id, outs, bare);
            expect(after.outs).not.to.have.property("tags");
            expect((await cloud.snapshots(instance))[0]!.tags).not.to.have.property("a");
        });

        it("takes other credentials of the same account", async () => {
            const inputs = inputsOf();
            const { id, outs } = await create(inputs);
            const aws = { assumeRole: { roleArn: "arn:aws:iam::123456789012:role/other" } };
            const after = await update(id, outs, { ...inputs, aws });
            expect(after.outs.aws).to.deep.equal(aws);
            expect(diff(id, after.outs, { ...inputs, aws })).to.deep.equal({ changes: false, replaces: [] });
        });

        it("refuses another region, and changes nothing", async () => {
            const inputs = inputsOf();
            const { id, outs } = await create(inputs);
            await cloud.clearCalls();
            const moved = { ...inputs, aws: { region: "eu-central-1" }, tags: { a: "1" } };
            const error = await rejection<InitError>(update(id, outs, moved));
            expect(error.message).to.match(
                /^WRONG_REGION \(i-.*us-east-1.*eu-central-1.*nothing was changed/,
            );
            expect(error.id).to.equal(undefined);
            expect(await operations()).to.deep.equal([]);
        });

        it("refuses another account, and changes nothing", async () => {
            const inputs = inputsOf();
            const { id, outs } = await create(inputs);
            await cloud.setAccount(OTHER_ACCOUNT);
            const error = await rejection(update(id, outs, { ...inputs, tags: { a: "1" } }));
            expect(error.message).to.match(/^WRONG_ACCOUNT .*123456789012.*210987654321/);
        });

        it("tells of a set that failed meanwhile: it goes, and the next run takes a new one", async () => {
            const { inputs, id, properties } = await unfinished();
            await cloud.failSnapshots([properties.snapshotIds[0]!], "No such key");
            const error = await initError(update(id, properties, inputs));
            expect(error.message).to.match(/^SNAPSHOT_FAILED .*No such key.*the set is deleted\./);
            expect(await ofInstance()).to.deep.equal([]);
            expect(diff(id, error.properties, inputs).replaces).to.deep.equal(["snapshotIds"]);
        });

        it("tells of a set that failed and could not be deleted, by the code of what failed first", async () => {
            const { inputs, id, properties } = await unfinished();
            await cloud.failSnapshots([properties.snapshotIds[0]!], "No such key");
            await cloud.deny("DeleteSnapshot");
            const error = await initError(update(id, properties, inputs));
            expect(error.message).to.match(
                /^SNAPSHOT_FAILED .*No such key.*could not be deleted: ACCESS_DENIED.*ec2:DeleteSnapshot/,
            );
            expect(diff(id, error.properties, inputs).replaces).to.deep.equal(["snapshotIds"]);
            await cloud.reset();
            // The replacement deletes what the state does not name any more.
            await remove(id, error.properties);
            expect(await ofInstance()).to.deep.equal([]);
        });

        it("fails before AWS was told anything: nothing is saved", async () => {
            const { inputs, id, properties } = await unfinished({ tags: { a: "1" }, triggers: ["mon"] });
            await cloud.deny("CreateTags");
            const news = { ...inputs, tags: { a: "2" }, triggers: ["tue"] };
            const error = await rejection<InitError>(update(id, properties, news));
            expect(error.message).to.match(/^ACCESS_DENIED.*ec2:CreateTags/);
            expect(error.id, "the engine keeps the state that there is").to.equal(undefined);
            expect((await cloud.snapshots(instance))[0]!.tags).to.include({ a: "1" });
        });

        it("fails after AWS was told of the tags: they are saved, and nothing else of the inputs", async () => {
            const changes = {
                tags: { a: "1", go: "1" },
                triggers: ["mon"],
                volumes: { excludeBootVolume: true },
            };
            const { inputs, id, properties } = await unfinished(changes);
            const news = { ...inputs, tags: { a: "2" }, triggers: ["tue"], volumes: {} };
            const error = await initError(update(id, properties, news));
            expect(error.message).to.match(/^COMPLETION_PENDING /);
            expect(error.properties).to.deep.equal({ ...properties, tags: { a: "2" } });
            const { tags } = (await cloud.snapshots(instance))[0]!;
            expect(tags).to.include({ a: "2" }).and.not.have.property("go");
            expect(diff(id, error.properties, news).replaces).to.deep.equal(["volumes", "triggers"]);
        });

        it("fails between two changes of tags: the next run makes both", async () => {
            const inputs = inputsOf({ tags: { a: "1", go: "1" } });
            const { id, outs } = await create(inputs);
            await cloud.deny("DeleteTags");
            const news = { ...inputs, tags: { a: "2" } };
            expect((await rejection<InitError>(update(id, outs, news))).id).to.equal(undefined);
            await cloud.reset();
            expect(diff(id, outs, news).changes).to.equal(true);
            expect((await update(id, outs, news)).outs.tags).to.deep.equal({ a: "2" });
            const { tags } = (await cloud.snapshots(instance))[0]!;
            expect(tags).to.include({ a: "2" }).and.not.have.property("go");
        });

        it("of a set that is due to be replaced says so, and keeps what it was taken for", async () => {
            const inputs = inputsOf({ triggers: ["mon"] });
            const { id, outs } = await create(inputs);
            const news = { ...inputs, triggers: ["tue"], tags: { a: "1" } };
            const after = await update(id, outs, news);
            expect(log.lines.join("\n")).to.match(/warning: triggers changed, too: run `pulumi up` again/);
            expect(after.outs).to.deep.equal({ ...outs, tags: { a: "1" } });
            expect(diff(id, after.outs, news).replaces).to.deep.equal(["triggers"]);
        });
    });

    describe("read", () => {
        it("changes nothing when all is well", async () => {
            const { id, outs } = await create(inputsOf({ tags: { a: "1" } }));
            expect(await read(id, outs)).to.deep.equal({ id, props: outs });
        });

        it("notices one that was deleted; the next run replaces the set", async () => {
            const inputs = inputsOf();
            const { id, outs } = await create(inputs);
            const [first] = outs.snapshotIds;
            await cloud.deleteSnapshots([first!]);
            const { props } = await read(id, outs);
            expect(props.lost).to.deep.equal([`${first!} was deleted`]);
            expect(diff(id, props, inputs)).to.deep.equal({ changes: true, replaces: ["snapshotIds"] });
            await remove(id, props);
            expect(await ofInstance()).to.deep.equal([]);
        });

        it("notices one that failed", async () => {
            await cloud.configureSnapshots({ durationMs: 60_000 });
            const inputs = inputsOf({ waitForCompletion: false });
            const { id, outs } = await create(inputs);
            await cloud.failSnapshots([outs.snapshotIds[0]!], "No such key");
            const { props } = await read(id, outs);
            expect(props.lost).to.include(`${outs.snapshotIds[0]!} failed: No such key`);
            expect(diff(id, props, inputs).replaces).to.deep.equal(["snapshotIds"]);
        });

        it("forgets what was wrong when it is well again", async () => {
            const { id, outs } = await create(inputsOf());
            const { props } = await read(id, { ...outs, lost: ["snap-1 was deleted"] });
            expect(props.lost).to.deep.equal([]);
        });

        it("says of a set that is gone that it is, with a warning", async () => {
            const { id, outs } = await create(inputsOf());
            await cloud.deleteSnapshots([...outs.snapshotIds]);
            log.lines.length = 0;
            expect((await read(id, outs)).id).to.equal("");
            expect(log.lines.join()).to.match(/warning: all snapshots of acs-.* are gone from us-east-1/);
        });

        it("never says of a set in another account that it is gone", async () => {
            const { id, outs } = await create(inputsOf());
            await cloud.setAccount(OTHER_ACCOUNT);
            expect((await rejection(read(id, outs))).message).to.match(/^WRONG_ACCOUNT /);
        });

        it("asks the region of the set, whatever the settings say by now", async () => {
            const { id, outs } = await create(inputsOf());
            configure(new Map([["aws:region", "eu-central-1"]]));
            try {
                expect((await read(id, outs)).id).to.equal(id);
            } finally {
                configure(new Map<string, string>());
            }
        });

        it("finds a set by its execution id", async () => {
            const { id, outs } = await create(inputsOf({ tags: { a: "1" } }));
            const { id: found, props } = await read(id, { __provider: PROVIDER } as Partial<State>);
            expect(found).to.equal(id);
            expect(props.snapshotIds).to.deep.equal(outs.snapshotIds);
            expect(props.instance).to.deep.equal(outs.instance);
            expect(props).to.deep.include({
                instanceId: instance.instanceId,
                consistencyLevel: "crash",
                thawPending: false,
                recorded: true,
                startTime: outs.startTime,
                __provider: PROVIDER,
            });
            for (const [index, snapshot] of props.snapshots.entries()) {
                const { volumeId, deviceName, boot, sizeGiB, encrypted } = outs.snapshots[index]!;
                expect(snapshot).to.deep.include({ volumeId, deviceName, boot, sizeGiB, encrypted });
            }
            expect(props.evidence.message).to.match(
                /^The level is what the tags .*level of all its snapshots/,
            );
            // What no tag proves is not there.
            expect(Object.keys(props.evidence).sort()).to.deep.equal([
                "completion",
                "executionId",
                "message",
            ]);
        });

        describe("finds a set that is not whole any more", () => {
            /** One that was vouched for, as its tags say. */
            const vouched = async (level = "application") => {
                const { id, outs } = await create(inputsOf());
                const Tags = [{ Key: tagKeys.level, Value: level }];
                await ec2.send(new CreateTagsCommand({ Resources: [...outs.snapshotIds], Tags }));
                return { id, ids: [...outs.snapshotIds] };
            };

            it("but for its level when it is", async () => {
                const { id } = await vouched();
                const { props } = await read(id, {});
                expect(props).to.deep.include({ consistencyLevel: "application", lost: [] });
                expect(props.evidence).to.not.have.any.keys("held", "apiMs", "requestedAt", "vouchedBy");
            });

            it("as one was deleted", async () => {
                const { id, ids } = await vouched();
                await cloud.deleteSnapshots([ids[1]!]);
                const { props } = await read(id, {});
                expect(props.snapshotIds).to.deep.equal([ids[0], ids[2]]);
                expect(props).to.deep.include({
                    consistencyLevel: "crash",
                    lost: ["1 of 3 snapshots were deleted"],
                });
                expect(props.evidence).to.include({ reason: "SNAPSHOT_LOST" });
                expect(props.evidence.message).to.match(/^The set is not whole: 1 of 3/);
                // A refresh knows no ids of what was gone by then.
                expect((await read(id, props)).props.lost).to.deep.equal(["1 of 3 snapshots were deleted"]);
            });

            it("as they have failed", async () => {
                const { id, ids } = await vouched();
                await cloud.failSnapshots([ids[0]!], "no space");
                const { props } = await read(id, {});
                expect(props.consistencyLevel).to.equal("crash");
                expect(props.lost).to.have.members(ids.map((one) => `${one} failed: no space`));
                expect(props.evidence).to.include({ reason: "SNAPSHOT_LOST", completion: "pending" });
            });

            it("nor vouched for as a whole: the lowest level counts", async () => {
                const { id, ids } = await vouched();
                const Tags = [{ Key: tagKeys.level, Value: "filesystem" }];
                await ec2.send(new CreateTagsCommand({ Resources: [ids[2]!], Tags }));
                expect((await read(id, {})).props.consistencyLevel).to.equal("filesystem");
            });

            it("of an earlier release, which put no size on it: only what is seen is judged, and it says so", async () => {
                const { id, ids } = await vouched();
                await ec2.send(new DeleteTagsCommand({ Resources: ids, Tags: [{ Key: tagKeys.size }] }));
                await cloud.deleteSnapshots([ids[1]!]);
                const { props } = await read(id, {});
                expect(props).to.deep.include({ consistencyLevel: "application", lost: [] });
                expect(props.evidence.message).to.match(/^No tag says how many snapshots the set had/);
            });
        });

        it("finds a set although its instance is gone", async () => {
            const source = await launch();
            const { id, outs } = await create(inputsOf({ instanceId: source.instanceId }));
            await cloud.setInstanceState(source.instanceId, "terminated");
            const { props } = await read(id, {});
            expect([...props.snapshotIds].sort()).to.deep.equal([...outs.snapshotIds].sort());
            expect(props.instance.instanceId).to.equal(source.instanceId);
        });

        it("finds no set by an id that there is none of", async () => {
            const error = await rejection(read("acs-00000000-0000-0000-0000-000000000000", {}));
            expect(error.message).to.match(/^INVALID_INPUT.*no set of snapshots.*us-east-1/);
        });
    });

    describe("an imported set", () => {
        const imported = async (changes: Partial<SnapshotInputs> = {}) => {
            const { id } = await create(inputsOf(changes));
            const clients = await clientsFor(undefined, {});
            const { state } = await importSet(clients, id, AbortSignal.timeout(60_000));
            return { id, olds: { ...state, instanceId: instance.instanceId, __provider: PROVIDER } };
        };

        it("is the program's from the first update on, and says so by its tags", async () => {
            const { id, olds } = await imported({ triggers: ["mon"] });
            const news = inputsOf({
                triggers: ["tue"],
                volumes: { excludeBootVolume: true },
                tags: { a: "1" },
            });
            expect(diff(id, olds, news)).to.deep.equal({ changes: true, replaces: [] });
            const { outs } = await update(id, olds, news);
            expect(diff(id, outs, news)).to.deep.equal({ changes: false, replaces: [] });
            expect(outs).not.to.have.property("adopted");
            expect(outs).to.deep.include({ owner: news.owner, quiesced: { method: "none" } });
            for (const { tags } of await cloud.snapshots(instance)) {
                expect(tags).to.include({ [tagKeys.owner]: ownerTag(news.owner ?? ""), a: "1" });
            }
            expect(log.lines.join("\n")).to.include(`${id} is adopted, as it is: crash`);
            await remove(id, outs);
            expect(await ofInstance()).to.deep.equal([]);
        });

        it("that is below what the program asks for is kept, with a warning", async () => {
            const { id, olds } = await imported();
            await update(id, olds, inputsOf({ minimumLevel: "filesystem" }));
            expect(log.lines.join("\n")).to.include(
                `warning: ${id} is adopted, as it is: crash, below the "filesystem" that the next set must have`,
            );
        });

        it("stays as it was found when AWS could not be told", async () => {
            const { id, olds } = await imported();
            await cloud.fault("CreateTags", { kind: "error", code: "UnauthorizedOperation", status: 403 });
            expect((await rejection(update(id, olds, inputsOf()))).message).to.match(/^ACCESS_DENIED/);
            expect(diff(id, olds, inputsOf())).to.deep.equal({ changes: true, replaces: [] });
        });

        it("is not taken for one of another instance", async () => {
            const { id, olds } = await imported();
            const news = inputsOf({ instanceId: "i-0fedcba9876543210" });
            expect(() => diff(id, olds, news)).to.throw(
                `The imported set ${id} is of ${instance.instanceId}, but the program has i-0fedcba9876543210 here.`,
            );
        });

        it("that is not completed is waited for", async () => {
            await cloud.configureSnapshots({ durationMs: 60_000 });
            const { id, olds } = await imported({ waitForCompletion: false });
            expect(olds.unfinished).to.equal(true);
            await cloud.completeSnapshots([...olds.snapshotIds]);
            const { outs } = await update(id, olds, inputsOf());
            expect(outs.evidence.completion).to.equal("completed");
        });
    });

    describe("delete", () => {
        it("removes the set, and is done when it is done", async () => {
            const { id, outs } = await create(inputsOf());
            await remove(id, outs);
            expect(await ofInstance()).to.deep.equal([]);
            await remove(id, outs);
        });

        it("removes what is left", async () => {
            const { id, outs } = await create(inputsOf());
            await cloud.deleteSnapshots([outs.snapshotIds[1]!]);
            await remove(id, outs);
            expect(await ofInstance()).to.deep.equal([]);
        });

        it("removes what state does not know, by its tag", async () => {
            const { id, outs } = await create(inputsOf());
            await remove(id, { ...outs, snapshotIds: [] });
            expect(await ofInstance()).to.deep.equal([]);
        });

        it("removes pending ones", async () => {
            await cloud.configureSnapshots({ durationMs: 60_000 });
            const { id, outs } = await create(inputsOf({ waitForCompletion: false }));
            await remove(id, outs);
            expect(await ofInstance()).to.deep.equal([]);
        });

        it("never takes those of another account for gone", async () => {
            const { id, outs } = await create(inputsOf());
            await cloud.setAccount(OTHER_ACCOUNT);
            expect((await rejection(remove(id, outs))).message).to.match(/^WRONG_ACCOUNT /);
            await cloud.reset();
            expect(await ofInstance()).to.have.length(3);
        });

        /** As `aws.ec2.Ami` makes it. */
        async function imageOf(id: string, boot: string): Promise<string> {
            const { ImageId } = await ec2.send(
                new RegisterImageCommand({
                    Name: `image-${id}`,
                    RootDeviceName: "/dev/sda1",
                    BlockDeviceMappings: [{ DeviceName: "/dev/sda1", Ebs: { SnapshotId: boot } }],
                }),
            );
            return ImageId!;
        }

        for (const [what, linger] of [
            ["EC2 does not let go of them yet", { holdsMs: 1_500 }],
            ["EC2 still tells of the image", { seenMs: 300 }],
            ["EC2 does neither", { holdsMs: 1_500, seenMs: 300 }],
        ] as const) {
            it(`waits after an image on them was deregistered, while ${what}`, async () => {
                const { id, outs } = await create(inputsOf());
                const ImageId = await imageOf(id, outs.snapshotIds[0]!);
                await cloud.letImagesLinger(linger);
                await ec2.send(new DeregisterImageCommand({ ImageId }));
                await remove(id, outs);
                expect(await ofInstance()).to.deep.equal([]);
            });
        }

        it("does not wait for ever, names the image in EC2's words, and leaves the set whole", async () => {
            const source = await launch();
            const { id, outs } = await create(inputsOf({ instanceId: source.instanceId }));
            const [boot = ""] = outs.snapshotIds;
            const image = "ami-0123456789abcdef0";
            // Of another account: this one may not list it.
            await cloud.fault(
                "DeleteSnapshot",
                {
                    kind: "error",
                    code: "InvalidSnapshot.InUse",
                    status: 400,
                    message: `The snapshot ${boot} is currently in use by ${image}`,
                },
                { times: null, resource: boot },
            );
            const error = await rejection(remove(id, outs));
            expect(error.message).to.match(
                new RegExp(`^SNAPSHOT_IN_USE: ${boot} could not be deleted: EC2 says that ${image} uses it`),
            );
            expect(await ofInstance(source)).to.deep.equal([...outs.snapshotIds].sort());
            await cloud.reset();
            await remove(id, outs);
        });

        it("names the image that one is used by, though it is disabled, and removes nothing", async () => {
            const { id, outs } = await create(inputsOf());
            const ImageId = await imageOf(id, outs.snapshotIds[0]!);
            await ec2.send(new DisableImageCommand({ ImageId }));
            const error = await rejection(remove(id, outs));
            expect(error.message).to.match(new RegExp(`^SNAPSHOT_IN_USE.*${ImageId} is made from it`));
            expect(await ofInstance()).to.have.length(3);
        });

        it("names the image that one is used by, and removes nothing", async () => {
            const source = await launch();
            const { id, outs } = await create(inputsOf({ instanceId: source.instanceId }));
            const [boot] = outs.snapshotIds;
            const ImageId = await imageOf(id, boot!);
            const error = await rejection(remove(id, outs));
            expect(error.message).to.match(
                new RegExp(`^SNAPSHOT_IN_USE.*${boot!}.* cannot be deleted: ${ImageId} is made from it`),
            );
            expect(await ofInstance(source)).to.deep.equal([...outs.snapshotIds].sort());
            expect(await operations()).not.to.include("DeleteSnapshot");
        });

        describe("of a set whose instance may still be frozen", () => {
            const pending = async (of = instance) => {
                const { id, outs } = await create(inputsOf({ instanceId: of.instanceId }));
                return { id, olds: { ...outs, thawPending: true } };
            };

            it("deletes nothing: with the state would go what is known of the freeze", async () => {
                const { id, olds } = await pending();
                for (const state of [olds, { ...olds, snapshotIds: [] }]) {
                    expect((await rejection(remove(id, state))).message).to.match(
                        /^THAW_PENDING \(i-.*THE INSTANCE MAY STILL BE FROZEN; nothing was deleted.*pulumi up/,
                    );
                }
                expect(await ofInstance()).to.have.length(3);
            });

            for (const state of ["stopped", "terminated"] as const) {
                it(`deletes it when the instance is ${state}`, async () => {
                    const source = await launch();
                    const { id, olds } = await pending(source);
                    await cloud.setInstanceState(source.instanceId, state);
                    await remove(id, olds);
                    expect(await ofInstance(source)).to.deep.equal([]);
                });
            }

            it("deletes nothing when EC2 does not say whether the instance runs", async () => {
                const { id, olds } = await pending();
                await cloud.deny("DescribeInstances");
                expect((await rejection(remove(id, olds))).message).to.match(/^ACCESS_DENIED/);
                expect(await ofInstance()).to.have.length(3);
            });
        });

        it("names the permission that is missing", async () => {
            const { id, outs } = await create(inputsOf());
            await cloud.deny("DeleteSnapshot");
            expect((await rejection(remove(id, outs))).message).to.match(
                /^ACCESS_DENIED.*ec2:DeleteSnapshot/,
            );
        });
    });

    describe("diff", () => {
        it("warns that the old instance's snapshots go", () => {
            const olds = { instanceId: instance.instanceId, snapshotIds: ["snap-1"] } as unknown as State;
            diff("acs-1", olds, inputsOf({ instanceId: "i-0ffffffffffffffff" }));
            expect(log.lines.join()).to.match(
                /warning: the instance changes from i-.* to i-0f+: .*retainOnDelete/,
            );
        });

        it("warns of it also when the program replaces the instance, so that its id is not known yet", () => {
            const olds = { instanceId: instance.instanceId, snapshotIds: ["snap-1"] } as unknown as State;
            diff("acs-1", olds, inputsOf({ instanceId: "04da6b54-80e4-46f7-96ec-b56ff0331ba9" }));
            expect(log.lines.join()).to.match(
                /warning: the instance changes from i-.* to one that is not known yet: .*retainOnDelete/,
            );
        });
    });

    describe("state of an older version", () => {
        const ABSENT = ["snapshotIds", "snapshots", "lost", "unfinished", "recorded", "instance"] as const;

        for (const absent of [...ABSENT.map((key) => [key]), ABSENT]) {
            const lacking = (outs: State): State =>
                Object.fromEntries(
                    Object.entries(outs).filter(([key]) => !(absent as readonly string[]).includes(key)),
                ) as unknown as State;

            it(`may lack ${absent.join(", ")}`, async () => {
                const inputs = inputsOf();
                const { id, outs } = await create(inputs);
                const olds = lacking(outs);
                const { props } = await read(id, olds);
                expect(props).to.include({ thawPending: false, recorded: true });
                expect(props.instance).to.deep.equal(outs.instance);
                expect(props.lost).to.deep.equal([]);
                const { outs: updated } = await update(id, olds, { ...inputs, tags: { a: "1" } });
                expect(updated).to.deep.include({ tags: { a: "1" }, unfinished: false, lost: [] });
                await remove(id, olds);
                expect(await ofInstance()).to.deep.equal([]);
            });

            it(`may lack ${absent.join(", ")} while a thaw is pending: that is not forgotten`, async () => {
                const inputs = inputsOf();
                const { id, outs } = await create(inputs);
                const olds = lacking({ ...outs, thawPending: true });
                expect((await read(id, olds)).props.thawPending).to.equal(true);
                const failed = await rejection<InitError>(update(id, olds, inputs));
                expect(failed.message).to.match(/^THAW_PENDING \(i-/);
                expect(failed.properties?.thawPending).to.equal(true);
                expect((await rejection(remove(id, olds))).message).to.match(/^THAW_PENDING \(i-/);
            });
        }
    });

    describe("check", () => {
        it("hands the inputs back as they came", async () => {
            const inputs = inputsOf();
            expect(await check(inputs)).to.deep.equal({ inputs, failures: [] });
            expect(await operations()).to.deep.equal([]);
        });

        it("refuses to exclude every volume", async () => {
            const volumes = { excludeBootVolume: true, excludeDataVolumeIds: instance.volumeIds.slice(1) };
            const { failures } = await check(inputsOf({ volumes }));
            expect(failures).to.deep.equal([
                { property: "volumes", reason: "`volumes` excludes every volume of the instance." },
            ]);
            expect(await ofInstance()).to.deep.equal([]);
        });

        it("refuses to exclude a volume that is not there", async () => {
            const excludeDataVolumeIds = [instance.volumeIds[1]!, "vol-0ffffffffffffffff"];
            const { failures } = await check(inputsOf({ volumes: { excludeDataVolumeIds } }));
            expect(failures).to.have.length(1);
            expect(failures[0]?.property).to.equal("volumes.excludeDataVolumeIds[1]");
            expect(failures[0]?.reason).to.match(/not attached to the instance/);
        });

        it("takes no offence when EC2 cannot be asked, or not yet", async () => {
            const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
            const volumes = { excludeBootVolume: true, excludeDataVolumeIds: instance.volumeIds.slice(1) };
            expect((await check(inputsOf({ volumes, instanceId: unknown }))).failures).to.deep.equal([]);
            await cloud.deny("DescribeInstances");
            expect((await check(inputsOf({ volumes }))).failures).to.deep.equal([]);
        });
    });
});

/** The resource's outputs, and what the provider itself needs to know in later runs. */
const OUTPUTS: (keyof SnapshotState)[] = [
    "snapshotIds",
    "snapshots",
    "consistencyLevel",
    "evidence",
    "instance",
    "thawPending",
    "startTime",
    "quiesced",
    "recorded",
    "unfinished",
    "lost",
];
