// What runs in a lane: one test file after the other, in one process, as told by the runner.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { format } from "node:util";
import Mocha from "mocha";
import { cpuTime } from "./cpuTime";
import type { FileResult, Order } from "./messages";

const SETTINGS = JSON.parse(readFileSync(join(__dirname, "../../.mocharc.json"), "utf8")) as Pick<
    Mocha.MochaOptions,
    "timeout" | "forbidOnly"
>;
const { Base } = Mocha.reporters;
/** By their own limits tests may take as long as alone on an idle machine; here others run beside them. */
const SLOWER = 3;

async function run(file: string): Promise<FileResult> {
    const [startedAt, cpuBefore] = [performance.now(), cpuTime()];
    const failures: string[] = [];
    const { passed, skipped } = await outcomeOf(file, failures);
    return {
        file,
        passed,
        skipped,
        failures,
        seconds: (performance.now() - startedAt) / 1000,
        cpuSeconds: cpuTime() - cpuBefore,
    };
}

async function outcomeOf(file: string, failures: string[]): Promise<Pick<FileResult, "passed" | "skipped">> {
    const { timeout, forbidOnly } = SETTINGS;
    const mocha = new Mocha({ timeout, forbidOnly, reporter: reporterInto(failures) });
    mocha.addFile(file);
    try {
        await mocha.loadFilesAsync();
        allowMoreTime(mocha.suite as SuiteWithHooks);
        return await new Promise((resolve) => {
            const runner = mocha.run(() => {
                resolve({ passed: runner.stats?.passes ?? 0, skipped: runner.stats?.pending ?? 0 });
            });
        });
    } catch (error) {
        // It does not load, or has an `only` in it.
        failures.push(format(error));
        return { passed: 0, skipped: 0 };
    } finally {
        mocha.dispose();
    }
}

function allowMoreTime(suite: SuiteWithHooks): void {
    const hooks = ["beforeAll", "beforeEach", "afterEach", "afterAll"].flatMap((kind) =>
        suite.getHooks(kind),
    );
    for (const one of [...suite.tests, ...hooks]) {
        one.timeout(one.timeout() * SLOWER);
    }
    for (const inner of suite.suites) {
        allowMoreTime(inner as SuiteWithHooks);
    }
}

/** What mocha's types do not know. */
interface SuiteWithHooks extends Mocha.Suite {
    getHooks(kind: string): Mocha.Hook[];
}

/** Says nothing itself: keeps each failure as mocha's own reporters tell it. */
function reporterInto(failures: string[]): Mocha.ReporterConstructor {
    return class extends Base {
        constructor(runner: Mocha.Runner, options: Mocha.MochaOptions) {
            super(runner, options);
            runner.on(Mocha.Runner.constants.EVENT_TEST_FAIL, (test) => failures.push(textOf(test)));
        }
    };
}

function textOf(test: Mocha.Test): string {
    const lines: string[] = [];
    const { consoleLog } = Base;
    Base.consoleLog = (...parts: unknown[]) => lines.push(format(...parts));
    try {
        Base.list([test]);
    } finally {
        Base.consoleLog = consoleLog;
    }
    return lines.join("\n").trim().replace(/^1\) /, "");
}

// The runner is gone, or needs this lane no more.
process.on("disconnect", () => process.exit());
process.on("message", ({ file }: Order) => void run(file).then((result) => process.send?.(result)));
