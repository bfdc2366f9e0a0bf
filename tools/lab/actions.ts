import {
    DescribeImagesCommand,
    DisableImageCommand,
    EC2Client,
    EnableImageCommand,
} from "@aws-sdk/client-ec2";
import { shellQuote } from "../../provider/quiesce/hooks/guardProgram";
import type { Gate, LocalCloud } from "../../lab/cloud/localCloud";
import type { Project } from "../../lab/engine/project";
import { type Command, HELP, UsageError } from "./commands";
import type { LabServer, LinuxServer } from "./servers";

/** Long enough to see snapshots on their way; real ones take minutes to hours. */
const SNAPSHOT_DURATION_MS = 1500;
/** For how long `kill` waits for its call. */
const KILL_LIMIT_MS = 30 * 60_000;
const AWAKE_LIMIT_MS = 320_000;

export interface Actors {
    readonly cloud: LocalCloud;
    readonly project: Project;
    readonly linux: readonly LinuxServer[];
    readonly windows: LabServer;
    readonly clientKeyFile: string;
    /** Tells the lab's own terminal what happens later. */
    readonly say: (line: string) => void;
}

/** Carries out what a user tells the lab. */
export class Actions {
    #kills = 0;

    constructor(private readonly actors: Actors) {}

    /** @returns what the user is told */
    async run(command: Command): Promise<string> {
        switch (command.name) {
            case "help":
                return HELP;
            case "servers":
                return await this.#servers();
            case "cloud":
                return await this.#contents();
            case "config":
                return this.#configOf(command.server);
            case "refuse":
                return await this.#refuse(command.operation, command.times, command.code);
            case "kill":
                return await this.#killAt(command.operation);
            case "disable":
                await this.#toImage(new DisableImageCommand({ ImageId: command.imageId }));
                return `${command.imageId} is disabled: DescribeImages does not show it any more`;
            case "enable":
                await this.#toImage(new EnableImageCommand({ ImageId: command.imageId }));
                return `${command.imageId} is enabled`;
            case "mend":
                await this.mend();
                return "the API answers again as it should";
        }
    }

    async mend(): Promise<void> {
        const { cloud } = this.actors;
        this.#kills += 1;
        await cloud.reset();
        await cloud.configureSnapshots({ durationMs: SNAPSHOT_DURATION_MS });
    }

    get #all(): readonly LabServer[] {
        return [...this.actors.linux, this.actors.windows];
    }

    async #servers(): Promise<string> {
        const rows = this.#all.map(async (server) => {
            const state = (await server.isFrozen()) ? "frozen" : "awake";
            return `${server.name.padEnd(10)}  ${server.instanceId}  ${state}  ${server.what}`;
        });
        return (await Promise.all(rows)).join("\n");
    }

    async #contents(): Promise<string> {
        const { cloud } = this.actors;
        const ec2 = new EC2Client(cloud.clientConfig());
        try {
            const snapshots = await cloud.snapshots();
            const { Images = [] } = await ec2.send(
                new DescribeImagesCommand({ Owners: ["self"], IncludeDisabled: true }),
            );
            const lines = [
                ...snapshots.map((one) => `${one.snapshotId}  ${one.state}  ${one.description}`),
                ...Images.map((one) => `${one.ImageId}  ${one.State}  ${one.Name}`),
            ];
            return lines.length > 0 ? lines.join("\n") : "no snapshot and no image";
        } finally {
            ec2.destroy();
        }
    }

    /** Under the names that the examples read. */
    #configOf(name: string): string {
        const server = this.#all.find((one) => one.name === name);
        if (server === undefined) {
            const names = this.#all.map((one) => one.name).join(", ");
            throw new UsageError(`there is no server "${name}", only ${names}`);
        }
        const plain = Object.entries({
            "aws:region": this.actors.cloud.region,
            instanceId: server.instanceId,
            ...server.login,
        });
        return [
            "pulumi config set-all",
            ...plain.map(([key, value]) => `--plaintext ${shellQuote(`${key}=${value}`)}`),
            ...(server.login === undefined
                ? []
                : [`--secret privateKey="$(cat ${shellQuote(this.actors.clientKeyFile)})"`]),
        ].join(" \\\n    ");
    }

    async #refuse(operation: string, times: number, code: string): Promise<string> {
        const message = "The lab was told to refuse this.";
        await this.actors.cloud.fault(operation, { kind: "error", code, message }, { times });
        return `the API refuses the next ${times} ${operation} with ${code}; dry runs pass`;
    }

    async #killAt(operation: string): Promise<string> {
        const gate = await this.actors.cloud.gate(operation, { phase: "after" });
        this.#kills += 1;
        void this.#kill(gate, operation, this.#kills).catch((error: unknown) => {
            this.actors.say(`nothing is killed: ${String(error)}`);
        });
        return `the next ${operation} is carried out, and the provider is killed before it hears of it`;
    }

    /** @param number after a later `kill` or `mend` this one is no more */
    async #kill(gate: Gate, operation: string, number: number): Promise<void> {
        const met = await gate.reached({ limitMs: KILL_LIMIT_MS }).catch((error: unknown) => {
            if (number === this.#kills) {
                throw error;
            }
        });
        if (met === undefined) {
            return;
        }
        const { project, linux, say } = this.actors;
        const providers = project.processes().filter(({ role }) => role === "dynamicProvider");
        const killedAt = performance.now();
        for (const { pid } of providers) {
            process.kill(pid, "SIGKILL");
        }
        await gate.release();
        say(
            `${operation} was carried out; killed the provider: ${providers.map(({ pid }) => pid).join(", ")}`,
        );
        await Promise.all(linux.map((server) => server.awake(AbortSignal.timeout(AWAKE_LIMIT_MS))));
        const took = Math.round(performance.now() - killedAt);
        say(`${linux.map(({ name }) => name).join(" and ")} can be written to ${took} ms later`);
    }

    async #toImage(command: DisableImageCommand | EnableImageCommand): Promise<void> {
        const ec2 = new EC2Client(this.actors.cloud.clientConfig());
        try {
            // Two calls of one overload each: the SDK's `send` takes no union.
            await (command instanceof DisableImageCommand ? ec2.send(command) : ec2.send(command));
        } finally {
            ec2.destroy();
        }
    }
}
