import { assert } from "chai";
import { ConnectEndpoint } from "../../../lab/hosts/connectEndpoint";
import { needsRoot, startSshHost } from "../../../lab/hosts/sshHost";
import { startConnectEndpoint } from "../../../lab/scenes/connectEndpointScene";
import { type Outcome, Scene, plainError, stateOf } from "../../../lab/scenes/scene";
import { type Policy, actionsOf, policiesOf, sectionOf } from "../../pages";

/** All that the connection to a stock image in a private subnet takes, besides its account. */
const STOCK = {
    host: undefined,
    port: undefined,
    privateKey: undefined,
    hostKey: undefined,
    tunnel: { via: "instance-connect-endpoint" },
    instanceConnect: true,
} as const;

const [LOOK_AND_TAKE, CONNECT] = ["Whoever runs `pulumi up`", "EC2 Instance Connect"].map(
    (heading) => policiesOf(sectionOf("docs/iam.md", heading))[0] ?? { Statement: [] },
) as [Policy, Policy];

describe("a run by an EC2 Instance Connect Endpoint, with keys of EC2 Instance Connect", function () {
    this.timeout(120_000);
    let scene: Scene;
    let endpoint: ConnectEndpoint;
    let distrust: () => void;

    before(async function () {
        needsRoot(this);
        scene = await Scene.start({ instanceConnect: true });
        distrust = ConnectEndpoint.trust();
    });
    beforeEach(async () => {
        ({ endpoint } = await startConnectEndpoint(scene.cloud, scene.instance.instanceId));
        endpoint.leadTo(scene.host.port);
    });
    afterEach(async () => {
        try {
            await scene.afterEach();
            assert.equal(endpoint.tunnels, 0, "tunnels that are left");
        } finally {
            await endpoint.stop();
        }
    });
    after(async () => {
        distrust();
        await Scene.stopAll();
    });

    const create = (changes: Parameters<Scene["create"]>[0] = {}) =>
        scene.create({ connection: { ...STOCK, user: scene.host.user }, ...changes });

    /** Nothing of a key that was sent is in what the run has said or stored. */
    function assertKeysSecret({ calls, lines, error, state }: Outcome): void {
        const keys = calls.flatMap(({ parameters }) => parameters["SSHPublicKey"] ?? []) as string[];
        assert.isNotEmpty(keys);
        const said = JSON.stringify([lines, error?.message, error?.stack, error?.properties, state]);
        for (const key of keys) {
            assert.notInclude(said, key.split(" ")[1] ?? key);
        }
        assert.notInclude(said, "PRIVATE KEY");
    }

    it("proves as much, and tells the way; nothing of the key is kept", async () => {
        const outcome = await create();
        const { consistencyLevel, evidence } = stateOf(outcome);
        assert.equal(consistencyLevel, "application");
        assert.include(evidence, { route: "instance-connect-endpoint", hostKey: "aws", held: true });
        assertKeysSecret(outcome);
    });

    it("needs what docs/iam.md lists, and no more", async () => {
        const { user } = scene.host;
        const text = JSON.stringify(CONNECT.Statement).replace('"ec2-user"', JSON.stringify(user));
        const statements = [...LOOK_AND_TAKE.Statement, ...(JSON.parse(text) as Policy["Statement"])];
        await scene.cloud.allowPolicy(statements);
        const outcome = await create();
        assert.equal(stateOf(outcome).consistencyLevel, "application");
        const used = new Set(outcome.calls.flatMap(({ actions }) => actions));
        // Asked of the endpoint, which is no API of the cloud.
        assert.isNotEmpty(endpoint.asked);
        used.add("ec2-instance-connect:OpenTunnel");
        const listed = actionsOf(CONNECT);
        assert.includeMembers([...used], listed);
        const others = [...used].filter((action) => !actionsOf(LOOK_AND_TAKE).includes(action));
        assert.includeMembers(
            listed,
            others.filter((action) => !action.startsWith("sts:")),
        );
    });

    it("for an account that the policy does not name is refused by name, and nothing is touched", async () => {
        await scene.cloud.allowPolicy([...LOOK_AND_TAKE.Statement, ...CONNECT.Statement]);
        const error = plainError(await create());
        assert.match(error.message, /^ACCESS_DENIED.*ec2-instance-connect:SendSSHPublicKey.*docs\/iam\.md/s);
        assert.deepEqual(scene.host.events, []);
    });

    for (const [what, end] of [
        ["ended by its maximum duration", () => endpoint.closeAll(4001, "maximum duration")],
        ["cut without a close", () => endpoint.cutAll()],
    ] as const) {
        it(`whose tunnel is ${what} while frozen: the host is awake at once, and that is proven`, async () => {
            const gate = await scene.cloud.gate("CreateSnapshots");
            const run = create({ timeouts: { freeze: 60 }, minimumLevel: "crash" });
            await gate.reached();
            end();
            await scene.host.until(() => !scene.host.frozen, { limit: 20_000, what: "the thaw" });
            await gate.release();
            const outcome = await run;
            const { consistencyLevel, thawPending, evidence } = stateOf(outcome);
            assert.equal(consistencyLevel, "crash");
            assert.isFalse(thawPending);
            assert.isFalse(evidence.held);
            // One to freeze, and one to see that it is awake.
            assert.isAtLeast(endpoint.asked.length, 2);
            assertKeysSecret(outcome);
        });
    }

    it("with a package that is missing on the instance is a precondition failure with its name", async () => {
        const bare = await startSshHost({ instanceId: scene.instance.instanceId });
        try {
            endpoint.leadTo(bare.port);
            const outcome = await create();
            assert.match(plainError(outcome).message, /SSH_LOGIN_REFUSED.*package ec2-instance-connect/s);
            assertKeysSecret(outcome);
            assert.deepEqual(bare.events, []);
        } finally {
            await bare.stop();
        }
    });
});
