// A process of its own that runs one `create`, to be killed. See WindowsScene.createKilled.
import { configure, create } from "./lifecycle";
import type { SnapshotInputs } from "../../provider/inputs/inputs";
import { timing } from "../../provider/base/timing";

/** What the process is started with, as JSON in `CREATE_ONCE`. */
export interface CreateOnce {
    readonly inputs: SnapshotInputs;
    /** The limits of the one that starts it. */
    readonly timing: typeof timing;
}

const given = JSON.parse(process.env["CREATE_ONCE"] ?? "") as CreateOnce;
Object.assign(timing, given.timing);
configure(new Map<string, string>());
void create(given.inputs);
