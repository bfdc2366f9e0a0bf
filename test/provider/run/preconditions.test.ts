import { AwsClock } from "../../../provider/aws/clock";
import { expect } from "chai";
import type { Failure, ReasonCode } from "../../../provider/base/errors";
import {
    assertPreconditions,
    credentialsFailure,
    preconditionError,
} from "../../../provider/run/preconditions";
import { QuiesceError } from "../../../provider/quiesce/quiesceError";
import type { Quiescer } from "../../../provider/quiesce/quiescer";
import type { Source } from "../../../provider/aws/instance";
import type { Run } from "../../../provider/run/run";
import { rejection } from "../../../lab/rejection";

const failure = (code: ReasonCode): Failure => ({ code, message: `${code} it is.`, remedy: `Mend ${code}.` });
const error = (...codes: ReasonCode[]) => preconditionError(codes.map(failure));

describe("preconditionError", () => {
    it("is none when nothing failed", () => {
        expect(error()).to.equal(undefined);
    });

    const soft: ReasonCode[] = [
        "SSH_UNREACHABLE",
        "SSH_LOGIN_REFUSED",
        "SUDO_REFUSED",
        "SCRIPT_MISSING",
        "SCRIPT_UNSAFE",
        "HOST_UNSUITABLE",
        "POST_THAW_NOT_IDEMPOTENT",
        "STALE_FREEZE",
        "HOST_BUSY",
        "UNEXPECTED_OUTPUT",
        "INSTANCE_STATE",
    ];
    for (const code of soft) {
        it(`lets a plain set take the place: ${code}`, () => {
            const found = error(code);
            expect(found).to.be.instanceOf(QuiesceError);
            expect(found).to.include({
                code: "PRECONDITION_FAILED",
                awake: true,
                mayFallBack: true,
                froze: false,
            });
            expect(found?.message).to.include(`[${code}] ${code} it is.`).and.include(`Mend ${code}.`);
        });
    }

    const hard: ReasonCode[] = [
        "SSH_HOST_KEY_MISMATCH",
        "WRONG_INSTANCE",
        "ACCESS_DENIED",
        "SNAPSHOT_LIMIT",
        "TOO_MANY_TAGS",
        "SPLIT_VOLUME_GROUP",
        "CREDENTIALS_EXPIRE",
        "MULTI_ATTACH",
        "AWS_ERROR",
    ];
    for (const code of hard) {
        it(`is always an error: ${code}`, () => {
            const found = error(code);
            expect(found).not.to.be.instanceOf(QuiesceError);
            expect(found?.code).to.equal(code);
        });
    }

    it("tells all, hard ones first, and is an error then", () => {
        const found = error("SUDO_REFUSED", "ACCESS_DENIED", "SCRIPT_MISSING", "SNAPSHOT_LIMIT");
        expect(found).not.to.be.instanceOf(QuiesceError);
        expect(found?.code).to.equal("ACCESS_DENIED");
        expect(found?.failure.message).to.equal(
            "[ACCESS_DENIED] ACCESS_DENIED it is. [SNAPSHOT_LIMIT] SNAPSHOT_LIMIT it is. " +
                "[SUDO_REFUSED] SUDO_REFUSED it is. [SCRIPT_MISSING] SCRIPT_MISSING it is.",
        );
        expect(found?.failure.remedy.match(/Mend/g)).to.have.length(4);
    });
});

/** A run whose credentials come from such a provider. */
function runWith(credentials: (options: object) => Promise<object>, changes: object = {}): Run {
    const run = {
        clients: { ec2: { config: { credentials } }, clock: new AwsClock() },
        inputs: { timeouts: { preFreeze: 10, freeze: 10 }, quiesce: { method: "vss" } },
        signal: new AbortController().signal,
        ...changes,
    };
    return run as unknown as Run;
}

describe("credentialsFailure", () => {
    const inSeconds = (seconds: number) => new Date(Date.now() + seconds * 1000);

    it("is none for credentials that never end, or last", async () => {
        expect(await credentialsFailure(runWith(() => Promise.resolve({})))).to.equal(undefined);
        const lasting = { expiration: inSeconds(90) };
        expect(await credentialsFailure(runWith(() => Promise.resolve(lasting)))).to.equal(undefined);
    });

    it("judges by AWS's clock, as they end by it", async () => {
        const clock = new AwsClock();
        clock.offsetMs = 3_600_000;
        const clients = { ec2: { config: { credentials: () => Promise.resolve({ expiration }) } }, clock };
        const expiration = inSeconds(900);
        const found = await credentialsFailure(runWith(() => Promise.resolve({}), { clients }));
        expect(found?.code).to.equal("CREDENTIALS_EXPIRE");
    });

    it("renews credentials that end too soon, before anything is frozen", async () => {
        const asked: object[] = [];
        const run = runWith((options) => {
            asked.push(options);
            return Promise.resolve({ expiration: inSeconds(asked.length === 1 ? 70 : 900) });
        });
        expect(await credentialsFailure(run)).to.equal(undefined);
        expect(asked).to.deep.equal([{ forceRefresh: false }, { forceRefresh: true }]);
    });

    it("is one for credentials that end too soon also when renewed", async () => {
        const found = await credentialsFailure(runWith(() => Promise.resolve({ expiration: inSeconds(70) })));
        expect(found?.code).to.equal("CREDENTIALS_EXPIRE");
    });

    it("is one when there are none: no raw error", async () => {
        const found = await credentialsFailure(runWith(() => Promise.reject(new Error("no such profile"))));
        expect(found).to.include({ code: "CREDENTIALS" });
        expect(found?.message).to.include("no such profile");
    });

    it("ends when the run is aborted, though credentials never come", async () => {
        const controller = new AbortController();
        const run = runWith(() => new Promise(() => undefined), { signal: controller.signal });
        const waiting = rejection(credentialsFailure(run));
        const reason = new Error("enough");
        controller.abort(reason);
        expect(await waiting).to.equal(reason);
    });
});

describe("assertPreconditions", () => {
    it("waits for what the quiescer has begun, also when AWS fails at once", async () => {
        let connected = false;
        const quiescer = {
            takesSetItself: true,
            preconditions: async () => {
                await new Promise((resolve) => setTimeout(resolve, 50));
                connected = true;
                return [];
            },
        } as unknown as Quiescer;
        const source = { volumes: undefined } as unknown as Source;
        await rejection(
            assertPreconditions(
                runWith(() => Promise.resolve({})),
                source,
                quiescer,
            ),
        );
        expect(connected).to.equal(true);
    });
});
