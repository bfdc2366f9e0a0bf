import * as aws from "@pulumi/aws";
import { expect } from "chai";
import {
    AppConsistentAmi,
    AppConsistentReplica,
    type AppConsistentReplicaArgs,
    AppConsistentSnapshot,
    type AppConsistentSnapshotArgs,
    type LaunchArgs,
} from "../../index";
import { newExecutionId } from "../../provider/base/executionId";
import {
    type MockedOptions,
    type MockedRun,
    type Registration,
    runMocked,
    valueOf,
} from "../../lab/engine/mockedEngine";
import { AMI, COMPONENTS, EXECUTION, SNAPSHOT, linux, setOutputs } from "../../lab/scenes/snapshotSet";

const COPY = "aws:ec2/amiCopy:AmiCopy";
const TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate";
const INSTANCE = "aws:ec2/instance:Instance";

const launch: LaunchArgs = {
    instanceType: "m7i.large",
    subnetId: "subnet-1",
    vpcSecurityGroupIds: ["sg-1", "sg-2"],
};
const KEY = "arn:aws:kms:eu-west-1:123456789012:key/1";

const withSet = (set: Record<string, unknown>, preview = false): MockedOptions => ({
    preview,
    stateOf: ({ type, inputs }) => {
        switch (type) {
            case SNAPSHOT:
                return set;
            case TEMPLATE:
                return { ...inputs, latestVersion: 7 };
            case INSTANCE:
                return { ...inputs, privateIp: "10.0.0.5" };
            default:
                return inputs;
        }
    },
});

const replicaOf = (
    args: Partial<AppConsistentReplicaArgs> = {},
    options: MockedOptions = withSet(setOutputs()),
    quiesce: AppConsistentSnapshotArgs["quiesce"] = { method: "none" },
): Promise<MockedRun<AppConsistentReplica>> =>
    runMocked(() => {
        const snapshot = new AppConsistentSnapshot("night", { instanceId: linux.instanceId, quiesce });
        return new AppConsistentReplica("db", { snapshot, launch, ...args });
    }, options);

function only({ resources }: MockedRun<unknown>, type: string): Registration {
    const found = resources.filter((resource) => resource.type === type);
    expect(found, type).to.have.length(1);
    return found[0]!;
}

const typesOf = ({ resources }: MockedRun<unknown>) => resources.map(({ type }) => type).sort();

