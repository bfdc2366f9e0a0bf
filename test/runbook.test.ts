// Freezes: the runbook's commands thaw a real file system.
import { execFileSync } from "node:child_process";
import { expect } from "chai";
import * as lifecycle from "../lab/scenes/lifecycle";
import { type LocalCloud, startLocalCloud } from "../lab/cloud/localCloud";
import { ROOT } from "../lab/engine/engine";
import { isGuard } from "../lab/hosts/guardProcesses";
import { GuardSession, guardParams } from "../lab/hosts/guardSession";
import { type SshHost, needsRoot, startSshHost } from "../lab/hosts/sshHost";
import { type Volumes, hostRun, mountVolumes } from "../lab/volumes/volumes";
import type { GuardParams } from "../provider/quiesce/hooks/guardProgram";
import { setupAwsCli } from "../lab/setup/setupAwsCli.mjs";
import { commandsOf } from "./pages";

const RUNBOOK = "docs/runbook.md";
const EXECUTION = "acs-0197c3a2-5b7e-7c31-9f4e-2d8a6b1c0e5f";
const SECRET = "of the application's";

/** The only block of a section, or the one with that text in it. */
function commandOf(heading: string, part = "", page = RUNBOOK): string {
    const found = commandsOf(page, heading).filter((text) => text.includes(part));
    expect(found, `${page}, ${heading}`).to.have.length(1);
    return found[0] ?? "";
}

describe("the runbook's commands on an instance", function () {
    this.timeout(60_000);
    let host: SshHost;
    const open: GuardSession[] = [];

    before(async function () {
        needsRoot(this);
        host = await startSshHost();
    });
    after(() => (host as SshHost | undefined)?.stop());
    beforeEach(() => host.writeHooks());
    afterEach(async () => {
        for (const guard of open.splice(0)) {
            guard.disconnect();
        }
        await host.until(() => !host.processes().some(isGuard));
        host.exec(`rm -rf ${host.guardDirectory} ${host.eventsPath} ${host.frozenPath}`);
    });

    async function frozen(changes: Partial<GuardParams> = {}): Promise<GuardSession> {
        const guard = await GuardSession.start(
            host,
            guardParams(host, { executionId: EXECUTION, ...changes }),
        );
        open.push(guard);
        await guard.freeze();
        return guard;
    }

    /** All of the guard at once: the one thing that it cannot survive. */
    async function abandoned(changes: Partial<GuardParams> = {}): Promise<void> {
        const guard = await frozen(changes);
        const pids = host
            .processes()
            .filter(isGuard)
            .map(({ pid }) => pid);
        host.exec(`kill -STOP ${pids.join(" ")}; kill -KILL ${pids.join(" ")} || true`);
        guard.disconnect();
        await host.until(() => !host.processes().some(isGuard));
        expect(host.frozen).to.equal(true);
    }

    const isItFrozen = () => host.exec(commandOf("Is a server frozen?"));
    const whoHoldsIt = () => host.exec(commandOf("Which run holds the instance?"));

    it("see that nothing is frozen", () => {
        expect(isItFrozen()).to.equal("no freeze of this package\n");
    });

    it("see which run has frozen and holds it", async () => {
        const guard = await frozen();
        expect(isItFrozen()).to.contain(`marker_execution='${EXECUTION}'`);
        expect(whoHoldsIt()).to.match(new RegExp(`^${EXECUTION} .*\\nit is held\\n$`));
        guard.send("release");
        await guard.end();
    });

    it("see a freeze that nobody holds any more, and find its age", async () => {
        await abandoned();
        expect(isItFrozen()).to.contain(EXECUTION);
        expect(whoHoldsIt()).to.match(/nobody holds it\n$/);
        const find = commandOf("A freeze that does not end", "", "docs/monitoring.md");
        expect(host.exec(find)).to.equal("");
        host.exec(`touch -d '11 minutes ago' ${host.guardDirectory}/marker`);
        expect(host.exec(find)).to.equal(`${host.guardDirectory}/marker\n`);
    });

    it("thaw by a script on the instance", async () => {
        await abandoned();
        host.exec(
            `post=/usr/sbin/post-thaw-script\n${commandOf("Thaw by hand", '"$post" thaw').replace(/^post=.*\n/, "")}`,
        );
        expect(host.frozen).to.equal(false);
    });

    it("thaw by a script of the program, in its environment", async () => {
        const script = `#!/bin/sh\n[ "$OF_THE_TEST" = "${SECRET}" ] || exit 3\n${host.postThawScript()}`;
        await abandoned({ postThaw: { script }, environment: { OF_THE_TEST: SECRET } });
        const marker = isItFrozen();
        expect(marker).to.contain("marker_post_interpreter='/bin/sh'");
        host.exec(`execution=${EXECUTION} interpreter=/bin/sh\n${commandOf("Thaw by hand", "environment")}`);
        expect(host.frozen).to.equal(false);
    });
});

