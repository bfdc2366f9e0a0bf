import { expect } from "chai";
import { backOff, pauseBefore, retryConnect } from "../../../../provider/transport/ssh/retryConnect";
import { SshError } from "../../../../provider/transport/ssh/sshError";

function failure(transient: boolean, what = transient ? "connection refused" : "login refused"): SshError {
    return new SshError({
        code: "SSH_UNREACHABLE",
        where: "instance",
        address: "u@h:22",
        what,
        remedy: "r",
        transient,
    });
}

describe("retryConnect", () => {
    const options = (timeoutMs: number, signal = new AbortController().signal) => {
        const lines: string[] = [];
        return { timeoutMs, signal, target: "h:22", log: (line: string) => void lines.push(line), lines };
    };

    it("grows from 0.2 to 5 s, with chance in half of it", () => {
        expect(backOff(1, 0)).to.equal(100);
        expect(backOff(1, 1)).to.equal(200);
        expect(backOff(3, 1)).to.be.closeTo(512, 0.001);
        expect(backOff(1000, 0)).to.equal(2500);
        expect(backOff(1000, 1)).to.equal(5000);
    });

    it("repeats what is transient, telling each attempt how much time is left", async () => {
        const left: number[] = [];
        const result = await retryConnect((remainingMs) => {
            left.push(remainingMs);
            return left.length < 3 ? Promise.reject(failure(true)) : Promise.resolve("in");
        }, options(60_000));
        expect(result).to.equal("in");
        expect(left[0]).to.be.at.most(60_000).and.greaterThan(left[1]!);
        expect(left[1]).to.be.greaterThan(left[2]!);
    });

    for (const [name, error] of [
        ["a failure that will stay", failure(false)],
        ["a mistake in the program", new TypeError("x is undefined")],
        ["any other error", new Error("other")],
    ] as const) {
        it(`throws ${name} at once, as it is`, async () => {
            const all = options(60_000);
            let tries = 0;
            const attempt = () => {
                tries++;
                return Promise.reject(error);
            };
            expect(await retryConnect(attempt, all).catch((reason: unknown) => reason)).to.equal(error);
            expect(tries).to.equal(1);
            expect(all.lines).to.deep.equal([]);
        });
    }

    it("gives up in time, with the last failure as cause", async () => {
        const last = failure(true);
        const error: unknown = await retryConnect(() => Promise.reject(last), options(300)).catch(
            (reason: unknown) => reason,
        );
        expect(error).to.be.instanceOf(SshError).with.property("cause", last);
        expect((error as SshError).message).to.match(
            /connection refused \(gave up after \d+ tr(y|ies) in 0 s\)/,
        );
    });

    it("tells what failed before rather than that the last try ran out of time", async () => {
        const refused = failure(true);
        const noAnswer = failure(true, "no answer within 0 s");
        let tries = 0;
        const attempt = async (remainingMs: number) => {
            if (++tries === 1) {
                throw refused;
            }
            await new Promise((resolve) => setTimeout(resolve, remainingMs));
            throw noAnswer;
        };
        const error: unknown = await retryConnect(attempt, options(500)).catch((reason: unknown) => reason);
        expect(error).to.be.instanceOf(SshError).with.property("cause", refused);
        expect((error as SshError).message).to.match(/^.*connection refused \(gave up after 2 tries/);
    });

    it("throws a refused login as it is when it came after the host had booted", async () => {
        const refused = new SshError({
            code: "SSH_LOGIN_REFUSED",
            where: "instance",
            address: "u@h:22",
            what: "login refused",
            remedy: "r",
            early: true,
        });
        let tries = 0;
        const attempt = () => Promise.reject(++tries === 1 ? failure(true) : refused);
        expect(await retryConnect(attempt, options(60_000)).catch((reason: unknown) => reason)).to.equal(
            refused,
        );
        expect(tries).to.equal(2);
    });

    it("says that there was no answer if there never was another failure", async () => {
        const noAnswer = failure(true, "no answer within 0 s");
        const attempt = async (remainingMs: number) => {
            await new Promise((resolve) => setTimeout(resolve, remainingMs));
            throw noAnswer;
        };
        const error: unknown = await retryConnect(attempt, options(100)).catch((reason: unknown) => reason);
        expect(error).to.be.instanceOf(SshError).with.property("cause", noAnswer);
    });
});

describe("pauseBefore the next try", () => {
    const refusal = (more: object = {}) =>
        new SshError({
            code: "SSH_LOGIN_REFUSED",
            where: "instance",
            address: "u@h:22",
            what: "login refused",
            remedy: "r",
            early: true,
            ...more,
        });
    const standing = { tries: 1, refusals: 1, remainingMs: 300_000, isYoung: true };
    const rows: [
        what: string,
        error: Error,
        changes: Partial<typeof standing>,
        pauseMs: number | undefined,
    ][] = [
        ["transient", failure(true), {}, 200],
        ["transient, little time left", failure(true), { remainingMs: 50 }, 50],
        ["transient, no time left", failure(true), { remainingMs: 1 }, undefined],
        ["final", failure(false), {}, undefined],
        ["refused by a young host", refusal(), {}, 20_000],
        ["refused for the second time", refusal(), { tries: 5, refusals: 2 }, 60_000],
        ["refused for the third time", refusal(), { refusals: 3 }, 120_000],
        ["refused for the fourth time", refusal(), { refusals: 4 }, undefined],
        ["refused by an older host", refusal(), { isYoung: false }, undefined],
        ["refused, and the time ends before", refusal(), { remainingMs: 20_000 }, undefined],
        ["refused for what will stay", refusal({ early: false }), {}, undefined],
        ["refused by the bastion", refusal({ where: "proxy" }), {}, undefined],
    ];
    for (const [what, error, changes, pauseMs] of rows) {
        it(`${what}: ${pauseMs ?? "none"}`, () => {
            expect(pauseBefore(error, { ...standing, ...changes }, 1)).to.equal(pauseMs);
        });
    }
});
