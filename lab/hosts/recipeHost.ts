import { CreateSnapshotsCommand, EC2Client } from "@aws-sdk/client-ec2";
import { assert } from "chai";
import { shellQuote } from "../../provider/quiesce/hooks/guardProgram";
import type { RecipeScripts } from "../../recipes";
import { type CloudInstance, type LocalCloud, startLocalCloud } from "../cloud/localCloud";
import type { HostProcess } from "./hostProcesses";
import { type SshHost, startSshHost } from "./sshHost";
import {
    type RestoredVolume,
    type VolumeLayout,
    type Volumes,
    hostRun,
    mountVolumes,
} from "../volumes/volumes";

export interface RecipeRun {
    readonly exitCode: number;
    readonly output: string;
}

export interface RunOptions {
    readonly shell?: string;
    readonly execution?: string;
    /** Another one than that of `ready`. */
    readonly recipe?: RecipeScripts;
    readonly preFreezeSeconds?: number;
    /** Beside what the guard always gives, such as a password. */
    readonly environment?: Readonly<Record<string, string>>;
}

const SCRIPT = "/run/recipe";
const OTHER_SCRIPT = "/run/recipe-other";
const VERIFY = "/run/verify";
const STATE = "/run/app-consistent-snapshot-recipe";
/** Nothing that a test freezes stays frozen for longer. */
const LONGEST_TEST_S = 90;

/** A host with real volumes, on which a recipe is run by hand. */
export class RecipeHost {
    #before = new Set<number>();

    private constructor(
        private readonly cloud: LocalCloud,
        private readonly instance: CloudInstance,
        readonly host: SshHost,
        private readonly volumes: Volumes,
    ) {}

    static async start(layouts: readonly VolumeLayout[]): Promise<RecipeHost> {
        const cloud = await startLocalCloud();
        const instance = await cloud.createInstance({ volumes: layouts.length + 1 });
        const host = await startSshHost({ instanceId: instance.instanceId });
        try {
            return new RecipeHost(cloud, instance, host, await mountVolumes(cloud, instance, host, layouts));
        } catch (error) {
            await host.stop();
            await cloud.stop();
            throw error;
        }
    }

    /** Before each test: thaws what the one before may have left, and from now on in time. */
    async ready(recipe: RecipeScripts): Promise<void> {
        await this.volumes.thawAfter(LONGEST_TEST_S);
        this.host.writeScript(SCRIPT, recipe.preFreeze.script);
        this.#before = new Set(this.#helpers().map(({ pid }) => pid));
    }

    /** As the guard runs it: with next to no environment, for an execution, or else by hand. */
    async run(
        verb: string,
        { shell = "sh", execution = "", recipe, preFreezeSeconds, environment = {} }: RunOptions = {},
    ): Promise<RecipeRun> {
        const variables = Object.entries({
            ...(execution === "" ? {} : { ACS_EXECUTION_ID: execution }),
            ...(preFreezeSeconds === undefined ? {} : { ACS_PRE_FREEZE_SECONDS: preFreezeSeconds }),
            ...environment,
        }).map(([name, value]) => shellQuote(`${name}=${value}`));
        if (recipe !== undefined) {
            this.host.writeScript(OTHER_SCRIPT, recipe.preFreeze.script);
        }
        const script = recipe === undefined ? SCRIPT : OTHER_SCRIPT;
        return await this.#run(`${variables.join(" ")} ${shell} ${script} ${verb}`);
    }

    /**
     * Runs a script for restore tests as one does on a copy.
     * @param on where restored volumes are in the place of the originals, after this command. Default: on the host itself
     */
    async verify(
        { script }: { readonly script: string },
        { shell = "sh", on }: { shell?: string; on?: { volumes: RestoredVolume[]; after: string } } = {},
    ): Promise<RecipeRun> {
        this.host.writeScript(VERIFY, script);
        const run = `ACS_INSTANCE_ID=i-1 ${shell} ${VERIFY} verify`;
        const ended = await this.#run(run, on);
        const left = await this.shell("ls -d /run/app-consistent-snapshot-verify* 2>/dev/null; true");
        assert.equal(left, "", "the script left its folder");
        return ended;
    }

    async #run(command: string, on?: { volumes: RestoredVolume[]; after: string }): Promise<RecipeRun> {
        const text = `env -i ${command} </dev/null 2>&1; echo "exit $?"`;
        const output =
            on === undefined
                ? await this.shell(text)
                : await this.volumes.runOn(on.volumes, `{ ${on.after}; } >/dev/null && { ${text}; }`);
        const [, said = "", code = ""] = /^([\s\S]*)exit (\d+)\n$/.exec(output) ?? [];
        return { exitCode: Number(code), output: said };
    }

    /** What its volumes hold at this moment, by a set of snapshots, as volumes of their own. */
    async restored(): Promise<RestoredVolume[]> {
        await this.shell(this.volumes.mountPoints.map((mountPoint) => `sync -f ${mountPoint}`).join(" && "));
        const ec2 = new EC2Client(this.cloud.clientConfig());
        try {
            const { Snapshots = [] } = await ec2.send(
                new CreateSnapshotsCommand({
                    InstanceSpecification: { InstanceId: this.instance.instanceId },
                }),
            );
            return await this.volumes.restore(
                Snapshots.map(({ SnapshotId = "", VolumeId = "" }) => ({
                    snapshotId: SnapshotId,
                    volumeId: VolumeId,
                })),
            );
        } finally {
            ec2.destroy();
        }
    }

    shell(command: string): Promise<string> {
        return hostRun(this.host, command);
    }

    /** Whether a write to it has to wait. What waits goes on after the thaw. */
    async isFrozen(mountPoint: string): Promise<boolean> {
        const file = `${mountPoint}/is-frozen`;
        // A process of its own: who waits for it could not be killed either.
        const output = await this.shell(
            `(echo >${file}) >/dev/null 2>&1 & sleep 0.5; if kill -0 $! 2>/dev/null; then echo frozen; fi`,
        );
        return output === "frozen\n";
    }

    /** What a recipe has left on the host since `ready`. */
    async left(): Promise<string[]> {
        const state = await this.shell(`ls -d ${STATE} 2>/dev/null || true`);
        const processes = this.#helpers().filter(({ pid }) => !this.#before.has(pid));
        return [...state.split("\n").filter(Boolean), ...processes.map(({ command }) => command)];
    }

    /** Such as recipes start; tests have some of their own. */
    #helpers(): HostProcess[] {
        return this.host
            .processes()
            .filter(({ command }) =>
                /^(sleep (180|360)$|psql|mariadb |redis-cli|valkey-cli|fsfreeze|\S*sh \/run\/recipe)/.test(
                    command,
                ),
            );
    }

    async stop(): Promise<void> {
        await this.volumes.stop();
        await this.host.stop();
        await this.cloud.stop();
    }
}
