import type { SnapshotInputs } from "../../provider/inputs/inputs";
import type { Server } from "./lab";

/** The inputs of a snapshot of the server, over the port. */
export function inputsFor({ instance, host }: Server, port: number, freezeLimitS = 30): SnapshotInputs {
    return {
        instanceId: instance.instanceId,
        quiesce: {
            method: "hooks",
            sudo: host.sudo,
            connection: {
                host: host.address,
                port,
                user: host.user,
                privateKey: host.clientKey,
                hostKey: [...host.hostKeyLines],
            },
            scripts: { preFreeze: { path: host.preFreezePath }, postThaw: { path: host.postThawPath } },
        },
        timeouts: { freeze: freezeLimitS },
    };
}
