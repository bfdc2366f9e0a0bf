import { assert } from "chai";
import { spawnSync } from "node:child_process";
import {
    cpSync,
    existsSync,
    mkdtempSync,
    readdirSync,
    readFileSync,
    realpathSync,
    rmSync,
    symlinkSync,
    writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { createServer } from "node:net";
import { once } from "node:events";
import { CreateSnapshotsCommand, EC2Client, RegisterImageCommand } from "@aws-sdk/client-ec2";
import { join } from "node:path";
import { contentsOf, countsOf } from "../lab/cloud/cloudContents";
import { defaultNetwork } from "../lab/cloud/cloudNetwork";
import { failed, type Lab, type Server, startLab, succeeded } from "../lab/engine/e2e";
import { ROOT } from "../lab/engine/engine";
import { consoleOutputOfHostKeys } from "../lab/cloud/localCloud";
import { type EngineResult, installedFolder, type Project } from "../lab/engine/project";
import { ConnectEndpoint } from "../lab/hosts/connectEndpoint";
import { needsRoot, type SshHost, startSshHost } from "../lab/hosts/sshHost";
import { startConnectEndpoint } from "../lab/scenes/connectEndpointScene";
import { firstColumn, sectionOf } from "./pages";

const folder = join(ROOT, "examples");
const programOf = (name: string) => readFileSync(join(folder, name, "index.ts"), "utf8");
interface Manifest {
    readonly name: string;
    readonly version: string;
    readonly peerDependencies: Readonly<Record<string, string>>;
    readonly devDependencies: Readonly<Record<string, string>>;
}
const jsonOf = (path: string) => JSON.parse(readFileSync(join(ROOT, path), "utf8")) as Manifest;
const repository = jsonOf("package.json");
/** From the first version of a major on. */
const majorOf = (range = "") => `^${/\d+/.exec(range)?.[0] ?? ""}.0.0`;
/** It uses `@pulumi/aws` itself, or a component that does. */
const needsAws = (name: string) => /@pulumi\/aws|AppConsistent(Ami|Replica)/.test(programOf(name));
const programs = readdirSync(folder).filter((name) => existsSync(join(folder, name, "index.ts")));

const HOME = "us-east-1";
const AWAY = "eu-west-1";

const THAWED = ["post thaw", "thawed thaw"];
const REHEARSED_FROZEN_AND_THAWED = [...THAWED, "pre freeze", ...THAWED];

/** The Windows example is run by e2e/windows.test.ts. */
describe("examples", function () {
    this.timeout(300_000);

    for (const name of programs) {
        it(`${name}: is short, and says what it does, why, and how to run it`, () => {
            const program = programOf(name);
            const lines = program.trimEnd().split("\n").length;
            assert.isAtLeast(lines, 30);
            assert.isAtMost(lines, 45);
            assert.match(
                program,
                /^\/\*\n \* What: .+\n( \* {7}.+\n)*? \* Why: [^]+\n \* How: [^]+?\bpulumi up\b[^]*?\*\/\n/,
            );
            assert.match(program, /from "pulumi-app-consistent-snapshot"/);
        });

        it(`${name}: is a Pulumi project that needs nothing around it`, () => {
            const files = ["Pulumi.yaml", "README.md", "index.ts", "package.json", "tsconfig.json"];
            const there = readdirSync(join(folder, name)).filter((file) => file !== "VERIFY.md");
            assert.sameMembers(there, files);
            const project = readFileSync(join(folder, name, "Pulumi.yaml"), "utf8");
            assert.match(project, new RegExp(`^name: ${name}$[^]*^main: index.ts$`, "m"));
        });

        it(`${name}: its package.json asks for what the package itself asks for`, () => {
            assert.deepEqual<object>(jsonOf(`examples/${name}/package.json`), {
                name,
                private: true,
                dependencies: {
                    ...(needsAws(name) ? { "@pulumi/aws": repository.peerDependencies["@pulumi/aws"] } : {}),
                    "@pulumi/pulumi": repository.peerDependencies["@pulumi/pulumi"],
                    [repository.name]: `^${repository.version}`,
                },
                devDependencies: {
                    "@types/node": majorOf(repository.devDependencies["@types/node"]),
                    typescript: majorOf(repository.devDependencies["typescript"]),
                },
            });
        });

        it(`${name}: its README names each key that the program reads, which ones are required, and the policies`, () => {
            const page = `examples/${name}/README.md`;
            const reads = [...programOf(name).matchAll(/config\.(get|require)\w*(?:<[^(]+>)?\("(\w+)"\)/g)];
            const keys = new Map(reads.map(([, how, key = ""]) => [key, how === "require"]));
            const section = sectionOf(page, "What to set");
            assert.sameMembers(firstColumn(section), ["aws:region", ...keys.keys()]);
            const rows = [...section.matchAll(/^\| `(\w+)` +\| (\w+)/gm)];
            assert.deepEqual(
                rows.filter(([, , byDefault]) => byDefault === "required").map(([, key]) => key),
                rows.map(([, key = ""]) => key).filter((key) => keys.get(key)),
            );
            assert.match(sectionOf(page, "Permissions"), /\]\(\.\.\/\.\.\/docs\/iam\.md#/);
            assert.match(sectionOf(page, "Cost"), /AWS charges/);
        });
    }

    it("compile by their own settings with the packed package, outside of the repository", () => {
        const [first = "", ...others] = programs.map((name) =>
            readFileSync(join(folder, name, "tsconfig.json"), "utf8"),
        );
        // So that one compiler can read all: it takes some seconds for each.
        for (const settings of others) {
            assert.equal(settings, first);
        }
        const from = installedFolder("pack-npm");
        const out = realpathSync(mkdtempSync(join(tmpdir(), "acs-examples-")));
        try {
            symlinkSync(join(from, "node_modules"), join(out, "node_modules"), "dir");
            for (const name of programs) {
                const packed = join(from, "node_modules", repository.name, "examples", name, "index.ts");
                cpSync(packed, join(out, name, "index.ts"));
            }
            const files = programs.map((name) => `${name}/index.ts`);
            writeFileSync(join(out, "tsconfig.json"), JSON.stringify({ ...JSON.parse(first), files }));
            const tsc = join(out, "node_modules/typescript/bin/tsc");
            const { status, stdout } = spawnSync(process.execPath, [tsc, "--project", out], {
                cwd: out,
                encoding: "utf8",
                timeout: 240_000,
            });
            assert.equal(status, 0, stdout);
        } finally {
            rmSync(out, { recursive: true });
        }
    });

    describe("by the real engine", () => {
        let lab: Lab;
        let server: Server;

        before(async function () {
            needsRoot(this); // for the standard paths of the scripts, and for sudo
            lab = await startLab();
            server = lab.server;
        });
        afterEach(async () => {
            await lab.cloud.reset();
            await lab.cloud.configureSnapshots({ durationMs: 0 });
        });
        after(() => lab.stop());

        const start = (name: string, config: Record<string, string>, secrets: Record<string, string> = {}) =>
            lab.project({
                program: { example: name },
                install: needsAws(name) ? "pack-npm" : "bare-npm",
                config,
                secrets: { privateKey: server.host.clientKey, ...secrets },
            });
        const loginOf = (host: SshHost) => ({
            host: host.address,
            port: String(host.port),
            user: host.user,
            hostKey: host.hostKeyLines[0]!,
        });
        const configOf = ({ instanceId, host }: Server) => ({ instanceId, ...loginOf(host) });
        const upWith = async (project: Project, config: Record<string, string>): Promise<EngineResult> => {
            await project.setConfig(config);
            return succeeded(await project.up());
        };
        const setsOf = async ({ instance }: Server) =>
            (await lab.cloud.snapshots(instance)).map(({ snapshotId }) => snapshotId);

        it("quickstart: takes the snapshots, keeps them, takes new ones when told to, and deletes them", async () => {
            interface Outputs {
                snapshotIds: string[];
                level: string;
                freezeWindowMs: number;
            }
            const project = await start("quickstart", configOf(server));
            const first = succeeded(await project.up()).outputs as unknown as Outputs;
            assert.lengthOf(first.snapshotIds, 3);
            assert.equal(first.level, "application");
            assert.isAbove(first.freezeWindowMs, 0);
            assert.deepEqual(server.host.events, REHEARSED_FROZEN_AND_THAWED);

            assert.deepEqual(succeeded(await project.up()).outputs, { ...first });

            const second = (await upWith(project, { run: "the next night" })).outputs as unknown as Outputs;
            assert.lengthOf(new Set([...first.snapshotIds, ...second.snapshotIds]), 6);
            assert.equal(second.level, "application");
            assert.sameMembers(await setsOf(server), second.snapshotIds);

            succeeded(await project.destroy());
            assert.isEmpty(await setsOf(server));
        });

        it("through-a-bastion: takes the snapshots by way of a host that sees no key", async () => {
            const bastion = await startSshHost({ user: "jump", freshHostKeys: true, authorizedKeys: [] });
            try {
                const login = loginOf(bastion);
                const project = await start(
                    "through-a-bastion",
                    {
                        ...configOf(server),
                        bastionHost: login.host,
                        bastionPort: login.port,
                        bastionUser: login.user,
                        bastionHostKey: login.hostKey,
                    },
                    { bastionPrivateKey: bastion.clientKey },
                );
                const { outputs } = succeeded(await project.up());
                assert.equal(outputs["consistencyLevel"], "application");
                assert.sameMembers(await setsOf(server), outputs["snapshotIds"] as string[]);
                succeeded(await project.destroy());
            } finally {
                await bastion.stop();
            }
        });

        it("private-instance: takes the snapshots without an address, a host key and a stored key", async () => {
            const instance = await lab.cloud.createInstance({ volumes: 3 });
            const { instanceId } = instance;
            const host = await startSshHost({
                instanceId,
                sshdConfig: lab.cloud.instanceConnectConfig(instanceId),
            });
            host.writeHooks();
            const { endpoint } = await startConnectEndpoint(lab.cloud, instanceId);
            endpoint.leadTo(host.port);
            try {
                const project = await lab.project({
                    program: { example: "private-instance" },
                    install: "bare-npm",
                    config: { instanceId, user: host.user },
                    env: { NODE_EXTRA_CA_CERTS: ConnectEndpoint.certificateFile },
                });
                const { outputs } = succeeded(await project.up());
                assert.include(outputs, {
                    consistencyLevel: "application",
                    route: "instance-connect-endpoint",
                    hostKey: "aws",
                });
                const state = project.state().text;
                const keys = (await lab.cloud.calls()).flatMap(
                    ({ parameters }) => parameters["SSHPublicKey"] ?? [],
                ) as string[];
                assert.isNotEmpty(keys);
                for (const key of keys) {
                    assert.notInclude(state, key.split(" ")[1] ?? key);
                }
                assert.notInclude(state, "PRIVATE KEY");
                succeeded(await project.destroy());
            } finally {
                await host.stop();
                await endpoint.stop();
            }
        });

        it("fleet: one that fails keeps its old set, and the others go on", async () => {
            const others = [await lab.addServer(), await lab.addServer()];
            const [bad] = others as [Server, Server];
            const fleet = [server, ...others];
            const list = fleet.map(({ instanceId, host }, index) => ({
                name: `server-${index + 1}`,
                instanceId,
                host: host.address,
                port: host.port,
                hostKey: host.hostKeyLines[0],
            }));
            const project = await start("fleet", { servers: JSON.stringify(list), user: server.host.user });
            const application = {
                "server-1": "application",
                "server-2": "application",
                "server-3": "application",
            };
            assert.deepEqual((await upWith(project, { run: "1" })).outputs["levels"], application);
            const first = await Promise.all(fleet.map(setsOf));

            bad.host.writeHooks({ pre: "exit 1" });
            await project.setConfig({ run: "2" });
            failed(await project.up({ args: ["--continue-on-error"] }));
            const second = await Promise.all(fleet.map(setsOf));
            assert.notDeepEqual(second[0], first[0]);
            assert.deepEqual(second[1], first[1]);
            assert.notDeepEqual(second[2], first[2]);
            assert.isFalse(bad.host.frozen);

            bad.host.writeHooks();
            const { summary } = succeeded(await project.up());
            assert.deepEqual(summary, { same: 3, replace: 1 });
            assert.lengthOf(await setsOf(bad), 3);
            succeeded(await project.destroy());
        });

        it("two-servers: takes both at one point, and makes an image of each", async () => {
            const other = await lab.addServer();
            const servers = Object.fromEntries(
                Object.entries({ accounts: server, orders: other }).map(([name, { instanceId, host }]) => {
                    const { address, port, hostKeyLines } = host;
                    return [name, { instanceId, host: address, port, hostKey: hostKeyLines[0] }];
                }),
            );
            const config = { servers: JSON.stringify(servers), user: server.host.user };
            const project = await start("two-servers", config);
            const { outputs } = await upWith(project, { run: "1" });
            assert.isTrue(outputs["samePoint"]);
            assert.equal(outputs["consistencyLevel"], "application");
            assert.hasAllKeys(outputs["images"], ["accounts", "orders"]);
            succeeded(await project.destroy());
            assert.isEmpty([...(await setsOf(server)), ...(await setsOf(other))]);
        });

        it("nightly-recovery-points: keeps a point a night, and a pinned one", async () => {
            const project = await start("nightly-recovery-points", configOf(server));
            await upWith(project, { run: "2026-11-23" });
            const { outputs } = await upWith(project, { run: "2026-11-24" });
            assert.deepEqual(outputs["recoveryPoints"], ["2026-11-23", "2026-11-24"]);
            const { images } = await contentsOf(lab.cloud, HOME);
            assert.lengthOf(images, 2);
            assert.equal(images.find(({ ImageId }) => ImageId === outputs["newest"])?.State, "available");

            const pinned = await upWith(project, { run: "2026-11-25", pin: "2026-11-23" });
            assert.hasAllKeys(pinned.summary, ["read", "same"]);
            succeeded(await project.destroy());
            assert.isEmpty(await setsOf(server));
        });

        it("cross-region-replica: fails over to one point, and back", async () => {
            const { subnetId, securityGroupId } = await defaultNetwork(lab.cloud, AWAY);
            const project = await start("cross-region-replica", {
                ...configOf(server),
                targetRegion: AWAY,
                subnetId,
                securityGroupId,
            });
            await upWith(project, { run: "2026-11-23" });
            await upWith(project, { run: "2026-11-24" });
            const over = await upWith(project, { activate: "2026-11-23" });
            const { instances } = await contentsOf(lab.cloud, AWAY);
            assert.deepEqual(
                instances.map(({ PrivateIpAddress }) => PrivateIpAddress),
                (over.outputs["addresses"] as unknown[]).filter((address) => typeof address === "string"),
            );
            assert.include(over.summary, { create: 1 });
            const back = await upWith(project, { activate: "" });
            assert.include(back.summary, { delete: 1 });
            succeeded(await project.destroy());
            assert.deepEqual(await countsOf(lab.cloud, AWAY), {
                snapshots: 0,
                images: 0,
                templates: 0,
                instances: 0,
            });
        });

        it("postgresql-linux: launches the server, learns its host keys, and takes its snapshots", async () => {
            const imageId = await imageOf(server);
            const { subnetId } = await defaultNetwork(lab.cloud, HOME);
            const port = await freePort();
            const launch = await lab.cloud.gate("RunInstances", { phase: "after" });
            const project = await start("postgresql-linux", {
                imageId,
                subnetId,
                host: "127.0.0.1",
                port: String(port),
                user: server.host.user,
            });
            const running = project.spawn("up");
            await launch.reached();
            const { instances } = await contentsOf(lab.cloud, HOME);
            const created = instances.find(({ ImageId }) => ImageId === imageId)!;
            const host = await startSshHost({ instanceId: created.InstanceId!, port });
            try {
                host.writeHooks();
                await lab.cloud.setConsoleOutput(
                    created.InstanceId!,
                    consoleOutputOfHostKeys([...host.hostKeyLines]),
                );
                await launch.release();
                const { outputs } = succeeded(await running.result);
                assert.equal(outputs["consistencyLevel"], "application");
                assert.equal(outputs["instanceId"], created.InstanceId);
                assert.lengthOf(outputs["snapshotIds"] as string[], 3);
                assert.deepEqual(host.events, REHEARSED_FROZEN_AND_THAWED);
                succeeded(await project.destroy());
                assert.notInclude(
                    (await contentsOf(lab.cloud, HOME)).instances.map(({ InstanceId }) => InstanceId),
                    created.InstanceId,
                );
            } finally {
                await host.stop();
            }
        });

        /** An image to launch, with the volumes of the server. */
        async function imageOf({ instanceId }: Server): Promise<string> {
            const ec2 = new EC2Client(lab.cloud.clientConfig());
            try {
                const { Snapshots = [] } = await ec2.send(
                    new CreateSnapshotsCommand({ InstanceSpecification: { InstanceId: instanceId } }),
                );
                const devices = ["/dev/sda1", "/dev/sdf", "/dev/sdg"];
                const { ImageId = "" } = await ec2.send(
                    new RegisterImageCommand({
                        Name: "an image with PostgreSQL",
                        RootDeviceName: "/dev/sda1",
                        VirtualizationType: "hvm",
                        Architecture: "x86_64",
                        BlockDeviceMappings: Snapshots.map(({ SnapshotId }, index) => ({
                            DeviceName: devices[index],
                            Ebs: { SnapshotId, VolumeType: "gp3" },
                        })),
                    }),
                );
                return ImageId;
            } finally {
                ec2.destroy();
            }
        }
    });
});

async function freePort(): Promise<number> {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    server.close();
    return address !== null && typeof address === "object" ? address.port : 0;
}
