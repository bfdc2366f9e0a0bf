import { assert } from "chai";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./support/engine";
import { type CloudInstance, type LocalCloud, startLocalCloud } from "./support/localCloud";
import { type EngineResult, type Project, makeProject } from "./support/project";
import { type SshHost, needsRoot, startSshHost } from "./support/sshHost";

const folder = join(ROOT, "examples");
const programOf = (name: string) => readFileSync(join(folder, name, "index.ts"), "utf8");

describe("examples", function () {
    this.timeout(300_000);

    for (const name of readdirSync(folder)) {
        it(`${name}: is short, and says what it does, why, and how to run it`, () => {
            const program = programOf(name);
            const lines = program.trimEnd().split("\n").length;
            assert.isAtLeast(lines, 30);
            assert.isAtMost(lines, 45);
            assert.match(
                program,
                /^\/\*\n \* What: .+\n \* Why: [^]+\n \* How: [^]+? pulumi up\b[^]*?\*\/\n/,
            );
            assert.match(program, /from "pulumi-app-consistent-snapshot"/);
        });
    }

    describe("quickstart", () => {
        let cloud: LocalCloud;
        let instance: CloudInstance;
        let host: SshHost;
        let project: Project;
        const stops: (() => Promise<void>)[] = [];

        before(async function () {
            needsRoot(this); // for the standard paths of the scripts, and for sudo
            cloud = await startLocalCloud();
            stops.unshift(() => cloud.stop());
            instance = await cloud.createInstance({ volumes: 3 });
            host = await startSshHost({ instanceId: instance.instanceId });
            stops.unshift(() => host.stop());
            host.writeHooks();
            project = await makeProject({
                program: programOf("quickstart"),
                env: cloud.env,
                config: {
                    instanceId: instance.instanceId,
                    host: host.address,
                    port: String(host.port),
                    user: host.user,
                    hostKey: host.hostKeyLines[0]!,
                },
                secrets: { privateKey: host.clientKey },
            });
            stops.unshift(() => project.dispose());
        });
        after(async () => {
            for (const stop of stops) await stop();
        });

        function outputsOf(result: EngineResult) {
            assert.equal(result.code, 0, result.stdout + result.stderr);
            return result.outputs as { snapshotIds: string[]; level: string; freezeWindowMs: number };
        }

        it("takes the snapshots, keeps them, takes new ones when told to, and deletes them", async () => {
            const first = outputsOf(await project.up());
            assert.lengthOf(first.snapshotIds, 3);
            assert.equal(first.level, "application");
            assert.isAbove(first.freezeWindowMs, 0);
            assert.deepEqual(host.events, ["pre freeze", "post thaw", "thawed thaw"]);

            assert.deepEqual(outputsOf(await project.up()), first);

            await project.setConfig({ run: "the next night" });
            const second = outputsOf(await project.up());
            assert.lengthOf(new Set([...first.snapshotIds, ...second.snapshotIds]), 6);
            assert.equal(second.level, "application");
            const kept = (await cloud.snapshots(instance)).map(({ snapshotId }) => snapshotId);
            assert.sameMembers(kept, second.snapshotIds);

            outputsOf(await project.destroy());
            assert.isEmpty(await cloud.snapshots(instance));
        });
    });
});
