import { expect } from "chai";
import { SnapshotError } from "../../../provider/base/errors";
import { inEngineWords } from "../../../provider/lifecycle/engineWords";
import { reporting } from "../../../provider/lifecycle/result";
import { type SnapshotState, UnfinishedError } from "../../../provider/run/state";

describe("words of the engine", () => {
    const failed = () =>
        new SnapshotError({
            code: "AWS_ERROR",
            message: "It runs against the wall.",
            remedy: "Run again when the wall is gone; then run again.",
        });
    const TEXT =
        "AWS_ERROR: It runs against the wall. What to do: Run `pulumi up` again when the wall is gone; " +
        "then run `pulumi up` again.";

    async function thrownBy(verb: () => Promise<unknown>): Promise<unknown> {
        return await inEngineWords(verb).then(
            () => new Error("nothing was thrown"),
            (error: unknown) => error,
        );
    }

    it("tell what is run, in an error", async () => {
        expect(await thrownBy(() => Promise.reject(failed())))
            .to.be.instanceOf(SnapshotError)
            .with.property("message", TEXT);
    });

    it("tell it in an error that has a state to save, and in its reasons", async () => {
        const verb = () =>
            reporting(
                "id",
                () => ({}),
                () => Promise.reject(new UnfinishedError(failed(), {} as SnapshotState)),
            );
        expect(await thrownBy(verb)).to.deep.include({ message: TEXT, reasons: [TEXT], id: "id" });
    });

    it("leave what is no error as it is", async () => {
        expect(await inEngineWords(() => Promise.resolve("run again"))).to.equal("run again");
    });
});
