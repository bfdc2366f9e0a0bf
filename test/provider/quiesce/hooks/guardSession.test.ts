import { expect } from "chai";
import type { GuardParams } from "../../../../provider/quiesce/hooks/guardProgram";
import { VMWARE_VERBS } from "../../../../provider/quiesce/hooks/guardProgram";
import { GuardSession } from "../../../../provider/quiesce/hooks/guardSession";
import type { SshConnection } from "../../../../provider/transport/ssh/connection";
import { rejection } from "../../../../lab/rejection";

const params: Omit<GuardParams, "nonce"> = {
    mode: "freeze",
    sudo: false,
    executionId: "acs-1",
    instanceId: "i-1",
    verifyIdentity: true,
    preFreeze: { path: "/nowhere" },
    postThaw: { path: "/nowhere" },
    verbs: VMWARE_VERBS,
    environment: {},
    owner: "",
    confirmedAwake: "",
    rehearse: false,
    limits: { lock: 0, wait: 1, preFreeze: 1, freeze: 1, postThaw: 1 },
    showHookOutput: false,
};

describe("GuardSession", () => {
    it("closes its channel when it is aborted before the first line: the guard's input ends", async () => {
        let closed = 0;
        const controller = new AbortController();
        const reason = new Error("enough");
        const channel = {
            write: () => controller.abort(reason),
            nextLine: () => Promise.reject(reason),
            close: () => (closed += 1),
        };
        const connection = { exec: () => Promise.resolve(channel) } as unknown as SshConnection;
        const error = await rejection(GuardSession.start(connection, params, controller.signal));
        expect(error).to.equal(reason);
        expect(closed).to.equal(1);
    });
});
