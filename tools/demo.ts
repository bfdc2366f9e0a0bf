// The demo: a real `pulumi up`, and what happens when it is killed. `npm run demo` sets up what it needs first.
import { parseArgs } from "node:util";
import { linux } from "./demo/linux";
import { say } from "./demo/narration";
import type { DemoOptions, Scenario } from "./demo/scenario";
import { windows } from "./demo/windows";
import { INTERRUPTIONS } from "./interruptions";
import { stopAll } from "./stopAll";

interface Asked extends DemoOptions {
    readonly scenario: Scenario;
}

/** Undefined for what it does not know. */
function asked(args: string[]): Asked | undefined {
    try {
        const options = { windows: { type: "boolean" }, svg: { type: "string" } } as const;
        const { values } = parseArgs({ args, options });
        const isKnown = !(values.windows === true && values.svg !== undefined);
        return isKnown ? { scenario: values.windows ? windows : linux, svg: values.svg } : undefined;
    } catch {
        return undefined;
    }
}

async function main(args: string[]): Promise<void> {
    const { scenario, svg } = asked(args) ?? {};
    if (scenario === undefined) {
        console.error("usage: npm run demo [-- --windows | -- --svg FILE]");
        process.exitCode = 2;
        return;
    }
    const code = await scenario.prepare();
    if (code !== undefined) {
        process.exitCode = code;
        return;
    }
    const interruption = new AbortController();
    for (const signal of INTERRUPTIONS) {
        process.on(signal, () => interruption.abort());
    }
    const stops: (() => unknown)[] = [];
    try {
        await scenario.show({ interruption, atEnd: (stop) => stops.push(stop) }, { svg });
    } catch (error) {
        process.exitCode = interruption.signal.aborted ? 130 : 1;
        say(interruption.signal.aborted ? "\ninterrupted" : `\nthe demo failed: ${String(error)}`);
    } finally {
        await stopAll(stops);
        say("\nEverything that the demo started is stopped.");
    }
}

void main(process.argv.slice(2));