describe("the runbook's commands on a file system", function () {
    this.timeout(120_000);
    let cloud: LocalCloud;
    let host: SshHost;
    let volumes: Volumes | undefined;

    before(async function () {
        needsRoot(this);
        cloud = await startLocalCloud();
        const instance = await cloud.createInstance({ volumes: 2 });
        host = await startSshHost({ instanceId: instance.instanceId });
        volumes = await mountVolumes(cloud, instance, host, [
            { mountPoint: "/mnt/data", fileSystem: "ext4" },
        ]);
    });
    after(async () => {
        await volumes?.stop();
        await (host as SshHost | undefined)?.stop();
        await (cloud as LocalCloud | undefined)?.stop();
    });

    it("thaw it, and tell one that was not frozen", async () => {
        const thaw = commandOf("Thaw by hand", "--unfreeze").replace(
            /^mount_point=.*\n/,
            "mount_point=/mnt/data\n",
        );
        await volumes?.thawAfter(60);
        await hostRun(host, "fsfreeze --freeze /mnt/data");
        await hostRun(host, `${thaw}echo >/mnt/data/written`);
        await volumes?.stayAwake();
        expect(await hostRun(host, `{ ${thaw} } 2>&1 || true`)).to.contain("Invalid argument");
    });
});

describe("the runbook's commands on a set", function () {
    this.timeout(120_000);
    let cloud: LocalCloud;
    const environment = { ...process.env };

    before(async () => {
        cloud = await startLocalCloud();
        Object.assign(process.env, cloud.env);
        lifecycle.configure(new Map([["aws:region", cloud.region]]));
    });
    after(async () => {
        process.env = environment;
        await (cloud as LocalCloud | undefined)?.stop();
    });

    const aws = (commands: string) =>
        execFileSync("sh", ["-euc", commands], {
            encoding: "utf8",
            env: {
                ...process.env,
                ...cloud.env,
                AWS_DEFAULT_REGION: cloud.region,
                PATH: `${setupAwsCli({ root: ROOT, log: console.error })}:${process.env["PATH"] ?? ""}`,
            },
            timeout: 60_000,
        });

    it("find it, its age, and delete it", async () => {
        const { instanceId } = await cloud.createInstance({ volumes: 2 });
        const inputs = {
            instanceId,
            owner: "urn:pulumi:test::test::test::nightly",
            quiesce: { method: "none" as const },
        };
        const { id, outs } = await lifecycle.create(inputs);
        const other = await lifecycle.create({ ...inputs, owner: "urn:pulumi:test::test::test::other" });

        const list = `instance=${instanceId}\n${commandOf("Find and delete a set by its tags", "sort_by")}`;
        const lines = aws(list).trimEnd().split("\n");
        for (const snapshotId of [...outs.snapshotIds, ...other.outs.snapshotIds]) {
            expect(lines.filter((line) => line.includes(snapshotId))).to.have.length(1);
        }
        expect(lines[0]).to.match(/\bcompleted\tacs-\S+\tcrash$/);

        // The page asks for those of level application.
        const age = `instance=${instanceId}\n${commandOf("The age of the newest set", "max(", "docs/monitoring.md")}`;
        expect(aws(age)).to.equal("None\n");
        expect(Date.parse(aws(age.replace("Values=application", "Values=crash")).trim())).to.be.closeTo(
            Date.now(),
            120_000,
        );

        aws(`execution=${id}\n${commandOf("Find and delete a set by its tags", "delete-snapshot")}`);
        const left = aws(list);
        expect(outs.snapshotIds.filter((snapshotId) => left.includes(snapshotId))).to.deep.equal([]);
        expect(other.outs.snapshotIds.filter((snapshotId) => left.includes(snapshotId))).to.deep.equal(
            other.outs.snapshotIds,
        );
    });
});
