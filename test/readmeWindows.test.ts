import { assert } from "chai";
import { reasonCodes } from "../provider/base/errors";
import { schemas } from "../provider/inputs/inputs";
import { type Policy, actionsOf, firstColumn, listedNames, policiesOf, sectionOf } from "./pages";
import { VSS, WindowsScene, plainError, stateOf } from "../lab/scenes/windowsScene";

const policies = ["Whoever runs `pulumi up`", "The same, for Windows"].flatMap((heading) =>
    policiesOf(sectionOf("docs/iam.md", heading)),
);
const isOfWindows = (policy: Policy) => actionsOf(policy).includes("ssm:SendCommand");

describe("the pages on Windows", function () {
    this.timeout(120_000);
    let scene: WindowsScene;

    before(async () => {
        scene = await WindowsScene.start();
    });
    afterEach(() => scene.afterEach());
    after(() => scene.stop());

    it("list every input of quiesce by VSS, and no other", () => {
        const [, vss] = schemas.snapshot.shape.quiesce.options;
        assert.sameMembers(
            firstColumn(sectionOf("docs/windows.md", "Inputs")),
            Object.keys(vss.shape).filter((key) => key !== "method"),
        );
    });

    it("explain the reason codes of Windows, together", () => {
        assert.sameMembers(
            listedNames(sectionOf("docs/outcomes.md", "Windows")),
            reasonCodes.filter((code) => /^(VSS|SSM)_/.test(code)),
        );
    });

    describe("the IAM policies", () => {
        const usual = policies.filter((policy) => !isOfWindows(policy)).flatMap(actionsOf);
        const [ofWindows = { Statement: [] }] = policies.filter(isOfWindows);

        it("name exactly the requests and the documents that are made, and they are enough", async () => {
            await scene.cloud.allowOnly([...new Set([...usual, ...actionsOf(ofWindows)])]);
            const documents = new Set<string>();
            const actions = new Set<string>();
            const note = ({ calls, commands }: Awaited<ReturnType<WindowsScene["create"]>>) => {
                for (const call of calls.filter(({ byInstance }) => !byInstance)) {
                    for (const action of call.actions) {
                        actions.add(action);
                    }
                }
                for (const command of commands) {
                    documents.add(command.document);
                }
            };
            const quiesce = { createImage: true } as const;
            const first = await scene.create({ quiesce, tags: { a: "1" } });
            stateOf(first);
            const second = await scene.update(first, { quiesce, tags: { b: "2" } });
            stateOf(second);
            [first, second, await scene.remove(first)].forEach(note);

            const document = "AWSEC2-VssInstallAndSnapshot";
            // A document of several steps fails, and one does not end.
            await scene.ssm.removeDocument("AWSEC2-CreateVssSnapshot");
            await scene.ssm.setCourse({ vss: "writerFailed" }, { document, times: 1 });
            const failing = await scene.create();
            assert.match(plainError(failing).message, /^VSS_FAILED .*SqlServerWriter/s);
            await scene.ssm.setCourse({ outcome: "hang", step: "CreateVssSnapshot" }, { document });
            const hanging = await scene.create({ timeouts: { command: 1 } });
            assert.match(plainError(hanging).message, /^VSS_TIMEOUT /);
            [failing, hanging].forEach(note);

            const used = [...actions].filter((action) => /^(ec2|ssm):/.test(action));
            assert.deepEqual(
                used.filter((action) => action.startsWith("ssm:")).sort(),
                actionsOf(ofWindows)
                    .filter((action) => action.startsWith("ssm:"))
                    .sort(),
            );
            assert.includeMembers([...usual, ...actionsOf(ofWindows)], used);
            assert.includeMembers(used, actionsOf(ofWindows));
            assert.notInclude(used, "ec2:CreateSnapshots", "the instance takes them");
            const named = ofWindows.Statement.flatMap(({ Resource }) => Resource)
                .flatMap((arn) => /:document\/(.+)$/.exec(arn)?.[1] ?? [])
                .concat();
            assert.includeMembers(named, [...documents]);
            assert.sameMembers(named, [...new Set([...documents, "AWSEC2-CreateVssSnapshot"])]);
        });

        describe("with their conditions", () => {
            beforeEach(() => scene.cloud.allowPolicy(policies.flatMap(({ Statement }) => Statement)));

            for (const createImage of [undefined, true] as const) {
                for (const tagsSnapshotsOfImage of createImage === undefined ? [false] : [false, true]) {
                    const what =
                        createImage === undefined
                            ? "snapshots"
                            : `an image, ${tagsSnapshotsOfImage ? "" : "not "}tagged down to its snapshots`;

                    it(`are enough to make, tag and delete ${what}`, async () => {
                        await scene.ssm.setCourse({ tagsSnapshotsOfImage }, { document: VSS });
                        const quiesce = createImage === undefined ? {} : { createImage };
                        const first = await scene.create({ quiesce, tags: { a: "1" } });
                        const second = await scene.update(first, { quiesce, tags: { b: "2" } });
                        stateOf(second);
                        assert.isUndefined((await scene.remove(second)).error);
                    });

                    it(`are enough to take back ${what}`, async () => {
                        await scene.ssm.setCourse(
                            { vss: "thawFailed", tagsSnapshotsOfImage },
                            { document: VSS },
                        );
                        const quiesce = createImage === undefined ? {} : { createImage };
                        const { message } = plainError(await scene.create({ quiesce }));
                        assert.match(message, /^VSS_FAILED .*no snapshot was kept/s);
                    });
                }
            }

            it("are enough to delete what a run left that died before it tagged the snapshots", async () => {
                const first = await scene.create({
                    quiesce: { createImage: true },
                    waitForCompletion: false,
                });
                await scene.abandon(first, { bare: true });
                const next = await scene.create({ owner: first.inputs.owner });
                assert.match(next.lines.join("\n"), new RegExp(`deleting the abandoned set ${first.id}`));
            });
        });
    });
});
