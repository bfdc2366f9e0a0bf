// Other user lands, servers and accounts: `npm run hosts [-- --only Debian --output hosts.md --record yes]`.
import { writeFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { HOST_KINDS } from "../lab/hosts/hostKinds";
import { asExpected, hostsTable, recorded, type TriedKind } from "./hosts/report";
import { tryKind } from "./hosts/tryKind";
import { ownOptions } from "./options";

const PAGE = join(__dirname, "../docs/hosts.md");

/** `only`: the kinds whose names begin so. `record`: `yes` puts the table into docs/hosts.md; only with all kinds. */
const options = ownOptions("npm run hosts", { only: "", output: ".cache/hosts.md", record: "" });

async function main(): Promise<void> {
    if (process.platform !== "linux" || process.getuid?.() !== 0) {
        throw new Error("this needs root on Linux: the hosts stand on file systems of their own");
    }
    const kinds = HOST_KINDS.filter(({ name }) => name.startsWith(options.only));
    if (kinds.length === 0 || (options.record !== "" && options.only !== "")) {
        throw new Error(
            kinds.length === 0 ? `no kind of host begins with ${options.only}` : "record all kinds, or none",
        );
    }
    const tried: TriedKind[] = [];
    for (const kind of kinds) {
        const result = await tryKind(kind);
        tried.push(result);
        console.error(
            `hosts: ${kind.name}: ${result.run}; ${result.passed} passed, ${result.failed.length} failed`,
        );
        for (const failure of result.failed) {
            console.error(`hosts:     ${failure}`);
        }
        writeFileSync(options.output, hostsTable(tried));
    }
    console.log(hostsTable(tried));
    if (options.record !== "") {
        writeFileSync(PAGE, recorded(readFileSync(PAGE, "utf8"), hostsTable(tried)));
    }
    process.exitCode = tried.every(asExpected) ? 0 : 1;
}

void main();
