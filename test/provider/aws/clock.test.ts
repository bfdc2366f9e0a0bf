import { DescribeInstancesCommand, EC2Client } from "@aws-sdk/client-ec2";
import { ListCommandsCommand, SSMClient } from "@aws-sdk/client-ssm";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { expect } from "chai";
import { findInstance } from "../../../provider/aws/instance";
import { clientsFor } from "../../../provider/aws/clients";
import { AwsClock } from "../../../provider/aws/clock";
import { createSnapshots } from "../../../provider/aws/createSnapshots";
import { request } from "../../../provider/aws/request";
import { sendCommand } from "../../../provider/aws/systemsManager";
import type { SnapshotInputs } from "../../../provider/inputs/inputs";
import { configure, create } from "../../../lab/scenes/lifecycle";
import { CapturedLog } from "../../../lab/capturedLog";
import type { CloudInstance, LocalCloud } from "../../../lab/cloud/localCloud";
import { LocalSystemsManager } from "../../../lab/cloud/localSystemsManager";
import { rejection } from "../../../lab/rejection";
import { sharedCloud, useCloud } from "../../../lab/cloud/sharedCloud";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

describe("AwsClock", () => {
    let wall: number;
    let monotonic: number;
    let clock: AwsClock;
    beforeEach(() => {
        wall = 1_000_000;
        monotonic = 50;
        clock = new AwsClock(
            () => wall,
            () => monotonic,
        );
    });
    const pass = (ms: number) => {
        wall += ms;
        monotonic += ms;
    };

    it("is this machine's until AWS has answered", () => {
        expect(clock.offsetMs).to.equal(0);
        expect(clock.now()).to.equal(wall);
    });

    it("is AWS's from then on", () => {
        clock.offsetMs = HOUR;
        pass(7_000);
        expect(clock.offsetMs).to.equal(HOUR);
        expect(clock.now()).to.equal(1_000_000 + HOUR + 7_000);
    });

    it("goes on when this machine's clock is stepped", () => {
        clock.offsetMs = 0;
        pass(3_000);
        wall += 20 * MINUTE;
        expect(clock.offsetMs).to.equal(-20 * MINUTE);
        expect(clock.now()).to.equal(1_003_000);
    });

    it("believes the last answer", () => {
        clock.offsetMs = HOUR;
        clock.offsetMs = -HOUR;
        expect(clock.offsetMs).to.equal(-HOUR);
    });

    it("is one for all clients that share it", () => {
        const ec2 = clock.share(new EC2Client({ region: "us-east-1" }));
        const ssm = clock.share(new SSMClient({ region: "us-east-1" }));
        ec2.config.systemClockOffset = HOUR;
        expect(ssm.config.systemClockOffset).to.equal(HOUR);
    });
});

