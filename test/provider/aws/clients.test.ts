import { expect } from "chai";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ClientCache } from "../../../provider/aws/clientCache";
import type { AwsSettings, StackConfig } from "../../../provider/aws/awsConfig";
import { accountOf, clientsFor } from "../../../provider/aws/clients";
import { findInstance } from "../../../provider/aws/instance";
import { configure, create } from "../../../lab/scenes/lifecycle";
import { CapturedLog } from "../../../lab/capturedLog";
import type { CloudCall, LocalCloud } from "../../../lab/cloud/localCloud";
import { rejection } from "../../../lab/rejection";
import { sharedCloud, useCloud } from "../../../lab/cloud/sharedCloud";

const signal = new AbortController().signal;
const roleOf = (name: string, accountId = "123456789012") => ({
    roleArn: `arn:aws:iam::${accountId}:role/${name}`,
});

describe("AWS settings", () => {
    let cloud: LocalCloud;
    let folder: string;
    let restore: () => void;

    before(async () => {
        cloud = await sharedCloud();
        folder = mkdtempSync(join(tmpdir(), "aws-settings-"));
        const profiles = ["default", "backup", "other"].map(
            (name) =>
                `[${name}]\naws_access_key_id = AKIA${name.toUpperCase()}\naws_secret_access_key = secret\n`,
        );
        writeFileSync(join(folder, "credentials"), profiles.join("\n"));
        writeFileSync(join(folder, "config"), "[profile backup]\nregion = ap-south-1\n");
    });

    beforeEach(() => cloud.clearCalls());

    afterEach(async () => {
        restore();
        await cloud.reset();
    });

    after(() => rmSync(folder, { recursive: true, force: true }));

    const use = (more: Record<string, string> = {}, without: string[] = []) => {
        restore = useCloud(cloud, {
            AWS_CONFIG_FILE: join(folder, "config"),
            AWS_SHARED_CREDENTIALS_FILE: join(folder, "credentials"),
            ...more,
        });
        without.forEach((name) => Reflect.deleteProperty(process.env, name));
    };

    /** How EC2 is called with these settings. */
    async function callOf(settings?: AwsSettings, config?: StackConfig): Promise<CloudCall> {
        const clients = await clientsFor(settings, config);
        await findInstance(clients, "i-0ffffffffffffffff", signal);
        const call = (await cloud.calls()).find(({ operation }) => operation === "DescribeInstances")!;
        expect(call.region).to.equal(clients.region);
        return call;
    }

    // Each row names a region or a role of its own: what is the same shares the clients of another test.
    const rows: [what: string, AwsSettings, StackConfig, env: Record<string, string>, Partial<CloudCall>][] =
        [
            [
                "nothing: the environment",
                {},
                { "aws:x": "1" },
                {},
                { region: "us-east-1", accessKeyId: "AKIALOCALCLOUD000001" },
            ],
            [
                "a region in the environment",
                {},
                { "aws:x": "2" },
                { AWS_REGION: "us-west-1" },
                { region: "us-west-1" },
            ],
            ["the stack's region", {}, { "aws:region": "us-west-2" }, {}, { region: "us-west-2" }],
            [
                "the resource's region",
                { region: "sa-east-1" },
                { "aws:region": "us-west-2" },
                {},
                { region: "sa-east-1" },
            ],
            [
                "the stack's keys",
                {},
                { "aws:region": "eu-west-1", "aws:accessKey": "AKIASTACK", "aws:secretKey": "secret" },
                {},
                { region: "eu-west-1", accessKeyId: "AKIASTACK" },
            ],
            [
                "the stack's profile",
                {},
                { "aws:region": "eu-west-3", "aws:profile": "backup" },
                {},
                { accessKeyId: "AKIABACKUP" },
            ],
            [
                "the resource's profile, before the stack's",
                { profile: "other" },
                { "aws:region": "eu-north-1", "aws:profile": "backup" },
                {},
                { accessKeyId: "AKIAOTHER" },
            ],
            [
                "the resource's profile, before the stack's keys",
                { profile: "other" },
                { "aws:region": "eu-south-1", "aws:accessKey": "AKIASTACK", "aws:secretKey": "secret" },
                {},
                { accessKeyId: "AKIAOTHER" },
            ],
            [
                "AWS_PROFILE",
                { region: "ca-central-1" },
                {},
                { AWS_PROFILE: "backup" },
                { accessKeyId: "AKIABACKUP" },
            ],
        ];
    for (const [what, settings, config, env, expected] of rows) {
        it(`take ${what}`, async () => {
            use(env);
            expect(await callOf(settings, config)).to.deep.include(expected);
        });
    }

    it("take the profile's region when none is named elsewhere", async () => {
        use({}, ["AWS_REGION"]);
        expect(await callOf({ profile: "backup" })).to.deep.include({
            region: "ap-south-1",
            accessKeyId: "AKIABACKUP",
        });
    });

    describe("in an environment whose variables are empty, as a CI has them without a value", () => {
        it("take the profile's region", async () => {
            use({ AWS_REGION: "", AWS_DEFAULT_REGION: "" });
            expect((await callOf({ profile: "backup" })).region).to.equal("ap-south-1");
        });

        it("take the other variable", async () => {
            use({ AWS_REGION: "", AWS_DEFAULT_REGION: "eu-south-2" });
            expect((await callOf({ profile: "other" })).region).to.equal("eu-south-2");
        });

        it("take the default profile, and its keys", async () => {
            const EMPTY = ["AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];
            const roles = ["AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ENDPOINT_URL_EC2"];
            use(Object.fromEntries([...EMPTY, ...roles].map((name) => [name, ""])));
            expect((await callOf({ region: "il-central-1" })).accessKeyId).to.equal("AKIADEFAULT");
        });

        it("are without a region where none is named elsewhere", async () => {
            use({ AWS_REGION: "", AWS_DEFAULT_REGION: "" });
            expect((await rejection(clientsFor({ profile: "other" }))).message).to.match(/^WRONG_REGION/);
        });
    });

    it("without any region are an error that names where to set it", async () => {
        use({}, ["AWS_REGION"]);
        const error = await rejection(clientsFor({ profile: "other" }));
        expect(error.message).to.match(
            /^WRONG_REGION: No AWS region is set.*`aws: \{ region \}`.*aws:region.*AWS_REGION/,
        );
    });

    it("assume the resource's role, and really use its credentials", async () => {
        use();
        const assumeRole = {
            ...roleOf("backup"),
            sessionName: "nightly",
            externalId: "secret-word",
            durationSeconds: 1800,
            sourceIdentity: "ci",
        };
        const call = await callOf(
            { assumeRole },
            { "aws:assumeRoles": JSON.stringify([roleOf("not-this-one")]) },
        );
        const assumed = (await cloud.calls()).filter(({ operation }) => operation === "AssumeRole");
        expect(assumed.map(({ parameters }) => parameters)).to.have.length(1);
        expect(assumed[0]?.parameters).to.include({
            RoleArn: assumeRole.roleArn,
            RoleSessionName: "nightly",
            ExternalId: "secret-word",
            DurationSeconds: 1800,
            SourceIdentity: "ci",
        });
        expect(assumed[0]?.accessKeyId).to.equal("AKIALOCALCLOUD000001");
        expect(call.accessKeyId).to.match(/^ASIA/);
    });

    it("assume the stack's roles one after the other, with the stack's keys first", async () => {
        use();
        const config = {
            "aws:accessKey": "AKIACHAIN",
            "aws:secretKey": "secret",
            "aws:assumeRoles": JSON.stringify([roleOf("first"), roleOf("second", "210987654321")]),
        };
        const clients = await clientsFor({}, config);
        expect(await accountOf(clients, signal)).to.equal("210987654321");
        const assumed = (await cloud.calls()).filter(({ operation }) => operation === "AssumeRole");
        expect(assumed.map(({ parameters }) => parameters.RoleArn)).to.deep.equal([
            roleOf("first").roleArn,
            roleOf("second", "210987654321").roleArn,
        ]);
        expect(assumed[0]?.accessKeyId).to.equal("AKIACHAIN");
        expect(assumed[1]?.accessKeyId).to.match(/^ASIA/);
    });

    it("give a role all that the stack's config says of it", async () => {
        use();
        const policyArns = ["arn:aws:iam::aws:policy/ReadOnlyAccess"];
        const role = {
            ...roleOf("whole"),
            duration: "30m",
            policy: "{}",
            policyArns,
            sourceIdentity: "me",
            tags: { team: "data" },
            transitiveTagKeys: ["team"],
        };
        await callOf({}, { "aws:assumeRoles": JSON.stringify([role]) });
        const [assumed] = (await cloud.calls()).filter(({ operation }) => operation === "AssumeRole");
        expect(JSON.stringify(assumed?.parameters))
            .to.include("1800")
            .and.include(policyArns[0])
            .and.include("SourceIdentity")
            .and.include("data")
            .and.include("TransitiveTagKeys");
    });

    it("allow no other account than the stack's config does", async () => {
        use();
        for (const config of [
            { "aws:allowedAccountIds": '["210987654321"]' },
            { "aws:forbiddenAccountIds": '["123456789012"]' },
        ]) {
            const error = await rejection(accountOf(await clientsFor({}, config), signal));
            expect(error.message).to.match(/^WRONG_ACCOUNT: .*123456789012.*aws:allowedAccountIds/);
        }
        const allowed = await clientsFor({}, { "aws:allowedAccountIds": '["123456789012"]' });
        expect(await accountOf(allowed, signal)).to.equal("123456789012");
    });

    it("are the FIPS and dual-stack endpoints where the stack says so", async () => {
        use({}, ["AWS_ENDPOINT_URL"]);
        const clients = await clientsFor(
            {},
            { "aws:useFipsEndpoint": "true", "aws:useDualstackEndpoint": "true" },
        );
        expect(await clients.ec2.config.useFipsEndpoint()).to.equal(true);
        expect(await clients.ec2.config.useDualstackEndpoint()).to.equal(true);
    });

    it("are an error when the stack's roles are no list of roles, without quoting them", async () => {
        use();
        for (const text of ["{secret", '"secret"', "[5]", '[{"roleArn":5,"x":"secret"}]']) {
            const error = await rejection(clientsFor({}, { "aws:assumeRoles": text }));
            expect(error.message).to.match(/^INVALID_INPUT: .*aws:assumeRoles/);
            expect(error.message).not.to.include("secret");
        }
    });

    it("share clients only when they are the same", async () => {
        use();
        const config = { "aws:accessKey": "AKIAA", "aws:secretKey": "secret" };
        const cache = new ClientCache();
        const first = await cache.for({ region: "us-east-2" }, config);
        expect(await cache.for({ region: "us-east-2" }, { ...config, "other:region": "x" })).to.equal(first);
        expect(await cache.for({ region: "us-east-1" }, config)).not.to.equal(first);
        expect(
            await cache.for({ region: "us-east-2" }, { ...config, "aws:accessKey": "AKIAB" }),
        ).not.to.equal(first);
    });

    it("that failed are tried anew", async () => {
        use({}, ["AWS_REGION"]);
        const settings = { profile: "default" };
        const cache = new ClientCache();
        await rejection(cache.for(settings));
        restore();
        use({ AWS_REGION: "us-east-1" });
        expect((await cache.for(settings)).region).to.equal("us-east-1");
    });

    it("reach a whole run: region of the stack, role of the resource", async () => {
        use();
        const region = "eu-central-1";
        const instance = await cloud.createInstance({ region, volumes: 1 });
        await cloud.configureSnapshots({ durationMs: 0 });
        const log = new CapturedLog();
        try {
            configure(new Map([["aws:region", region]]));
            await cloud.clearCalls();
            const { outs } = await create({
                instanceId: instance.instanceId,
                quiesce: { method: "none" },
                aws: { assumeRole: roleOf("runner") },
            });
            expect(outs.instance).to.include({ region, accountId: "123456789012" });
            expect(outs.aws).to.deep.equal({ assumeRole: roleOf("runner") });
            const ofEc2 = (await cloud.calls()).filter(({ service }) => service === "ec2");
            expect(new Set(ofEc2.map((call) => call.region))).to.deep.equal(new Set([region]));
            expect(ofEc2.every((call) => call.accessKeyId.startsWith("ASIA"))).to.equal(true);
        } finally {
            log.restore();
            configure(new Map<string, string>());
        }
    });
});
