import { randomUUID } from "node:crypto";
import { expect } from "chai";
import { isOfFirstReleases, newExecutionId } from "../../../provider/base/executionId";

describe("execution ids", () => {
    it("are UUIDs of version 7, each another, in the order of time", () => {
        const ids = [1_700_000_000_000, 1_700_000_000_001, Date.UTC(2100, 0)].map((now) =>
            newExecutionId(now),
        );
        for (const id of ids) {
            expect(id).to.match(/^acs-[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
        }
        expect([...ids].sort()).to.deep.equal(ids);
        expect(ids[0]).to.match(/^acs-018bcfe5-6800-7/);
        expect(newExecutionId(0)).not.to.equal(newExecutionId(0));
    });

    it("tell by which releases a set was taken", () => {
        expect(isOfFirstReleases(newExecutionId())).to.equal(false);
        expect(isOfFirstReleases(`acs-${randomUUID()}`)).to.equal(true);
        expect(isOfFirstReleases("acs-0")).to.equal(true);
    });
});
