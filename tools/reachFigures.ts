// What each way to a host costs: `npm run bench:reach [-- --rounds 3 --rtt 0,20,100 --record reach]`.
//
// All ways lead to one server on this machine, by turns, so that whatever else the machine does meets them alike. Added round
// trips are on the last leg, to sshd. With `--record`, the table goes into docs/reach.md as well.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { format, resolveConfig } from "prettier";
import { ROOT } from "../lab/engine/engine";
import { inputsBy } from "./bench/inputs";
import { Lab, type Server } from "./bench/lab";
import { type Sample, connectTo, floorOf, productOf, runWith } from "./bench/methods";
import { median, ms, overheadOf, table, windowOf } from "./bench/report";
import { allFigures, recordFigures, sentenceOf } from "./figures/measured";
import { wrapped } from "./figures/wrapped";
import { INTERRUPTIONS } from "./interruptions";
import { ownOptions } from "./options";
import { type Held, holdMany } from "./reach/busy";
import { type Left, leave } from "./reach/left";
import { installedSize } from "./reach/size";
import { type Way, type Ways, startWays } from "./reach/ways";

const VOLUMES = 3;
/** Of one answer of a host; more is refused. */
const CARRIED = 1_000_000;
const LINE = 1_000;
const LIMIT_MS = 60_000;
/** As many as `pulumi up` begins with. */
const AT_ONCE = 10;
const [BEGIN, END] = ["<!-- figures of npm run bench:reach -->", "<!-- end of figures -->"];

const { rounds, rtt, record } = ownOptions("npm run bench:reach", {
    rounds: 3,
    rtt: [0, 20, 100],
    record: "",
});

interface Figures {
    readonly way: Way;
    /** By added round trip. */
    readonly product: Map<number, Required<Sample>[]>;
    readonly floor: Map<number, (Required<Sample> & { loginMs: number })[]>;
    readonly outMs: number[];
    readonly inMs: number[];
    readonly killed: Left[];
    readonly asleep: Left[];
}

async function main(): Promise<void> {
    const lab = await Lab.start();
    const stops = [() => lab.stop()];
    const stop = async () => {
        for (const one of stops.splice(0).reverse()) {
            await one();
        }
    };
    for (const signal of INTERRUPTIONS) {
        process.once(signal, () => void stop().finally(() => process.exit(130)));
    }
    try {
        const server = await lab.server(VOLUMES);
        const ways = await startWays(lab, server);
        stops.push(() => ways.stop());
        const figures = await measured(lab, server, ways);
        const text = textOf(figures, await holdMany(lab, AT_ONCE), ways.plugin);
        console.log(text);
        if (record !== "") {
            recordFigures(record, "reach", "npm run bench:reach");
            const sentence = allFigures()[record];
            await intoPage(sentence === undefined ? text : `${wrapped(sentenceOf(sentence))}\n\n${text}`);
        }
    } finally {
        await stop();
    }
}

async function measured(lab: Lab, server: Server, ways: Ways): Promise<Figures[]> {
    const figures = ways.all.map((way): Figures => ({
        way,
        product: new Map(),
        floor: new Map(),
        outMs: [],
        inMs: [],
        killed: [],
        asleep: [],
    }));
    for (let round = 1; round <= rounds; round += 1) {
        for (const one of figures) {
            for (const roundTripMs of rtt) {
                const inputs = inputsBy(server, one.way.connection(await server.port(roundTripMs)));
                add(one.product, roundTripMs, await productOf(await runWith(inputs)));
                add(one.floor, roundTripMs, await floorOf(await runWith(inputs), server.host));
            }
            await carry(server, one);
        }
        console.error(`reach: round ${round} of ${rounds}`);
    }
    for (const { way, killed, asleep } of figures) {
        for (let round = 1; round <= rounds; round += 1) {
            killed.push(await leave(lab, ways, { server, way, signal: "SIGKILL" }));
        }
        asleep.push(await leave(lab, ways, { server, way, signal: "SIGSTOP" }));
    }
    console.error("reach: clients were killed");
    return figures;
}

function add<T>(samples: Map<number, T[]>, roundTripMs: number, sample: T): void {
    samples.set(roundTripMs, [...(samples.get(roundTripMs) ?? []), sample]);
}