describe("AppConsistentReplica", () => {
    it("is an encrypted copy of the image and a launch template; nothing runs", async () => {
        const run = await replicaOf({ region: "eu-west-1", kmsKeyId: KEY });
        expect(run.errors).to.deep.equal([]);
        expect(typesOf(run)).to.deep.equal(
            [SNAPSHOT, COMPONENTS.replica, COMPONENTS.ami, AMI, COPY, TEMPLATE].sort(),
        );
        const { name, tags, ...copy } = only(run, COPY).inputs;
        expect(copy).to.deep.equal({
            region: "eu-west-1",
            sourceAmiId: "db-id",
            sourceAmiRegion: "eu-central-1",
            encrypted: true,
            kmsKeyId: KEY,
        });
        expect(name).to.match(new RegExp(`^db-${EXECUTION}-[0-9a-f]{8}$`));
        expect(name).not.to.equal(only(run, AMI).inputs["name"]);
        expect(tags).to.include({ Name: "db", "app-consistent-snapshot:source-level": "application" });
        expect(only(run, TEMPLATE).inputs).to.deep.equal({
            region: "eu-west-1",
            imageId: "db-id",
            updateDefaultVersion: true,
            instanceType: "m7i.large",
            networkInterfaces: [
                {
                    deviceIndex: 0,
                    deleteOnTermination: "true",
                    subnetId: "subnet-1",
                    securityGroups: ["sg-1", "sg-2"],
                },
            ],
            metadataOptions: { httpEndpoint: "enabled", httpTokens: "required", httpPutResponseHopLimit: 2 },
            tags,
        });
        expect(await valueOf(run.value.launchTemplateId)).to.deep.equal({ known: true, value: "db-id" });
        expect((await valueOf(run.value.instanceId)).value).to.equal(undefined);
        expect((await valueOf(run.value.privateIp)).value).to.equal(undefined);
        expect((await valueOf(run.value.consistencyLevel)).value).to.equal("application");
    });

    it("has an image of its own beside an AppConsistentAmi of one name and one set", async () => {
        const { resources, errors } = await runMocked(
            () => {
                const snapshot = new AppConsistentSnapshot("night", {
                    instanceId: linux.instanceId,
                    quiesce: { method: "none" },
                });
                new AppConsistentAmi("db", { snapshot });
                return new AppConsistentReplica("db", { snapshot, launch });
            },
            withSet({ ...setOutputs(), id: newExecutionId() }),
        );
        expect(errors).to.deep.equal([]);
        const names = resources
            .filter(({ type }) => type === AMI || type === COPY)
            .map(({ inputs }) => inputs["name"]);
        expect(names).to.have.length(3);
        expect(new Set(names)).to.have.property("size", 3);
    });

    it("stays in the snapshots' region unless told otherwise", async () => {
        const run = await replicaOf();
        for (const type of [COPY, TEMPLATE]) {
            expect(only(run, type).inputs["region"], type).to.equal("eu-central-1");
        }
        expect(only(run, COPY).inputs).not.to.have.property("kmsKeyId");
    });

    it("has a name of its own for each key, as another key replaces the copy", async () => {
        const before = only(await replicaOf(), COPY).inputs["name"];
        const after = only(await replicaOf({ kmsKeyId: KEY }), COPY).inputs["name"];
        expect(after).not.to.equal(before);
    });

    it("puts all of a launch into the template", async () => {
        const all = { ...launch, keyName: "k", privateIp: "10.0.0.5", userData: "#!/bin/sh\necho ü\n" };
        const byName = await replicaOf({ launch: { ...all, iamInstanceProfile: "profile" } });
        expect(only(byName, TEMPLATE).inputs).to.deep.include({
            keyName: "k",
            iamInstanceProfile: { name: "profile" },
            userData: Buffer.from(all.userData).toString("base64"),
        });
        expect(only(byName, TEMPLATE).inputs).to.nested.include({
            "networkInterfaces[0].privateIpAddress": "10.0.0.5",
        });
        const arn = "arn:aws:iam::123456789012:instance-profile/profile";
        const byArn = await replicaOf({ launch: { ...all, iamInstanceProfile: arn } });
        expect(only(byArn, TEMPLATE).inputs).to.deep.include({ iamInstanceProfile: { arn } });
    });

    it("runs when it is activated, and nothing but the end of that replaces what runs", async () => {
        const run = await replicaOf({ activate: true, region: "eu-west-1" });
        const { tags } = only(run, COPY).inputs;
        const instance = only(run, INSTANCE);
        expect(instance.inputs).to.deep.equal({
            region: "eu-west-1",
            launchTemplate: { id: "db-id", version: "7" },
            tags,
        });
        expect(instance.ignoreChanges).to.deep.equal(["launchTemplate", "tags", "region"]);
        expect(instance.deleteBeforeReplace).to.equal(false);
        expect((await valueOf(run.value.instanceId)).value).to.equal("db-id");
        expect((await valueOf(run.value.privateIp)).value).to.equal("10.0.0.5");
        expect(typesOf(await replicaOf({ activate: false }))).not.to.include(INSTANCE);
    });

    it("frees a fixed address before another instance takes it", async () => {
        const run = await replicaOf({ activate: true, launch: { ...launch, privateIp: "10.0.0.5" } });
        expect(only(run, INSTANCE).deleteBeforeReplace).to.equal(true);
    });

    it("lets EC2 copy for a day: the provider's own limit is 40 minutes", async () => {
        expect(only(await replicaOf(), COPY).createTimeout).to.equal("24h");
    });

    it("of Windows is a copy of the image that the snapshot made", async () => {
        const run = await replicaOf({}, withSet({ ...setOutputs(), imageId: "ami-1" }), {
            method: "vss",
            createImage: true,
        });
        expect(run.errors).to.deep.equal([]);
        expect(typesOf(run)).not.to.include(AMI);
        expect(only(run, COPY).inputs["sourceAmiId"]).to.equal("ami-1");
    });

    it("of Windows without an image is refused in the constructor", async () => {
        const failure = await replicaOf({}, undefined, { method: "vss" }).then(undefined, String);
        expect(failure).to.match(/`quiesce.createImage`/);
    });

    it("is not begun where there can be no image", async () => {
        const run = await replicaOf(
            { activate: true },
            withSet(setOutputs({ usageOperation: "RunInstances:000g" })),
        );
        expect(typesOf(run)).to.deep.equal([COMPONENTS.ami, COMPONENTS.replica, SNAPSHOT].sort());
        expect(run.errors.map(String).join()).to.match(/billing code/);
    });

    it("is previewed as a whole while nothing is known of the set", async () => {
        const run = await replicaOf({ activate: true }, withSet({}, true));
        expect(run.errors).to.deep.equal([]);
        expect(typesOf(run)).to.include.members([AMI, COPY, TEMPLATE, INSTANCE]);
        expect((await valueOf(run.value.consistencyLevel)).known).to.equal(false);
    });

    it("hands providers and protection on to all that belongs to it", async () => {
        const { resources, errors } = await runMocked(() => {
            const provider = new aws.Provider("west", { region: "us-west-2" });
            const snapshot = new AppConsistentSnapshot("night", {
                instanceId: linux.instanceId,
                quiesce: { method: "none" },
            });
            const options = { providers: [provider], protect: true };
            return new AppConsistentReplica("db", { snapshot, launch, activate: true }, options);
        }, withSet(setOutputs()));
        expect(errors).to.deep.equal([]);
        const children = resources.filter(({ type }) => type.startsWith("aws:"));
        expect(children.map(({ type }) => type).sort()).to.deep.equal([AMI, COPY, INSTANCE, TEMPLATE].sort());
        for (const { type, provider, protect, parent } of children) {
            expect(provider, type).to.match(/pulumi:providers:aws::west/);
            expect(protect, type).to.equal(true);
            expect(parent, type).to.match(/AppConsistentReplica(\$.*)?::db$/);
        }
    });
});
