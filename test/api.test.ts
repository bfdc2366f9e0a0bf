import { assert } from "chai";
import { apiChanges } from "../tools/apiReport/extract";

describe("what the package exports", function () {
    this.timeout(120_000);

    it("is what the reports in api/ say; `npm run api` writes them anew", () => {
        assert.deepEqual(apiChanges("compare"), []);
    });
});