/** A megabyte from the host, and a megabyte to it. */
async function carry(server: Server, { way, outMs, inMs }: Figures): Promise<void> {
    const connection = await connectTo(await runWith(inputsBy(server, way.connection(server.host.port))));
    try {
        const line = "x".repeat(LINE - 1);
        const channel = await connection.exec(
            `echo ready; yes ${line} | head -n ${CARRIED / LINE}; head -c ${CARRIED} | wc -c`,
        );
        const next = () => channel.nextLine(LIMIT_MS);
        await next();
        const from = performance.now();
        for (let count = 0; count < CARRIED / LINE; count += 1) {
            if ((await next()) !== line) {
                throw new Error("something else arrived");
            }
        }
        const between = performance.now();
        channel.write("x".repeat(CARRIED));
        if (Number(await next()) !== CARRIED) {
            throw new Error("something else arrived there");
        }
        outMs.push(between - from);
        inMs.push(performance.now() - between);
    } finally {
        await connection.close();
    }
}

function textOf(figures: readonly Figures[], busy: readonly Held[], plugin: string): string {
    const heads = rtt.map((roundTripMs) => `+${roundTripMs} ms`);
    return [
        `Time to log in, by the round trip added. Medians of ${rounds} rounds, by turns. The plugin was ${plugin}.`,
        table(["way", ...heads], figures.map(loginRow)),
        "The freeze window beyond the API's time, and the whole of it as a multiple of the least that is possible on the same way:",
        table(["way", ...heads.flatMap((head) => [head, "of the least"])], figures.map(windowRow)),
        "A megabyte from the host and to it; the most memory, while frozen, of a client of its own (with the compiler that it is " +
            "started by) and of the programs that it has started; from SIGKILL, and from SIGSTOP, of all of these to the thaw:",
        table(
            ["way", "from", "to", "memory", "of programs", "thaw when killed", "thaw when asleep"],
            figures.map(leftRow),
        ),
        ...busy.map(
            ({ way, held, of, longestMs }) =>
                `${of} at once by ${way}, with all processors busy, and the client blocked for 2 s three times: ${held} of ${of} ` +
                `freezes were held, up to ${ms(longestMs)} long.`,
        ),
        sizeText(),
    ]
        .map((part) => (part.startsWith("|") ? part : wrapped(part)))
        .join("\n\n");
}

function loginRow({ way, floor }: Figures): string[] {
    return [
        way.name,
        ...rtt.map((roundTripMs) => ms(median((floor.get(roundTripMs) ?? []).map(({ loginMs }) => loginMs)))),
    ];
}

function windowRow({ way, floor, product }: Figures): string[] {
    const cells = rtt.flatMap((roundTripMs) => {
        const [least, ours] = [floor.get(roundTripMs) ?? [], product.get(roundTripMs) ?? []];
        return [ms(overheadOf(ours)), (windowOf(ours) / windowOf(least)).toFixed(2)];
    });
    return [way.name, ...cells];
}

function leftRow({ way, outMs, inMs, killed, asleep }: Figures): string[] {
    return [
        way.name,
        perSecond(outMs),
        perSecond(inMs),
        megabytes(Math.max(...killed.map(({ clientBytes }) => clientBytes))),
        megabytes(Math.max(...killed.map(({ programsBytes }) => programsBytes))),
        ms(median(killed.map(({ thawedMs }) => thawedMs))),
        ms(median(asleep.map(({ thawedMs }) => thawedMs))),
    ];
}

function sizeText(): string {
    const { installed, packages, own } = installedSize();
    const added = own + Object.values(packages).reduce((sum, bytes) => sum + bytes, 0);
    const each = Object.entries(packages).map(([name, bytes]) => `${megabytes(bytes)} of \`${name}\``);
    return (
        `The package takes ${megabytes(installed)} with all its dependencies, and took ${megabytes(installed - added)} without the ` +
        `ways by AWS and by a program: ${each.join(", ")}, and ${megabytes(own)} of its own.`
    );
}

function perSecond(times: readonly number[]): string {
    return `${(CARRIED / 1000 / median(times)).toFixed(1)} MB/s`;
}

function megabytes(bytes: number): string {
    return `${(bytes / 1e6).toFixed(2)} MB`;
}

async function intoPage(text: string): Promise<void> {
    const file = join(ROOT, "docs/reach.md");
    const page = readFileSync(file, "utf8");
    const [from, to] = [page.indexOf(BEGIN), page.indexOf(END)];
    if (from === -1 || to < from) {
        throw new Error(`docs/reach.md has no place for the figures, between "${BEGIN}" and "${END}"`);
    }
    const changed = `${page.slice(0, from + BEGIN.length)}\n\n${text}\n\n${page.slice(to)}`;
    const config = await resolveConfig(file);
    writeFileSync(file, await format(changed, { ...config, filepath: file }));
}

void main();
