import type { Lab } from "./lab";
import { type Sample, floor, product, script } from "./methods";
import type { Measured, Setting } from "./report";

const METHODS = { product, floor, script };
type Name = keyof typeof METHODS;
const NAMES = Object.keys(METHODS) as Name[];

/**
 * Measures all methods in all settings, one after the other and round by round, so that whatever else the machine
 * does meets them alike.
 */
export async function measure(
    lab: Lab,
    settings: readonly Setting[],
    rounds: number,
    tell: (line: string) => void = () => undefined,
): Promise<Measured[]> {
    const results = settings.map((setting) => ({
        ...setting,
        product: [] as Sample[],
        floor: [] as Sample[],
        script: [] as Sample[],
    }));
    for (let round = 1; round <= rounds; round += 1) {
        for (const result of results) {
            const server = await lab.server(result.volumes);
            for (const name of rotated(round)) {
                await lab.cloud.setLatency("CreateSnapshots", result.apiMs);
                const sample = await METHODS[name](lab, server, result.roundTripMs);
                result[name].push(sample);
                const left = await lab.cloud.snapshots(server.instance);
                await lab.cloud.deleteSnapshots(left.map(({ snapshotId }) => snapshotId));
                await lab.cloud.clearCalls();
            }
        }
        tell(`round ${round} of ${rounds}`);
    }
    return results;
}

function rotated(by: number): Name[] {
    const start = by % NAMES.length;
    return [...NAMES.slice(start), ...NAMES.slice(0, start)];
}
