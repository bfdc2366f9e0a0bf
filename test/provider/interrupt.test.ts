import { expect } from "chai";
import { SnapshotError } from "../../provider/errors";
import { engineAddress, isHurried, isUnheard } from "../../provider/interrupt";

describe("the engine's address", () => {
    const rows: [argv: string[], { host: string; port: number } | undefined][] = [
        [["node", "/x/dynamic-provider", "127.0.0.1:40123"], { host: "127.0.0.1", port: 40123 }],
        [["node", "/x/dynamic-provider", "--logtostderr", "[::1]:5"], { host: "::1", port: 5 }],
        [["node", "/x/dynamic-provider", "localhost:65535"], { host: "localhost", port: 65535 }],
        [["node", "mocha", "test/a.test.ts"], undefined],
        [["node", "127.0.0.1:40123", "--flag"], undefined],
        [["node", "10.0.0.1:40123"], undefined],
        [["node", "127.0.0.1:"], undefined],
        [["node", "x127.0.0.1:5"], undefined],
        [[], undefined],
    ];
    for (const [argv, expected] of rows) {
        it(`of ${JSON.stringify(argv)} is ${expected === undefined ? "none" : JSON.stringify(expected)}`, () => {
            expect(engineAddress(argv)).to.deep.equal(expected);
        });
    }
});

describe("the reason of an interruption", () => {
    const aborted = (code: "INTERRUPTED" | "ENGINE_GONE" | "AWS_ERROR") =>
        AbortSignal.abort(new SnapshotError({ code, message: "m", remedy: "r" }));

    it("leaves little time after SIGINT, and nobody to hear when the engine is gone", () => {
        const signals = [
            new AbortController().signal,
            AbortSignal.abort(),
            aborted("AWS_ERROR"),
            aborted("INTERRUPTED"),
            aborted("ENGINE_GONE"),
        ];
        expect(signals.map(isHurried)).to.deep.equal([false, false, false, true, false]);
        expect(signals.map(isUnheard)).to.deep.equal([false, false, false, false, true]);
    });
});
