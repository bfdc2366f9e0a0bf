import { EC2Client, RegisterImageCommand } from "@aws-sdk/client-ec2";
import { expect } from "chai";
import { reasonCodes } from "../provider/base/errors";
import { hiddenInputs, schemas } from "../provider/inputs/inputs";
import { limits } from "../provider/inputs/timeouts";
import {
    AppConsistentAmi,
    AppConsistentReplica,
    AppConsistentSnapshot,
    InstanceHostKeys,
    RestoreTest,
} from "../index";
import { runMocked } from "../lab/engine/mockedEngine";
import * as lifecycle from "../lab/scenes/lifecycle";
import { createHostKeys } from "../provider/lifecycle/hostKeys";
import { Session } from "../provider/lifecycle/session";
import { type LocalCloud, consoleOutputOfHostKeys, startLocalCloud } from "../lab/cloud/localCloud";
import { README, actionsOf, firstColumn, listedNames, policiesOf, sectionOf } from "./pages";

const OF_THE_TEST = "ec2:RegisterImage";
const PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHUmZ2tcJ0DLg0B9HTCkC6Bv4FhvAbcWbDvuyNkcKTTe";

/** The page that tells all of them, and README's own table. */
const INPUTS = "docs/inputs.md";

describe("README and its pages", () => {
    for (const [page, heading] of [
        [README, "Inputs"],
        [INPUTS, "AppConsistentSnapshot"],
    ] as const) {
        it(`${page} lists every input, and no other`, () => {
            const inputs = Object.keys(schemas.snapshot.shape).filter((key) => !hiddenInputs.includes(key));
            expect(firstColumn(sectionOf(page, heading))).to.have.members(inputs);
        });
    }

    it("list every input of quiesce by hooks", () => {
        const [hooks] = schemas.snapshot.shape.quiesce.options;
        const section = sectionOf(INPUTS, "`quiesce` by hooks");
        const inputs = Object.keys(hooks.shape).filter((key) => key !== "method");
        expect(firstColumn(section)).to.have.members(inputs);
        for (const field of Object.keys(hooks.shape.connection.shape)) {
            expect(section).to.contain(`\`${field}\``);
        }
    });

    it("list every timeout with its default", () => {
        const section = sectionOf(INPUTS, "Timeouts");
        expect(firstColumn(section)).to.have.members(Object.keys(limits));
        for (const [name, { usual: seconds }] of Object.entries(limits)) {
            expect(section).to.match(new RegExp(`\\| \`${name}\` +\\| ${seconds} +\\|`));
        }
    });

    it("explain every reason code, and no other", () => {
        expect(listedNames(sectionOf("docs/outcomes.md", "Error codes"))).to.have.members([...reasonCodes]);
    });

    it("name the types that the resources have", async () => {
        const { resources } = await runMocked(
            () => {
                const snapshot = new AppConsistentSnapshot("a", {
                    instanceId: "i-12345678",
                    quiesce: { method: "none" },
                });
                new InstanceHostKeys("a", { instanceId: "i-12345678" });
                new AppConsistentAmi("a", { snapshot });
                const launch = { instanceType: "t3.micro", subnetId: "s", vpcSecurityGroupIds: [] };
                new AppConsistentReplica("b", { snapshot, launch });
                const connection = { user: "u", insecureIgnoreHostKey: true };
                new RestoreTest("c", {
                    imageId: "ami-12345678",
                    launch,
                    connection,
                    verify: { path: "/verify" },
                });
            },
            { preview: true },
        );
        const types = new Set(resources.map(({ type }) => type).filter((type) => !type.startsWith("aws:")));
        expect(types.size).to.be.at.least(4);
        const text = sectionOf(README, "Outputs");
        for (const type of types) {
            const last = type.slice(type.lastIndexOf(":"));
            const family = type.slice(0, -last.length);
            expect(
                text.includes(`\`${type}\``) ||
                    (text.includes(`\`${family}:`) && text.includes(`\`${last}\``)),
                type,
            ).to.equal(true);
        }
    });

    describe("the IAM policy", function () {
        this.timeout(60_000);
        let cloud: LocalCloud;
        const policy = ["Whoever runs `pulumi up`", "Host keys"]
            .flatMap((heading) => policiesOf(sectionOf("docs/iam.md", heading)).slice(0, 1))
            .reduce(({ Statement }, more) => ({ Statement: [...Statement, ...more.Statement] }));
        const actions = [...new Set(actionsOf(policy))];
        const environment = { ...process.env };

        beforeEach(async () => {
            cloud = await startLocalCloud();
            Object.assign(process.env, cloud.env);
        });
        afterEach(async () => {
            process.env = environment;
            await cloud.stop();
        });

        it("names exactly the calls that are made, and they are enough", async () => {
            await cloud.allowOnly([...actions, OF_THE_TEST]);
            await useEverything(cloud);
            const used = (await cloud.calls())
                .flatMap((call) => call.actions)
                .filter((action) => action.startsWith("ec2:") && action !== OF_THE_TEST);
            expect([...new Set(used)]).to.have.members(actions);
        });
    });
});

/** Every operation of the lifecycles, once. */
async function useEverything(cloud: LocalCloud): Promise<void> {
    const consoleOutput = consoleOutputOfHostKeys([PUBLIC_KEY]);
    const { instanceId } = await cloud.createInstance({ volumes: 2, consoleOutput });
    lifecycle.configure(new Map([["aws:region", cloud.region]]));
    const session = new Session();
    session.configure(new Map([["aws:region", cloud.region]]));
    await createHostKeys(session, { instanceId });

    const owner = "urn:pulumi:test::test::test::nightly";
    const inputs = { instanceId, owner, quiesce: { method: "none" as const }, tags: { a: "1" } };
    const old = await lifecycle.create(inputs);
    const { id, outs } = await lifecycle.create(inputs);
    await lifecycle.update(id, outs, { ...inputs, tags: { b: "2" } });
    await lifecycle.read(id, outs);
    await lifecycle.remove(old.id, old.outs);

    // An image in the way makes `remove` look for its name.
    await new EC2Client(cloud.clientConfig()).send(
        new RegisterImageCommand({
            Name: "in-the-way",
            RootDeviceName: "/dev/sda1",
            BlockDeviceMappings: [{ DeviceName: "/dev/sda1", Ebs: { SnapshotId: outs.snapshotIds[0] } }],
        }),
    );
    const refusal = await lifecycle.remove(id, outs).then(
        () => "",
        (error: unknown) => String(error),
    );
    expect(refusal)
        .to.contain("SNAPSHOT_IN_USE")
        .and.match(/ami-[0-9a-f]+/);
}
