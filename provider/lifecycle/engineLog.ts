import type * as Grpc from "@grpc/grpc-js";
import type { Metadata } from "@grpc/grpc-js";
import type * as Services from "@pulumi/pulumi/proto/engine_grpc_pb";
import type { EngineClient } from "@pulumi/pulumi/proto/engine_grpc_pb";
import type * as Messages from "@pulumi/pulumi/proto/engine_pb";
import { createRequire } from "node:module";
import { type EngineAddress, engineAddress } from "./engine";

export interface Line {
    readonly text: string;
    readonly severity: "info" | "warning";
    /** What goes on at the moment: shown until the next one, and kept nowhere. */
    readonly passing: boolean;
}

/** An engine that does not take a line for so long gets no more of them. */
const ANSWER_LIMIT_MS = 5_000;

/**
 * Lines on the rows of resources, by the engine's own service (`Log` of pulumi/pulumi, proto/pulumi/engine.proto): what a
 * dynamic provider prints lands on the stack's row. Fails when no engine started this process, or it does not answer.
 */
export class EngineLog {
    #service: Service | undefined;
    /** They stay in their order. */
    #last: Promise<unknown> = Promise.resolve();
    #gone = false;

    constructor(private readonly argv: readonly string[] = process.argv) {}

    /** @param onLost called when it could not be said to the engine, so that it is said in another way */
    say(urn: string, line: Line, onLost: () => void): void {
        const address = engineAddress(this.argv);
        if (address === undefined) {
            onLost();
            return;
        }
        this.#last = this.#last
            .then(() => (this.#gone ? Promise.reject(new Error("gone")) : this.#send(address, urn, line)))
            .catch(() => {
                this.#gone = true;
                onLost();
            });
    }

    /** Resolves when all that was said has arrived: what comes behind a verb's answer, the engine may not show. */
    async flush(): Promise<void> {
        await this.#last;
    }

    async #send(address: EngineAddress, urn: string, line: Line): Promise<void> {
        const { client, metadata, messages } = (this.#service ??= connect(address));
        const request = new messages.LogRequest();
        const { INFO, WARNING } = messages.LogSeverity;
        request.setSeverity(line.severity === "warning" ? WARNING : INFO);
        request.setMessage(line.text);
        request.setUrn(urn);
        request.setEphemeral(line.passing);
        await new Promise<void>((resolve, reject) => {
            client.log(request, metadata, { deadline: Date.now() + ANSWER_LIMIT_MS }, (error) =>
                error === null ? resolve() : reject(error),
            );
        });
    }
}

interface Service {
    readonly client: EngineClient;
    readonly metadata: Metadata;
    readonly messages: typeof Messages;
}

/** By `require`, as the names of what Pulumi generates cannot be imported, and when there is something to say only. */
function connect({ host, port }: EngineAddress): Service {
    const require = createRequire(__filename);
    const { EngineClient: Client } = require("@pulumi/pulumi/proto/engine_grpc_pb.js") as typeof Services;
    const messages = require("@pulumi/pulumi/proto/engine_pb.js") as typeof Messages;
    // Pulumi's own dependency, which need not be in reach of this package.
    const fromPulumi = createRequire(require.resolve("@pulumi/pulumi"));
    const grpc = fromPulumi("@grpc/grpc-js") as typeof Grpc;
    const client = new Client(`${host}:${port}`, grpc.credentials.createInsecure());
    return { client, metadata: new grpc.Metadata(), messages };
}
