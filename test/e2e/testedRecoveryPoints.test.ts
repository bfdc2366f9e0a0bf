// Freezes: the recipe of the example holds real file systems, under a real PostgreSQL.
import { expect } from "chai";
import { contentsOf } from "../../lab/cloud/cloudContents";
import { failed, type Lab, startLab, succeeded } from "../../lab/engine/e2e";
import type { EngineResult, Project } from "../../lab/engine/project";
import { Copies } from "../../lab/hosts/copies";
import { needsRoot } from "../../lab/hosts/sshHost";
import { mountContents } from "../../lab/volumes/copiedContents";
import { type Volumes, hostRun, mountVolumes } from "../../lab/volumes/volumes";
import { postgresql, startRestored } from "../../tools/prove/postgresql";

const PSQL = "psql -X -q -A -t -U postgres -d postgres";
const PLACES = { "/dev/sdf": "/mnt/data", "/dev/sdg": "/mnt/log" };
/** Nothing stays frozen for longer, whatever becomes of the run. */
const LONGEST_S = 280;

/**
 * The example as it is packed, with a real PostgreSQL on the server, and another one on each copy, on what the snapshots
 * hold. Simulated: EC2, and that a copy boots: its host is made, its volumes are mounted and PostgreSQL is started by the
 * test, as systemd would.
 */
describe("tested recovery points, by the example", function () {
    this.timeout(300_000);
    let lab: Lab;
    let copies: Copies;
    let volumes: Volumes;
    let project: Project;
    let table: string;

    before(async function () {
        needsRoot(this);
        lab = await startLab();
        const { host, instance } = lab.server;
        volumes = await mountVolumes(
            lab.cloud,
            instance,
            host,
            Object.values(PLACES).map((mountPoint) => ({ mountPoint, fileSystem: "ext4" })),
        );
        await volumes.thawAfter(LONGEST_S);
        await postgresql.start(host);
        // Frozen rows and a checkpoint, so that nothing writes these pages again.
        await hostRun(
            host,
            `${PSQL} -c 'insert into numbers select 1, n from generate_series(1, 1000) n' -c 'vacuum freeze numbers' -c checkpoint`,
        );
        table = `/mnt/data/postgresql/${(await hostRun(host, `${PSQL} -c "select pg_relation_filepath('numbers')"`)).trim()}`;
        copies = await Copies.start(lab.cloud, host.port);
        copies.boot = {
            prepare: async (copy, copied) => {
                await mountContents(copy, copied, host, PLACES);
                await hostRun(copy, `mkdir -p /run/postgresql && ${startRestored}`);
            },
        };
        const { subnetId, vpcSecurityGroupIds } = copies.launch;
        project = await lab.project({
            program: { example: "tested-recovery-points" },
            install: "pack-npm",
            config: {
                instanceId: lab.server.instanceId,
                host: host.address,
                port: String(host.port),
                user: host.user,
                hostKey: host.hostKeyLines[0] ?? "",
                fileSystems: JSON.stringify(volumes.mountPoints),
                subnetId,
                securityGroupId: vpcSecurityGroupIds[0] ?? "",
            },
            secrets: { privateKey: host.clientKey },
        });
    });
    after(async () => {
        await (copies as Copies | undefined)?.stop();
        await (volumes as Volumes | undefined)?.stop();
        await (lab as Lab | undefined)?.stop();
    });

    async function night(run: string): Promise<EngineResult> {
        await project.setConfig({ run });
        return await project.up();
    }

    /** The image that would be recovered from. */
    const recoveryImage = () =>
        (project.state().resources as { urn: string; outputs?: { imageId?: string } }[]).find(({ urn }) =>
            urn.endsWith("::recovery"),
        )?.outputs?.imageId;

    async function expectNoCopy(): Promise<void> {
        expect(copies.problems).to.deep.equal([]);
        await copies.untilNone();
        const { instances } = await contentsOf(lab.cloud, lab.cloud.region);
        expect(instances.filter(({ State }) => State?.Name !== "terminated")).to.have.length(1);
    }

    it("counts a night whose copy has come up, and says what was read and how long that took", async () => {
        const { outputs, stdout } = succeeded(await night("monday"));
        expect(outputs["recoveryPoints"]).to.deep.equal(["monday"]);
        expect(stdout).to.match(/recovered and verified in [\d.]+ s/);
        expect(stdout).to.match(/verify: \/mnt\/data: ext4, \d+ files/);
        expect(stdout).to.match(/verify: read whole by pg_amcheck[^]*verify: tables: 1/);
        expect(recoveryImage()).to.match(/^ami-/);
        await expectNoCopy();
    });

    it("never counts a night whose data is damaged, though the server itself does not notice", async () => {
        const before = recoveryImage();
        // Below PostgreSQL, which has these pages in its memory.
        await hostRun(
            lab.server.host,
            `cp -p ${table} /run/kept && printf damaged | dd of=${table} bs=1 seek=8000 conv=notrunc status=none && sync -f ${table}`,
        );
        const { diagnostics } = failed(await night("tuesday"));
        expect(await hostRun(lab.server.host, `${PSQL} -c 'select count(*) from numbers'`)).to.equal(
            "1000\n",
        );
        expect(diagnostics).to.match(/VERIFY_FAILED \(i-\w+\): The verify script exited with 1/);
        expect(diagnostics).to.match(/pg_amcheck finds damage.*invalid page in block 0/);
        expect((await project.outputs())["recoveryPoints"]).to.deep.equal(["monday"]);
        expect(recoveryImage()).to.equal(before);
        await expectNoCopy();
    });

    it("counts the next good night, and recovers from its image", async () => {
        const before = recoveryImage();
        await hostRun(
            lab.server.host,
            `dd if=/run/kept of=${table} conv=notrunc status=none && sync -f ${table}`,
        );
        const { outputs } = succeeded(await night("wednesday"));
        expect(outputs["recoveryPoints"]).to.deep.equal(["monday", "wednesday"]);
        expect(recoveryImage()).not.to.equal(before);
        await expectNoCopy();
    });
});
