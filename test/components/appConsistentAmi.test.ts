import * as aws from "@pulumi/aws";
import { expect } from "chai";
import {
    AppConsistentAmi,
    type AppConsistentAmiArgs,
    AppConsistentSnapshot,
    type AppConsistentSnapshotArgs,
} from "../../index";
import { imageRegistration } from "../../components/imageRegistration";
import { type MockedOptions, type MockedRun, runMocked, valueOf } from "../../lab/engine/mockedEngine";
import {
    AMI,
    COMPONENTS,
    EXECUTION,
    SNAPSHOT,
    boot,
    data,
    linux,
    setOutputs,
} from "../../lab/scenes/snapshotSet";

const none: AppConsistentSnapshotArgs["quiesce"] = { method: "none" };
const vss: AppConsistentSnapshotArgs["quiesce"] = { method: "vss", createImage: true };
const RED_HAT = { usageOperation: "RunInstances:0010", platformDetails: "Red Hat Enterprise Linux" };

const withSet = (set: Record<string, unknown>, preview = false): MockedOptions => ({
    preview,
    stateOf: ({ type, inputs }) => (type === SNAPSHOT ? set : inputs),
});

const imageOf = (
    quiesce: AppConsistentSnapshotArgs["quiesce"],
    options: MockedOptions = withSet(setOutputs()),
    args: Partial<AppConsistentAmiArgs> = {},
): Promise<MockedRun<AppConsistentAmi>> =>
    runMocked(() => {
        const snapshot = new AppConsistentSnapshot("night", { instanceId: linux.instanceId, quiesce });
        return new AppConsistentAmi("web", { snapshot, ...args });
    }, options);

const amisOf = ({ resources }: MockedRun<unknown>) => resources.filter(({ type }) => type === AMI);