describe("a machine whose clock is off", () => {
    const realNow = Date.now;
    let cloud: LocalCloud;
    let instance: CloudInstance;
    let restore: () => void;
    let log: CapturedLog;
    let used = 0;

    before(async () => {
        cloud = await sharedCloud();
        configure(new Map<string, string>());
    });
    beforeEach(async () => {
        // A session of its own for each test: what a client has learnt of the clock stays with it.
        restore = useCloud(cloud, { AWS_SESSION_TOKEN: `clock-${(used += 1)}` });
        instance = await cloud.createInstance({ volumes: 2 });
        await cloud.configureSnapshots({ durationMs: 0 });
        await cloud.clearCalls();
        log = new CapturedLog();
    });
    afterEach(async () => {
        Date.now = realNow;
        log.restore();
        restore();
        await cloud.reset();
    });

    const inputs = (more: Partial<SnapshotInputs> = {}): SnapshotInputs => ({
        instanceId: instance.instanceId,
        quiesce: { method: "none" },
        owner: "urn:pulumi:dev::shop::ec2:AppConsistentSnapshot::clock",
        ...more,
    });
    const calls = async (operation: string, dryRun = false) =>
        (await cloud.calls()).filter((call) => call.operation === operation && call.dryRun === dryRun);

    for (const [what, offset] of [
        ["6 min behind AWS's", 6 * MINUTE],
        ["6 min ahead of it", -6 * MINUTE],
        ["a day behind", 24 * HOUR],
        ["a day ahead", -24 * HOUR],
    ] as const) {
        for (const code of ["AuthFailure", "RequestExpired"] as const) {
            it(`takes the set by one request: ${what}, which EC2 calls ${code}`, async () => {
                await cloud.setClock(offset, code);
                const { outs } = await create(inputs());
                expect(outs.snapshotIds).to.have.length(2);
                expect((await calls("CreateSnapshots")).map((call) => call.code)).to.deep.equal(["Success"]);
            });
        }
    }

    for (const [what, offset] of [
        ["an hour behind", HOUR],
        ["an hour ahead", -HOUR],
    ] as const) {
        it(`takes the set with credentials of a role that end in an hour: ${what}`, async () => {
            await cloud.setClock(offset);
            const roleArn = "arn:aws:iam::123456789012:role/clock";
            await create(inputs({ aws: { assumeRole: { roleArn } } }));
        });
    }

    it("repeats no answer that has nothing to do with it", async () => {
        await cloud.setClock(HOUR);
        await create(inputs());
        expect((await calls("CreateSnapshots", true)).map((call) => call.code)).to.deep.equal([
            "DryRunOperation",
        ]);
    });

    it("has leases by AWS's clock, which all who read them share", async () => {
        await cloud.setClock(HOUR);
        await create(inputs());
        const [snapshot] = await cloud.snapshots(instance);
        const lease = Date.parse(snapshot!.tags["app-consistent-snapshot:lease"]!);
        expect(lease - Date.now()).to.be.within(HOUR + 13 * MINUTE, HOUR + 16 * MINUTE);
    });

    for (const [what, step] of [
        ["forward", 20 * MINUTE],
        ["back", -20 * MINUTE],
    ] as const) {
        it(`takes the set though its clock is stepped ${what} since AWS answered last`, async () => {
            const own = (await clientsFor()).ownConnection();
            const { instanceId } = instance;
            try {
                await findInstance(own.clients, instanceId, AbortSignal.timeout(30_000));
                Date.now = () => realNow() + step;
                const set = {
                    instanceId,
                    description: "",
                    selection: undefined,
                    copyTagsFromVolumes: false,
                    tags: [{ Key: "a", Value: "b" }],
                };
                await createSnapshots(own.clients, set, 30_000, new AbortController().signal);
            } finally {
                own.close();
            }
            expect((await calls("CreateSnapshots")).map((call) => call.code)).to.deep.equal(["Success"]);
        });
    }

    it("sends a command by one request", async () => {
        const ssm = new LocalSystemsManager(cloud);
        const windows = await cloud.createInstance({ platform: "windows" });
        await ssm.manage(windows.instanceId);
        await cloud.setClock(HOUR);
        const clients = await clientsFor();
        const signal = AbortSignal.timeout(30_000);
        // As each run begins: by a question that is asked again when it is refused.
        await findInstance(clients, windows.instanceId, signal);
        const command = {
            instanceId: windows.instanceId,
            document: "AWS-RunPowerShellScript",
            parameters: { commands: "$true" },
            comment: "clock",
        };
        await sendCommand(clients, command, signal);
        expect((await calls("SendCommand")).map((call) => call.code)).to.deep.equal(["Success"]);
    });

    for (const [service, offset, told] of [
        ["EC2", 10 * MINUTE, "10 min behind"],
        ["EC2", -10 * MINUTE, "10 min ahead of"],
        ["STS", 10 * MINUTE, "10 min behind"],
        ["STS", -10 * MINUTE, "10 min ahead of"],
        ["SSM", 10 * MINUTE, "10 min behind"],
        ["SSM", -10 * MINUTE, "10 min ahead of"],
    ] as const) {
        it(`is named, ${told} AWS's, when nothing corrects it: ${service}`, async () => {
            await cloud.setClock(offset);
            const config = { ...cloud.clientConfig(), maxAttempts: 1, disableClockSkewCorrection: true };
            const ask = {
                EC2: () => new EC2Client(config).send(new DescribeInstancesCommand({})),
                STS: () => new STSClient(config).send(new GetCallerIdentityCommand({})),
                SSM: () => new SSMClient(config).send(new ListCommandsCommand({})),
            }[service];
            const { message } = await rejection(request("operation", AbortSignal.timeout(30_000), ask));
            expect(message).to.match(/^CREDENTIALS: operation: .*What to do: Set this machine's clock./);
            expect(message).to.include(`This machine's clock is ${told} AWS's`);
        });
    }

    it("is not named when AWS refuses what has nothing to do with it", async () => {
        await cloud.setClock(HOUR);
        await cloud.deny("DescribeInstances");
        const asked = findInstance(await clientsFor(), instance.instanceId, AbortSignal.timeout(30_000));
        expect((await rejection(asked)).message)
            .to.match(/^ACCESS_DENIED/)
            .and.not.include("clock");
    });

    it("is suspected when a request has expired, though it is right", async () => {
        await cloud.expireCredentials();
        const asked = findInstance(await clientsFor(), instance.instanceId, AbortSignal.timeout(30_000));
        expect((await rejection(asked)).message).to.match(
            /^CREDENTIALS: .*RequestExpired.*What to do: Check this machine's clock..*renew the AWS credentials/,
        );
    });
});
