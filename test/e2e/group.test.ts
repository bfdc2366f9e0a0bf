import { expect } from "chai";
import { failed, hooksOf, type Lab, type Server, startLab, succeeded } from "../../lab/engine/e2e";
import type { EngineResult, Project } from "../../lab/engine/project";

interface Sets {
    readonly [name: string]: {
        readonly snapshotIds: string[];
        readonly evidence: { readonly executionId: string };
    };
}

/** What was said on the group's own row. */
function textsOf({ events }: EngineResult): string[] {
    return events.flatMap(({ diagnosticEvent: one }) =>
        one?.urn?.endsWith("::ledger") === true && !/debug/.test(one.severity) && one.ephemeral !== true
            ? [one.message.trim()]
            : [],
    );
}

describe("a group of two servers, by the engine", function () {
    this.timeout(300_000);
    let lab: Lab;
    let servers: Record<string, Server>;
    let project: Project;

    before(async () => {
        lab = await startLab();
        servers = { db: lab.server, app: await lab.addServer() };
        project = await lab.project({ program: program() });
    });
    afterEach(() => Object.values(servers).forEach(({ host }) => host.writeHooks()));
    after(() => lab.stop());

    function program(more: object = {}, names = Object.keys(servers)): string {
        const members = Object.fromEntries(names.map((name) => [name, hooksOf(servers[name]!)]));
        return `import { AppConsistentAmi, AppConsistentSnapshotGroup } from "pulumi-app-consistent-snapshot";
const group = new AppConsistentSnapshotGroup("ledger", ${JSON.stringify({ members, ...more }, null, 4)});
const image = new AppConsistentAmi("db", { snapshot: group.member("db") });
export const { members, consistencyLevel, samePoint, evidence, thawPending } = group;
export const { imageId } = image;
`;
    }
    const snapshotsOf = async (name: string) =>
        (await lab.cloud.snapshots(servers[name]!.instance)).map(({ snapshotId }) => snapshotId).sort();

    it("previews, takes the sets of both, makes an image of one, and then has nothing to do", async () => {
        const preview = succeeded(await project.preview());
        expect(textsOf(preview).join("\n"))
            .to.include(`\`pulumi up\` will freeze ${servers["db"]!.instanceId} by its scripts`)
            .and.include(`\`pulumi up\` will freeze ${servers["app"]!.instanceId} by its scripts`);
        const up = succeeded(await project.up());
        expect(textsOf(up).join("\n")).to.match(/^db: the instance is awake; frozen for /m);
        const outputs = await project.outputs();
        expect(outputs).to.include({ consistencyLevel: "application", samePoint: true, thawPending: false });
        const sets = outputs["members"] as Sets;
        for (const name of Object.keys(servers)) {
            expect([...(sets[name]?.snapshotIds ?? [])].sort()).to.deep.equal(await snapshotsOf(name));
        }
        expect(outputs["imageId"]).to.match(/^ami-/);
        expect(JSON.stringify(project.state())).not.to.include(servers["db"]!.host.clientKey.split("\n")[1]);
        const again = succeeded(await project.preview({ args: ["--expect-no-changes"] }));
        expect(textsOf(again)).to.deep.equal([]);
    });

    it("takes new sets of both for a new trigger, and deletes the old ones", async () => {
        const before = (await project.outputs())["members"] as Sets;
        project.setProgram(program({ triggers: ["again"] }));
        succeeded(await project.up());
        const after = (await project.outputs())["members"] as Sets;
        for (const name of Object.keys(servers)) {
            expect(after[name]?.evidence.executionId).not.to.equal(before[name]?.evidence.executionId);
            expect([...(after[name]?.snapshotIds ?? [])].sort()).to.deep.equal(await snapshotsOf(name));
        }
    });

    it("keeps the old sets when one of the servers cannot be frozen", async () => {
        const before = await snapshotsOf("db");
        servers["app"]!.host.writeHooks({ pre: "exit 3" });
        project.setProgram(program({ triggers: ["once more"] }));
        const up = failed(await project.up());
        expect(up.diagnostics).to.match(/PRE_FREEZE_FAILED: Member app/);
        expect(await snapshotsOf("db")).to.deep.equal(before);
        expect(Object.values(servers).map(({ host }) => host.frozen)).to.deep.equal([false, false]);
    });

    it("refuses at preview what no group can be", async () => {
        project.setProgram(program({}, ["db"]));
        expect(failed(await project.preview()).diagnostics).to.match(/members.*needs 2 to 10 members/s);
        project.setProgram(program({ triggers: ["again"] }));
    });

    it("is destroyed as a whole", async () => {
        succeeded(await project.destroy());
        expect(await snapshotsOf("db")).to.deep.equal([]);
        expect(await snapshotsOf("app")).to.deep.equal([]);
    });
});
