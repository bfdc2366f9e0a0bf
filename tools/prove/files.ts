import { hostRun } from "../../lab/volumes/volumes";
import { type Application, DATA_AND_LOG, nextPart, numbersOf, partsOf } from "./application";

/** Each number is written to a file on one volume, then to a file on the other; nobody waits for the disks. */
export const files: Application = {
    name: "plain files",
    volumes: DATA_AND_LOG,
    version: "uname -sr",
    level: "filesystem",
    recipe: 'recipes.fileSystems(["/mnt/data", "/mnt/log"])',
    async start(host) {
        await hostRun(host, "touch /mnt/data/first /mnt/log/second");
    },
    client:
        'while read -r line; do printf "%s\\n" "$line" >>/mnt/data/first && ' +
        'printf "%s\\n" "$line" >>/mnt/log/second && printf "%s\\n" "${line#* }"; done',
    statement: (writer, n) => `${writer} ${n}`,
    async read(volumes, restored) {
        const output = await volumes.runOn(restored, `cat /mnt/data/first; ${nextPart}; cat /mnt/log/second`);
        const [first = [], second = []] = partsOf(output).map(numbersOf);
        const numbers = second.map((list) => list.toSorted((a, b) => a - b));
        return {
            numbers,
            recovery: [],
            problems: first.flatMap((list, writer) => notTogether(list, numbers[writer] ?? [])),
        };
    },
};

/** One number may be on its way between the two; more are two different moments. */
export function notTogether(first: readonly number[], second: readonly number[]): string[] {
    const ahead = first.length - second.length;
    return ahead === 0 || ahead === 1
        ? []
        : [`the volumes are of different moments: ${first.length} numbers here, ${second.length} there`];
}
