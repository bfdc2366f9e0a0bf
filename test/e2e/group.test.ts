import { expect } from "chai";
import {
    executionsIn,
    failed,
    hooksOf,
    type Lab,
    type Server,
    startLab,
    succeeded,
} from "../../lab/engine/e2e";
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
        expect(textsOf(up).join("\n"))
            .to.match(/^db: quiescing i-\S+ for 265 s at the very longest \(limits: /m)
            .and.match(/^db: the instance is awake; frozen for /m);
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

    it("is got by another stack, by its id; what cannot work is refused with what to do instead", async () => {
        const group = project
            .state()
            .resources.find(({ type }) => type.endsWith("AppConsistentSnapshotGroup"));
        const id = group?.id ?? "";
        const reader = await lab.project({
            program: `import { AppConsistentSnapshotGroup } from "pulumi-app-consistent-snapshot";
const found = AppConsistentSnapshotGroup.get("found", ${JSON.stringify(id)});
const refusal = (attempt: () => unknown): string => {
    try {
        attempt();
        return "nothing";
    } catch (error) {
        return (error as Error).message;
    }
};
export const { samePoint, consistencyLevel } = found;
export const ids = found.member("db").snapshotIds;
export const image = refusal(() => AppConsistentSnapshotGroup.get("other", "ami-1"));
export const imported = refusal(() => new AppConsistentSnapshotGroup("other", { members: {} }, { import: "acs-1" }));
`,
        });
        succeeded(await reader.up());
        const before = await project.outputs();
        const outputs = await reader.outputs();
        expect(outputs).to.deep.include({ samePoint: true, consistencyLevel: "application" });
        expect(outputs["ids"]).to.deep.equal((before["members"] as Sets)["db"]?.snapshotIds);
        expect(outputs["image"]).to.match(
            /"ami-1" is not the id of a group; .*app-consistent-snapshot:group/,
        );
        expect(outputs["imported"]).to.match(/remove the option import.*AppConsistentSnapshotGroup\.get/);
        succeeded(await reader.destroy());
        expect(await snapshotsOf("db")).not.to.deep.equal([]);
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
        project.setProgram(program({ triggers: ["again"] }).replace('member("db")', 'member("web")'));
        expect(failed(await project.preview()).diagnostics).to.match(/no member "web"; it has db, app/);
        servers["app"]!.host.exec("rm /usr/sbin/post-thaw-script");
        project.setProgram(program({ triggers: ["looked at"], preflight: "fail" }));
        expect(failed(await project.preview()).diagnostics).to.match(
            /members\.app\.quiesce\.scripts.*SCRIPT_MISSING/s,
        );
        project.setProgram(program({ triggers: ["again"] }));
    });

    it("is kept by protect, and its sets by retainOnDelete, which the next group names", async () => {
        const kept = await snapshotsOf("db");
        const options = (opts: string) =>
            program({ triggers: ["again"] }).replace("});\nconst image", `}, ${opts});\nconst image`);
        project.setProgram(options("{ protect: true }"));
        succeeded(await project.up());
        project.setProgram("export {};");
        expect(failed(await project.up()).diagnostics).to.match(/protected/);
        expect(await snapshotsOf("db")).to.deep.equal(kept);
        project.setProgram(
            options("{ retainOnDelete: true }")
                .replace(/const image.*/, "")
                .replace(/.*imageId.*/, ""),
        );
        succeeded(await project.up());
        succeeded(await project.destroy());
        expect(await snapshotsOf("db")).to.deep.equal(kept);
        const sets = executionsIn(await lab.cloud.snapshots());
        project.setProgram(program({ triggers: ["new"] }));
        const { stdout } = succeeded(await project.up());
        for (const set of sets) {
            expect(stdout).to.include(`does not manage its earlier set ${set}`);
        }
        await lab.cloud.deleteSnapshots(
            (await lab.cloud.snapshots())
                .filter(({ tags }) => sets.includes(tags["app-consistent-snapshot:execution"] ?? ""))
                .map(({ snapshotId }) => snapshotId),
        );
    });

    it("gets a parent, a name and, by a transform, tags, and stays as it is", async () => {
        const before = await snapshotsOf("db");
        const opts = `{
    parent: new pulumi.ComponentResource("test:index:Ledger", "parent"),
    aliases: [{ name: "ledger", parent: pulumi.rootStackResource }],
    transforms: [({ props, opts }) => ({ props: { ...props, tags: { team: "shop" } }, opts })],
}`;
        project.setProgram(
            `import * as pulumi from "@pulumi/pulumi";\n` +
                program({ triggers: ["new"] })
                    .replace('Group("ledger"', 'Group("books"')
                    .replace("});\nconst image", `}, ${opts});\nconst image`),
        );
        const { summary } = succeeded(await project.up());
        expect(summary).to.include({ create: 1, update: 1 }).and.not.have.any.keys("replace", "delete");
        expect(await snapshotsOf("db")).to.deep.equal(before);
        const [set] = await lab.cloud.snapshots(servers["db"]!.instance);
        expect(set?.tags["team"]).to.equal("shop");
    });

    it("is destroyed as a whole", async () => {
        succeeded(await project.destroy());
        expect(await snapshotsOf("db")).to.deep.equal([]);
        expect(await snapshotsOf("app")).to.deep.equal([]);
    });

    describe("as recovery points", () => {
        let points: Project;
        /** A group for each night, of these members. */
        const nights = (names: string[]): string => {
            const members = Object.fromEntries(names.map((name) => [name, hooksOf(servers[name]!)]));
            return `import { Config } from "@pulumi/pulumi";
import { AppConsistentSnapshotGroup, recoveryPoints } from "pulumi-app-consistent-snapshot";
export = async () => {
    const points = await recoveryPoints({ run: new Config().get("run"), keep: 2 });
    const groups = points.labels.map((label) => new AppConsistentSnapshotGroup(
        "ledger-" + label,
        { members: ${JSON.stringify(members)} },
        points.optionsOf(label),
    ));
    return { recoveryPoints: points.listAfter(groups) };
};
`;
        };
        const night = async (run: string): Promise<EngineResult> => {
            await points.setConfig({ run });
            return await points.up();
        };

        before(async () => {
            servers["web"] = await lab.addServer();
            points = await lab.project({ program: nights(["db", "app"]) });
        });

        it("take a group a night, and leave those that exist as they were, whatever members it has by now", async () => {
            expect(succeeded(await night("n1")).outputs["recoveryPoints"]).to.deep.equal(["n1"]);
            const first = await snapshotsOf("app");
            points.setProgram(nights(["db", "web"]));
            expect(succeeded(await night("n2")).outputs["recoveryPoints"]).to.deep.equal(["n1", "n2"]);
            expect(await snapshotsOf("app"), "the point of the first night").to.deep.equal(first);
            expect(await snapshotsOf("web")).to.have.length(3);
            succeeded(await points.preview({ args: ["--expect-no-changes"] }));
        });

        it("are never taken anew under an old label", async () => {
            await lab.cloud.deleteSnapshots((await snapshotsOf("app")).slice(0, 1));
            await points.refresh();
            expect(failed(await points.preview()).diagnostics).to.match(/not whole any more.*`drop`/s);
        });
    });
});
