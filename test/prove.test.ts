// Freezes: what is restored was frozen for real.
import { expect } from "chai";
import type { Application } from "../tools/prove/application";
import { files } from "../tools/prove/files";
import { mariadb } from "../tools/prove/mariadb";
import { runPairs } from "../tools/prove/pairs";
import { postgresql } from "../tools/prove/postgresql";
import { redisWithLog } from "../tools/prove/redis";
import { runTrials } from "../tools/prove/trials";
import { needsRoot } from "../lab/hosts/sshHost";

/** The quick part of `npm run prove`: one run of each. */
describe("the proof by restoring", function () {
    this.timeout(300_000);
    before(function () {
        needsRoot(this);
    });

    const cases: readonly [application: Application, level: string, vouchedBy: string][] = [
        [postgresql, "application", "recipe:postgresql+fileSystems"],
        [mariadb, "application", "recipe:mysql+fileSystems"],
        [redisWithLog, "application", "recipe:redis+fileSystems"],
        [files, "filesystem", "recipe:fileSystems"],
    ];
    for (const [application, level, vouchedBy] of cases) {
        it(`${application.name}: with its recipe nothing is lost, and nothing has to be replayed`, async () => {
            const [result] = await runTrials({ application, quiesced: true, runs: 1 });
            expect(result).to.include({ level, vouchedBy });
            expect(result?.verdict).to.include({ lost: 0, after: 0, gaps: 0, replays: 0 });
            expect(result?.verdict.problems).to.deep.equal([]);
            expect(result?.verdict.transactions).to.be.greaterThan(0);
        });
    }

    it("two databases as a group: no transfer is on one side only", async () => {
        const [result] = await runPairs("group", 1);
        expect(result).to.include({ samePoint: true });
        expect(result?.levels).to.deep.equal(["application", "application"]);
        expect(result?.verdict).to.include({ oneSided: 0, lost: 0 });
        expect(result?.verdict.transfers).to.be.greaterThan(0);
    });

    it("two databases one after the other: transfers are on one side only, so the proof can fail", async () => {
        const [result] = await runPairs("one after the other", 1);
        expect(result?.levels).to.deep.equal(["application", "application"]);
        expect(result?.verdict.oneSided).to.be.greaterThan(0);
    });

    it("without a recipe, what nobody has brought to the disk is lost: the proof can fail", async () => {
        const [result] = await runTrials({ application: files, quiesced: false, runs: 1 });
        expect(result).to.include({ level: "crash", vouchedBy: "nobody" });
        expect(result?.verdict.lost).to.be.greaterThan(0);
        expect(result?.verdict.replays).to.be.greaterThan(0);
    });
});
