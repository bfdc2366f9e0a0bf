import { expect } from "chai";
import { request } from "../../../provider/aws/request";
import { rejection } from "../../../lab/rejection";

describe("request", () => {
    it("ends when it is aborted, also while the SDK heeds no signal, as when it resolves credentials", async () => {
        const controller = new AbortController();
        const reason = new Error("enough");
        const waiting = rejection(
            request("ec2:DescribeSnapshots", controller.signal, () => new Promise(() => undefined)),
        );
        controller.abort(reason);
        expect(await waiting).to.equal(reason);
    });
});
