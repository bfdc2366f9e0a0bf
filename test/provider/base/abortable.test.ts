import { expect } from "chai";
import { getEventListeners } from "node:events";
import { abortable } from "../../../provider/base/abortable";
import { rejection } from "../../../lab/rejection";

describe("abortable", () => {
    it("answers as the work does", async () => {
        const { signal } = new AbortController();
        expect(await abortable(Promise.resolve(5), signal)).to.equal(5);
        const broken = new Error("broken");
        expect(await rejection(abortable(Promise.reject(broken), signal))).to.equal(broken);
    });

    describe("when it is aborted", () => {
        const reason = new Error("enough");
        const unhandled: unknown[] = [];
        const onUnhandled = (error: unknown) => unhandled.push(error);
        let theirs: NodeJS.UnhandledRejectionListener[];

        beforeEach(() => {
            unhandled.length = 0;
            theirs = process.listeners("unhandledRejection");
            process.removeAllListeners("unhandledRejection");
            process.on("unhandledRejection", onUnhandled);
        });

        afterEach(() => {
            process.removeListener("unhandledRejection", onUnhandled);
            theirs.forEach((listener) => process.on("unhandledRejection", listener));
        });

        const settled = () => new Promise((resolve) => setImmediate(resolve));

        it("ends with the signal's reason, and swallows what the work does afterwards", async () => {
            const controller = new AbortController();
            let fail: ((error: Error) => void) | undefined;
            const work = new Promise<void>((_resolve, reject) => (fail = reject));
            const waiting = rejection(abortable(work, controller.signal));
            controller.abort(reason);
            expect(await waiting).to.equal(reason);
            fail?.(new Error("late"));
            await settled();
            expect(unhandled).to.deep.equal([]);
        });

        it("does not wait at all when it is too late already", async () => {
            const work = new Promise<void>(() => undefined);
            expect(await rejection(abortable(work, AbortSignal.abort(reason)))).to.equal(reason);
            const failing = Promise.reject(new Error("late"));
            expect(await rejection(abortable(failing, AbortSignal.abort(reason)))).to.equal(reason);
            await settled();
            expect(unhandled).to.deep.equal([]);
        });
    });

    it("leaves no listener behind", async () => {
        const { signal } = new AbortController();
        for (let count = 0; count < 20; count += 1) {
            await abortable(Promise.resolve(), signal);
        }
        expect(getEventListeners(signal, "abort")).to.have.length(0);
    });
});
