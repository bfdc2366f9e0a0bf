import {
    CreateImageCommand,
    CreateTagsCommand,
    DescribeInstancesCommand,
    DescribeVolumesCommand,
    type Instance,
    ModifyInstanceAttributeCommand,
    type Volume,
} from "@aws-sdk/client-ec2";
import { assert } from "chai";
import { setTimeout as sleep } from "node:timers/promises";
import type { RestoreInputs } from "../../provider/inputs/restoreInputs";
import { createRestore } from "../../provider/lifecycle/restoreTest/createRestore";
import { deleteRestore } from "../../provider/lifecycle/restoreTest/deleteRestore";
import { readRestore } from "../../provider/lifecycle/restoreTest/readRestore";
import type { RestoreOutputs } from "../../provider/lifecycle/restoreTest/restoreOutputs";
import { updateRestore } from "../../provider/lifecycle/restoreTest/updateRestore";
import { Session } from "../../provider/lifecycle/session";
import { Copies } from "../hosts/copies";
import type { SshHost } from "../hosts/sshHost";
import { type CloudScene, startCloudScene } from "./cloudScene";
import { RestoreProcess } from "./restoreProcess";

/** How a test ended. */
export interface RestoreOutcome {
    readonly id: string;
    readonly inputs: RestoreInputs;
    readonly state: RestoreOutputs | undefined;
    /** An "init error" when it has properties. */
    readonly error: (Error & { id?: string; properties?: RestoreOutputs }) | undefined;
    readonly lines: readonly string[];
}

export const RESTORE_SECRET = "s3cret-of-the-verification";

const VERIFYING_LIMIT_MS = 60_000;
const GO = "/run/go-on";
/** Takes until `goOn`, and says that it has begun. */
export const LONG_VERIFY = {
    script: `#!/bin/sh\necho verifying >>/run/test-events\nwhile [ ! -e ${GO} ]; do sleep 0.05; done\necho seen\n`,
};

/** Short enough for tests; the order among them stays. */
export const SHORT_LIMITS = {
    copyLookMs: 100,
    hostKeysPauseMs: 100,
    bootPauseMs: 100,
    copyLeaseMs: 2_000,
    copyRenewalMs: 500,
    refusedPausesMs: [50, 50, 50],
    visibleMs: 2_000,
    copyGoneMs: 3_000,
} as const;

/** An image of a server with a data volume that termination leaves, and hosts for what is launched of it. */
export class RestoreScene {
    readonly #session = new Session();
    #owners = 0;

    private constructor(
        private readonly of: CloudScene,
        readonly copies: Copies,
        readonly imageId: string,
    ) {
        this.#session.configure(new Map());
    }

    /** Needs root. */
    static async start(): Promise<RestoreScene> {
        const scene = await startCloudScene();
        await scene.cloud.configureSnapshots({ durationMs: 0 });
        const { instanceId } = await scene.cloud.createInstance({ volumes: 2 });
        const image = await scene.ec2.send(
            new CreateImageCommand({ InstanceId: instanceId, Name: `of-${instanceId}` }),
        );
        return new RestoreScene(scene, await Copies.start(scene.cloud), image.ImageId ?? "");
    }

    get cloud() {
        return this.of.cloud;
    }

    /** A resource of its own for each call that names no owner. */
    inputs(changes: Partial<RestoreInputs> = {}): RestoreInputs {
        return {
            imageId: this.imageId,
            launch: this.copies.launch,
            connection: { user: "admin", port: this.copies.port, privateKey: this.copies.clientKey },
            verify: { script: `#!/bin/sh\npassword=${RESTORE_SECRET}\necho "5 tables, 17 rows"\n` },
            timeouts: { boot: 20, verify: 20 },
            owner: `urn:pulumi:test::restore::ec2:RestoreTest::test-${(this.#owners += 1)}`,
            ...changes,
        };
    }

