import { expect } from "chai";
import { whyNotRecovered } from "../../../../provider/quiesce/hooks/recovery";

describe("why a host could not be asked whether it is awake", () => {
    const asked = { executionId: "acs-1", instanceId: "i-0123456789abcdef0" };
    const cases: readonly [
        what: string,
        code: "HOST_BUSY" | "HOST_UNSUITABLE",
        text: string,
        says: RegExp,
    ][] = [
        ["its own guard waits for a disk", "HOST_BUSY", "acs-1 i-0123456789abcdef0", /guard of acs-1 itself/],
        ["somebody else freezes", "HOST_BUSY", "acs-12 i-0123456789abcdef0", /^Another execution, acs-12 /],
        ["nobody knows who freezes", "HOST_BUSY", "", /^Another execution/],
        ["the host is not as it should be", "HOST_UNSUITABLE", "acs-1", /acs-1/],
    ];
    for (const [what, code, text, says] of cases) {
        it(what, () => {
            const failure = whyNotRecovered({ code, text }, asked);
            expect(failure.code).to.equal(code);
            expect(failure.message).to.match(says);
        });
    }
});
