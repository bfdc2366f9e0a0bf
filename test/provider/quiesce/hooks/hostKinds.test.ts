import { assert } from "chai";
import { chosenKinds, type HostKind } from "../../../../lab/hosts/hostKinds";
import { needsRoot } from "../../../../lab/hosts/sshHost";
import { Scene, plainError, setRequests, stateOf } from "../../../../lab/scenes/scene";
import { describeQuiescer } from "../quiescerSuite";
import { describeGuard, describeGuardInTrouble } from "./guardSuite";
import { hooksSubject } from "./hooksSubject";

// Without being told which, those that are tested often; `npm run hosts` runs all.
for (const kind of chosenKinds()) {
    describe(`host: ${kind.name}`, function () {
        this.timeout(120_000);
        let scene: Scene;

        before(async function () {
            needsRoot(this);
            scene = await Scene.start({ host: kind.host });
        });
        after(() => Scene.stopAll());
        afterEach(() => scene.afterEach());

        if (kind.refused === undefined) {
            describeWorking(() => scene, kind);
        } else {
            const { code, text } = kind.refused;
            it(`is refused with ${code}, and nothing is left`, async () => {
                const outcome = await scene.create();
                const { message } = plainError(outcome);
                assert.include(message, `[${code}]`);
                assert.match(message, text);
                assert.match(message, /What to do: \S/);
                assert.deepEqual(outcome.events, [], "hooks ran");
                assert.deepEqual(setRequests(outcome), [], "a set was asked for");
            });
        }
    });

    if (kind.refused === undefined) {
        describeGuard(kind.name, kind.host);
        if (kind.tools === "others") {
            describeGuardInTrouble(kind.name, kind.host);
        }
    }
}

function describeWorking(scene: () => Scene, { name }: HostKind): void {
    it("reaches application, time after time", async () => {
        for (let runs = 0; runs < 3; runs += 1) {
            const { consistencyLevel, evidence } = stateOf(await scene().create());
            assert.equal(consistencyLevel, "application");
            assert.isTrue(evidence.held);
        }
    });

    describeQuiescer(
        `hooks, ${name},`,
        () => hooksSubject(scene()),
        () => scene().host.writeHooks({ pre: "exit 1" }),
    );
}
