// A client that is killed while it holds a freeze: takes one snapshot, by the inputs that come on standard input.
import { randomUUID } from "node:crypto";
import { text } from "node:stream/consumers";
import { clientsFor } from "../../provider/aws/clients";
import type { SnapshotInputs } from "../../provider/inputs/inputs";
import { takeSnapshot } from "../../provider/run/takeSnapshots";
import { runOf } from "../../lab/scenes/run";

async function main(): Promise<void> {
    await takeSnapshot(
        runOf({
            executionId: `acs-${randomUUID()}`,
            inputs: JSON.parse(await text(process.stdin)) as SnapshotInputs,
            clients: await clientsFor(),
        }),
    );
}

void main();