    async create(inputs = this.inputs()): Promise<RestoreOutcome> {
        return await this.#outcome("", inputs, async () => {
            const { id, outs } = await createRestore(this.#session, inputs);
            return { id, state: outs };
        });
    }

    async update(before: RestoreOutcome): Promise<RestoreOutcome> {
        return await this.#outcome(before.id, before.inputs, async () => {
            const { outs } = await updateRestore(this.#session, before.id, stateAfter(before), before.inputs);
            return { id: before.id, state: outs };
        });
    }

    async remove(before: RestoreOutcome): Promise<void> {
        await deleteRestore(this.#session, before.id, stateAfter(before));
    }

    async read(before: RestoreOutcome): Promise<RestoreOutputs> {
        return (await this.refreshed(before)).props;
    }

    /** `read`, and what it says. */
    async refreshed(before: RestoreOutcome): Promise<{ props: RestoreOutputs; lines: readonly string[] }> {
        const props = stateAfter(before);
        const { state = props, lines } = await this.#outcome(before.id, before.inputs, async () => {
            const read = await readRestore(this.#session, before.id, props);
            return { id: read.id, state: read.props };
        });
        return { props: state, lines };
    }

    async #outcome(
        id: string,
        inputs: RestoreInputs,
        work: () => Promise<{ id: string; state: RestoreOutputs }>,
    ): Promise<RestoreOutcome> {
        const lines: string[] = [];
        const { log } = console;
        console.log = (...parts: unknown[]) => lines.push(parts.join(" "));
        try {
            const result = await work().catch(
                (error: unknown) => error as NonNullable<RestoreOutcome["error"]>,
            );
            const error = result instanceof Error ? result : undefined;
            const state = result instanceof Error ? undefined : result.state;
            return { id: result.id ?? id, inputs, state, error, lines };
        } finally {
            console.log = log;
        }
    }

    /** The real process of a run, to be ended; with the limits of this one. */
    async start(inputs = this.inputs()): Promise<RestoreProcess> {
        return await RestoreProcess.start(this.cloud, inputs);
    }

    /** Waits until `LONG_VERIFY` runs on a copy. */
    async untilVerifying(): Promise<SshHost> {
        const deadline = performance.now() + VERIFYING_LIMIT_MS;
        for (;;) {
            const found = [...this.copies.hosts.values()].find(({ events }) => events.includes("verifying"));
            if (found !== undefined) {
                return found;
            }
            assert.isBelow(performance.now(), deadline, "no verify script runs");
            await sleep(20);
        }
    }

    /** Waits until a copy has been launched, whether somebody was told or not. */
    async copyLaunched(): Promise<void> {
        const deadline = performance.now() + VERIFYING_LIMIT_MS;
        while (this.copies.hosts.size === 0) {
            assert.isBelow(performance.now(), deadline, "no copy is launched");
            await sleep(20);
        }
    }

    goOn(host: SshHost): void {
        host.exec(`touch ${GO}`);
    }

    /** Those that the image was launched as, and that are not terminated. */
    async instances(): Promise<Instance[]> {
        const { Reservations = [] } = await this.of.ec2.send(
            new DescribeInstancesCommand({ Filters: [{ Name: "image-id", Values: [this.imageId] }] }),
        );
        return Reservations.flatMap(({ Instances = [] }) => Instances).filter(
            ({ State }) => State?.Name !== "terminated",
        );
    }

    /** Volumes of such. */
    async volumes(): Promise<Volume[]> {
        const filter = { Name: "tag-key", Values: ["app-consistent-snapshot:lease"] };
        const { Volumes = [] } = await this.of.ec2.send(new DescribeVolumesCommand({ Filters: [filter] }));
        return Volumes;
    }

    async protect(instanceId: string, Value: boolean): Promise<void> {
        const what = { InstanceId: instanceId, DisableApiTermination: { Value } };
        await this.of.ec2.send(new ModifyInstanceAttributeCommand(what));
    }

    /** As if the run that keeps it had died long ago. */
    async letLeasesRunOut(): Promise<void> {
        const made = [...(await this.instances()), ...(await this.volumes())];
        const ids = made.map(
            (one) => ("InstanceId" in one ? one.InstanceId : (one as Volume).VolumeId) ?? "",
        );
        if (ids.length > 0) {
            const lease = { Key: "app-consistent-snapshot:lease", Value: new Date(0).toISOString() };
            await this.of.ec2.send(new CreateTagsCommand({ Resources: ids, Tags: [lease] }));
        }
    }

    /** In `afterEach`: nothing of any copy is there, and no host runs for one. */
    async assertNothingLeft(): Promise<void> {
        assert.deepEqual(this.copies.problems, []);
        await this.copies.untilNone();
        assert.deepEqual(
            (await this.instances()).map(({ InstanceId }) => InstanceId),
            [],
            "copies",
        );
        assert.deepEqual(
            (await this.volumes()).map(({ VolumeId }) => VolumeId),
            [],
            "their volumes",
        );
    }

    async reset(): Promise<void> {
        await this.cloud.reset();
        await this.cloud.configureSnapshots({ durationMs: 0 });
        await this.cloud.clearCalls();
        this.copies.boot = {};
    }

    async stop(): Promise<void> {
        await this.copies.stop();
        this.of.stop();
    }
}

export function stateAfter({ state, error }: RestoreOutcome): RestoreOutputs {
    return state ?? error?.properties ?? assert.fail(`no state was left: ${String(error)}`);
}