describe("AppConsistentAmi", () => {
    it("registers an image that starts as its source did, and says what it was made of", async () => {
        const run = await imageOf(none, undefined, { namePrefix: "golden", tags: { team: "a" } });
        expect(run.errors).to.deep.equal([]);
        const [ami] = amisOf(run);
        expect(ami?.inputs).to.deep.equal({
            name: `golden-${EXECUTION}`,
            region: "eu-central-1",
            ...imageRegistration(linux, [boot, data]),
            tags: {
                team: "a",
                "app-consistent-snapshot:source-set": EXECUTION,
                "app-consistent-snapshot:source-instance": linux.instanceId,
                "app-consistent-snapshot:source-level": "application",
                "app-consistent-snapshot:source-time": "2026-11-24T02:00:00.000Z",
            },
        });
        expect(ami?.parent).to.match(/::app-consistent-snapshot:index:AppConsistentAmi::web$/);
        expect(await valueOf(run.value.imageId)).to.deep.equal({ known: true, value: "web-id" });
        expect((await valueOf(run.value.consistencyLevel)).value).to.equal("application");
    });

    it("is called after the component, as far as EC2 allows", async () => {
        expect(amisOf(await imageOf(none))[0]?.inputs["name"]).to.equal(`web-${EXECUTION}`);
        let refused: unknown;
        await runMocked(() => {
            try {
                const snapshot = new AppConsistentSnapshot("night", {
                    instanceId: linux.instanceId,
                    quiesce: none,
                });
                new AppConsistentAmi("web", { snapshot, namePrefix: "a:b" });
            } catch (error) {
                refused = error;
            }
        });
        expect(String(refused)).to.match(/^Error: AppConsistentAmi "web": `namePrefix` "a:b" must be/);
    });

    it("is previewed while nothing is known of the set", async () => {
        const run = await imageOf(none, withSet({}, true));
        expect(run.errors).to.deep.equal([]);
        expect(amisOf(run)).to.have.length(1);
        expect((await valueOf(run.value.consistencyLevel)).known).to.equal(false);
    });

    for (const preview of [true, false]) {
        it(`refuses what would lose its billing code ${preview ? "at preview" : "before anything is registered"}`, async () => {
            const run = await imageOf(none, withSet(setOutputs(RED_HAT), preview));
            expect(amisOf(run)).to.deep.equal([]);
            expect(run.errors.map(String)).to.have.length(1);
            expect(String(run.errors[0])).to.match(
                /^Error: no image can be registered from the snapshots of i-0123456789abcdef0, because the image would lose its billing code \(Red Hat Enterprise Linux, RunInstances:0010\)\. Launch /,
            );
        });
    }

    describe("of Windows", () => {
        it("is the image that the snapshot made", async () => {
            const run = await imageOf(vss, withSet({ ...setOutputs(), imageId: "ami-1" }));
            expect(run.errors).to.deep.equal([]);
            expect(amisOf(run)).to.deep.equal([]);
            expect((await valueOf(run.value.imageId)).value).to.equal("ami-1");
        });

        it("says so when VSS failed and a plain set, which has no image, took its place", async () => {
            const evidence = { method: "none", reason: "VSS_FAILED", message: "the writers failed" };
            const run = await imageOf(vss, withSet({ ...setOutputs(), evidence }));
            expect(run.errors.map(String).join()).to.match(/the set has no image.*the writers failed/);
        });

        for (const [what, quiesce, args, text] of [
            ["a set without an image", { method: "vss" }, {}, /`quiesce.createImage`/],
            ["a prefix", vss, { namePrefix: "a" }, /`quiesce.createImage.namePrefix`/],
            ["tags", vss, { tags: { a: "b" } }, /use `tags` of the snapshot/],
        ] as [string, AppConsistentSnapshotArgs["quiesce"], Partial<AppConsistentAmiArgs>, RegExp][]) {
            it(`refuses ${what} in the constructor, and names the input`, async () => {
                const failure = await imageOf(quiesce, undefined, args).then(undefined, String);
                expect(failure).to.match(text);
            });
        }
    });

    describe("of a set that is found by its id", () => {
        const found = (set: Record<string, unknown>) =>
            runMocked(
                () =>
                    new AppConsistentAmi("web", { snapshot: AppConsistentSnapshot.get("night", EXECUTION) }),
                withSet(set),
            );

        it("is registered", async () => {
            expect(amisOf(await found(setOutputs()))).to.have.length(1);
        });

        it("is refused for Windows, and its own image named", async () => {
            const run = await found({ ...setOutputs({ platform: "windows" }), imageId: "ami-1" });
            expect(amisOf(run)).to.deep.equal([]);
            expect(run.errors.map(String).join()).to.match(/its output `imageId`/);
        });
    });

    it("hands providers, protection, aliases and transformations on to the image", async () => {
        const { resources, errors } = await runMocked(() => {
            const provider = new aws.Provider("west", { region: "us-west-2" });
            const snapshot = new AppConsistentSnapshot("night", {
                instanceId: linux.instanceId,
                quiesce: none,
            });
            return new AppConsistentAmi(
                "web",
                { snapshot },
                {
                    providers: [provider],
                    protect: true,
                    aliases: [{ name: "old" }],
                    transforms: [({ props, opts }) => ({ props, opts })],
                    transformations: [
                        ({ type, props, opts }) =>
                            type === AMI ? { props: { ...props, imdsSupport: "v2.0" }, opts } : undefined,
                    ],
                },
            );
        }, withSet(setOutputs()));
        expect(errors).to.deep.equal([]);
        const ami = resources.find(({ type }) => type === AMI);
        expect(ami).to.include({ protect: true });
        expect(ami?.provider).to.match(/pulumi:providers:aws::west/);
        expect(ami?.inputs).to.include({ imdsSupport: "v2.0" });
        // The engine derives the children's aliases from their parent's, and runs its transforms on them.
        const component = resources.find(({ type }) => type === COMPONENTS.ami);
        expect(component?.aliases).to.deep.equal(["old"]);
        expect(component?.transforms).to.equal(1);
        expect(ami?.parent).to.match(/AppConsistentAmi::web$/);
    });
});
