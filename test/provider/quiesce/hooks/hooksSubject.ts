import { clientsFor } from "../../../../provider/aws/clients";
import { resolveSource } from "../../../../provider/aws/instance";
import { chooseQuiescer } from "../../../../provider/run/chooseQuiescer";
import { runOf } from "../../../../lab/scenes/run";
import type { Scene } from "../../../../lab/scenes/scene";
import type { Subject } from "../quiescerSuite";

let suites = 0;

/** What the suite of all quiescers needs to know of scripts over SSH, on the host of a scene. */
export function hooksSubject(scene: Scene): Subject {
    return {
        make: async (signal: AbortSignal) => {
            const clients = await clientsFor();
            const { instanceId } = scene.instance;
            const source = await resolveSource(clients, "123456789012", instanceId, undefined, signal);
            const run = runOf({
                executionId: `acs-suite-${(suites += 1)}`,
                inputs: scene.inputs(),
                clients,
                signal,
            });
            return chooseQuiescer(run, source);
        },
        frozen: () => scene.host.frozen,
        assertClean: async () => {
            await scene.host.until(() => scene.host.stateLeft.length === 0, { what: "a clean host" });
        },
        vouchedLevel: "application",
        reserves: true,
        holds: true,
    };
}
