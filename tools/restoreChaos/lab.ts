import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Project, makeProject } from "../../lab/engine/project";
import { type RestoreOutcome, RestoreScene, SHORT_LIMITS } from "../../lab/scenes/restoreScene";
import type { RestoreInputs } from "../../provider/inputs/restoreInputs";
import { timing } from "../../provider/base/timing";
import type { CopyKind, Plan } from "./plan";

/** What a run is to end within, the longest waits of the SDK for a cloud that fails included. */
export const RUN_LIMIT_MS = 240_000;

const VERIFY_S = 3;

/** An image, a cloud, hosts for the copies, and a project for the seeds that the engine runs. */
export class RestoreChaosLab {
    readonly #folder = mkdtempSync(join(tmpdir(), "restore-chaos-"));
    #project: Project | undefined;

    private constructor(readonly scene: RestoreScene) {}

    static async start(): Promise<RestoreChaosLab> {
        Object.assign(timing, SHORT_LIMITS);
        return new RestoreChaosLab(await RestoreScene.start());
    }

    get cloud() {
        return this.scene.cloud;
    }

    /** Made by the verify script of that seed as its last act. All hosts see the machine's /tmp. */
    #proof(seed: number): string {
        return join(this.#folder, `seen-${seed}`);
    }

    /** Whether the verify script ran to its end, by its own word. */
    isProven({ seed, copy }: Plan): boolean {
        return copy !== "verify fails" && existsSync(this.#proof(seed));
    }

    inputs({ seed, copy, keepOnFailure }: Plan): RestoreInputs {
        const ends: Partial<Record<CopyKind, string>> = {
            "verify fails": "exit 3",
            "verify hangs": "exec sleep 300",
        };
        const script = [
            "#!/bin/sh",
            "echo verifying >>/run/test-events",
            "sleep 0.5",
            "echo 5 tables",
            ends[copy] ?? `: >${this.#proof(seed)}`,
            "",
        ].join("\n");
        return this.scene.inputs({
            verify: { script },
            timeouts: {
                boot: copy === "never answers" || copy === "prints no keys" ? 4 : 30,
                verify: VERIFY_S,
            },
            keepOnFailure,
            owner: `urn:pulumi:test::chaos::ec2:RestoreTest::seed-${seed}`,
        });
    }

    prepare({ copy, fault }: Plan): Promise<void> {
        const { copies } = this.scene;
        copies.boot =
            copy === "never answers"
                ? { never: true }
                : copy === "prints no keys"
                  ? { console: "nothing" }
                  : {};
        return fault.kind === "late" ? this.cloud.hideLaunches(fault.ms) : Promise.resolve();
    }

    async project(): Promise<Project> {
        this.#project ??= await makeProject({ program: "", env: this.cloud.env });
        return this.#project;
    }

    program(inputs: RestoreInputs, trigger: string): string {
        const { owner: _, ...args } = inputs;
        return `import { RestoreTest } from "pulumi-app-consistent-snapshot";
const test = new RestoreTest("db", ${JSON.stringify({ ...args, triggers: [trigger] })} as any);
export const { passed, instanceId } = test;
`;
    }

    /** Copies, and volumes of such, that are there. */
    async left(): Promise<{ instances: string[]; volumes: string[] }> {
        const [instances, volumes] = [await this.scene.instances(), await this.scene.volumes()];
        return {
            instances: instances.map(({ InstanceId = "" }) => InstanceId),
            volumes: volumes.map(({ VolumeId = "" }) => VolumeId),
        };
    }

    async executionsOf(instanceIds: readonly string[]): Promise<string[]> {
        const found = await this.scene.instances();
        return found
            .filter(({ InstanceId = "" }) => instanceIds.includes(InstanceId))
            .map(
                ({ Tags = [] }) =>
                    Tags.find(({ Key }) => Key === "app-consistent-snapshot:execution")?.Value ?? "",
            );
    }

    /** As if whoever meddled had gone. */
    async restore(): Promise<void> {
        await this.scene.reset();
        for (const { InstanceId = "" } of await this.scene.instances()) {
            await this.scene.protect(InstanceId, false);
        }
    }

    async stop(): Promise<void> {
        await this.#project?.dispose();
        await this.scene.stop();
        rmSync(this.#folder, { recursive: true, force: true });
    }
}

/** How a run that was struck has ended. */
export interface Ended {
    readonly struck: boolean;
    /** What it told; undefined when it was killed before it could. */
    readonly outcome: RestoreOutcome | undefined;
    /** What does not hold already. */
    readonly problems: readonly string[];
    /** Its next run, as its user would start it. */
    readonly next: () => Promise<string[]>;
}
