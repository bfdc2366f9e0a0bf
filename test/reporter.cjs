// mocha's spec reporter, with one plain line at the end that CI reads. Under CI a skipped test is a failure:
// what could not run there has not been tested. A failure is told at once, too: of a run that is stopped there is no summary.
const console = require("node:console");
const process = require("node:process");
const { Runner, reporters } = require("mocha");

module.exports = class extends reporters.Spec {
    constructor(runner, options) {
        super(runner, options);
        runner.on(Runner.constants.EVENT_TEST_FAIL, (_, error) => console.log(error.stack ?? error));
    }

    done(failures, finish) {
        const { passes, pending } = this.stats;
        const skipped = pending > 0 ? `, ${pending} skipped` : "";
        console.log(`${passes} passed, ${this.stats.failures} failed${skipped}`);
        const skippedUnderCi = process.env.CI === "true" ? pending : 0;
        if (skippedUnderCi > 0) console.log("Under CI=true nothing may be skipped.");
        finish?.(failures + skippedUnderCi);
    }
};
