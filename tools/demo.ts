// The demo: a real `pulumi up`. `npm run demo` sets up what it needs first.
import { linux } from "./demo/linux";
import { say } from "./demo/narration";
import type { Scenario } from "./demo/scenario";
import { windows } from "./demo/windows";
import { INTERRUPTIONS } from "./interruptions";
import { stopAll } from "./stopAll";

function scenarioOf(args: string[]): Scenario | undefined {
    if (args.length === 0) {
        return linux;
    }
    return args.length === 1 && args[0] === "--windows" ? windows : undefined;
}

async function main(args: string[]): Promise<void> {
    const scenario = scenarioOf(args);
    if (scenario === undefined) {
        console.error("usage: npm run demo [-- --windows]");
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
        await scenario.show({ interruption, atEnd: (stop) => stops.push(stop) });
    } catch (error) {
        process.exitCode = interruption.signal.aborted ? 130 : 1;
        say(interruption.signal.aborted ? "\ninterrupted" : `\nthe demo failed: ${String(error)}`);
    } finally {
        await stopAll(stops);
        say("\nEverything that the demo started is stopped.");
    }
}

void main(process.argv.slice(2));
