import type { HooksQuiesce, SnapshotInputs } from "../../provider/inputs/inputs";
import type { Server } from "./lab";

type Connection = HooksQuiesce["connection"];

/** The inputs of a snapshot of the server, over the port. */
export function inputsFor(server: Server, port: number, freezeLimitS = 30): SnapshotInputs {
    return inputsBy(server, connectionTo(server, port), freezeLimitS);
}

export function connectionTo({ host }: Pick<Server, "host">, port: number): Connection & { port: number } {
    return {
        host: host.address,
        port,
        user: host.user,
        privateKey: host.clientKey,
        hostKey: [...host.hostKeyLines],
    };
}

/** The same, however the server is reached. */
export function inputsBy(
    { instance, host }: Pick<Server, "instance" | "host">,
    connection: Connection,
    freezeLimitS = 30,
): SnapshotInputs {
    return {
        instanceId: instance.instanceId,
        quiesce: {
            method: "hooks",
            sudo: host.sudo,
            connection,
            scripts: { preFreeze: { path: host.preFreezePath }, postThaw: { path: host.postThawPath } },
        },
        timeouts: { freeze: freezeLimitS },
    };
}
