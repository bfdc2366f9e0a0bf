import { assert } from "chai";
import { type Changes, Scene, plainError, setRequests, stateOf } from "../../../lab/scenes/scene";
import { needsRoot } from "../../../lab/hosts/sshHost";

const REHEARSED = ["post thaw", "thawed thaw"];
const FROZEN_AND_THAWED = ["pre freeze", ...REHEARSED];

describe("the rehearsal of post-thaw, with nothing frozen", function () {
    this.timeout(120_000);
    let scene: Scene;

    before(async function () {
        needsRoot(this);
        scene = await Scene.start();
    });
    afterEach(() => scene.afterEach());
    after(() => Scene.stopAll());

    const byPath = () => ({
        preFreeze: { path: scene.host.preFreezePath },
        postThaw: { path: scene.host.postThawPath },
    });
    const inline = (post: string) => ({
        preFreeze: { script: scene.host.preFreezeScript() },
        postThaw: { script: scene.host.postThawScript(post) },
    });
    const rehearsed = (scripts: object, more: object = {}): Changes => ({
        quiesce: { scripts: { ...scripts, rehearse: true }, ...more },
        timeouts: { postThaw: 1 },
    });

    const only = (body: string) => `if [ ! -e ${scene.host.frozenPath} ]; then ${body}; fi`;
    const sound: [what: string, body: () => string, events: string[]][] = [
        ["exits 0", () => "", REHEARSED],
        ["exits 205", () => only("exit 205"), ["post thaw"]],
    ];
    for (const [what, body, events] of sound) {
        for (const given of ["by path", "inline"] as const) {
            it(`${what}, ${given}: the run goes on`, async () => {
                scene.host.writeHooks({ post: body() });
                const scripts = given === "by path" ? byPath() : inline(body());
                const outcome = await scene.create(rehearsed(scripts));
                assert.equal(stateOf(outcome).consistencyLevel, "application");
                assert.deepEqual(outcome.events, [...events, ...FROZEN_AND_THAWED]);
            });
        }
    }

    const broken: [what: string, body: () => string, end: RegExp][] = [
        ["exits 1", () => only("exit 1"), /exited with 1 when/],
        ["hangs", () => only("sleep 1000"), /did not end within its limit when/],
        ["dies", () => only("kill -KILL $$"), /was ended by signal 9 when/],
    ];
    for (const [what, body, end] of broken) {
        for (const given of ["by path", "inline"] as const) {
            it(`${what}, ${given}: nothing is frozen; an error, or a plain set`, async () => {
                scene.host.writeHooks({ post: body() });
                const scripts = given === "by path" ? byPath() : inline(body());
                const refused = await scene.create(rehearsed(scripts));
                const { message } = plainError(refused);
                assert.match(message, /^PRECONDITION_FAILED .*\[POST_THAW_NOT_IDEMPOTENT\] /);
                assert.match(message, end);
                assert.match(message, /nothing is frozen by this run/);
                assert.match(
                    message,
                    /What to do: With nothing frozen, post-thaw has to exit with 0 or 205\. /,
                );
                assert.deepEqual(refused.events, ["post thaw"]);
                assert.deepEqual(setRequests(refused), []);

                const plain = await scene.create({ ...rehearsed(scripts), minimumLevel: "crash" });
                const { consistencyLevel, evidence, thawPending } = stateOf(plain);
                assert.equal(consistencyLevel, "crash");
                assert.equal(evidence.reason, "PRECONDITION_FAILED");
                assert.match(evidence.message ?? "", /\[POST_THAW_NOT_IDEMPOTENT\]/);
                assert.isFalse(thawPending);
                assert.deepEqual(plain.events, ["post thaw"]);
            });
        }
    }

    it("shows what post-thaw said, by its name and masked, where that is wanted", async () => {
        scene.host.writeHooks({ post: 'echo "no lock of $APP_PASSWORD" >&2\nexit 1' });
        const refused = await scene.create(rehearsed({}, { showHookOutput: "onFailure" }));
        const { message } = plainError(refused);
        assert.include(message, "The post-thaw script's stderr ends: \"no lock of [secret]");
        assert.notInclude(refused.lines.join("\n"), "no lock");
    });

    it("is made of the scripts at the standard paths, unless somebody says otherwise", async () => {
        const { quiesce } = scene.inputs();
        assert(quiesce.method === "hooks");
        const outcome = await scene.create({
            quiesce: { ...quiesce, scripts: { rehearse: true } } as object,
        });
        assert.deepEqual(outcome.events, [...REHEARSED, ...FROZEN_AND_THAWED]);
        const without = await scene.create({ quiesce: { scripts: { rehearse: false } } });
        assert.deepEqual(without.events, FROZEN_AND_THAWED);
    });
});
