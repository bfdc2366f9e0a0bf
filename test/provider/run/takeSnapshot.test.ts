import { assert } from "chai";
import { Scene, plainError, stateOf } from "../../../lab/scenes/scene";
import { needsRoot } from "../../../lab/hosts/sshHost";

describe("a plain set instead of a quiesced one", function () {
    this.timeout(120_000);
    let scene: Scene;

    before(async function () {
        needsRoot(this);
        scene = await Scene.start();
    });
    afterEach(() => scene.afterEach());
    after(() => Scene.stopAll());

    it("tells why, but not a hook's last words: they are kept in neither evidence, state nor log", async () => {
        scene.host.writeHooks({ pre: "echo last-words >&2\nexit 1" });
        const quiesce = { showHookOutput: "onFailure" } as const;
        // They are there to be told: without a plain set, the error has them.
        assert.include(plainError(await scene.create({ quiesce })).message, "last-words");

        const plain = await scene.create({ quiesce, minimumLevel: "crash" });
        const state = stateOf(plain);
        assert.equal(state.evidence.reason, "PRE_FREEZE_FAILED");
        assert.match(
            state.evidence.message ?? "",
            /^PRE_FREEZE_FAILED \(i-\w+\): .* exited with 1\. State: the instance is awake; a crash-consistent set was taken instead\. What to do: \S/,
        );
        assert.notInclude(JSON.stringify(state), "last-words");
        assert.notInclude(plain.lines.join("\n"), "last-words");
        assert.match(
            plain.lines.join("\n"),
            /warning: PRE_FREEZE_FAILED \(i-\w+\): .*a crash-consistent set was taken/,
        );
    });
});
