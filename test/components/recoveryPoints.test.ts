import { CustomResource } from "@pulumi/pulumi";
import { expect } from "chai";
import {
    AppConsistentSnapshot,
    type RecoveryPoints,
    type RecoveryPointsArgs,
    recoveryPoints,
} from "../../index";
import { type MockedOptions, type MockedRun, runMocked, valueOf } from "../../lab/engine/mockedEngine";
import { SNAPSHOT, linux, setOutputs } from "../../lab/scenes/snapshotSet";

/** What stands for an unknown value between the SDK and the engine. */
const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
const STACK_REFERENCE = "pulumi:pulumi:StackReference";

interface Asked {
    name?: string;
}

/** A stack whose last run has left these outputs. */
function stackOf(
    outputs: Record<string, unknown>,
    asked: Asked = {},
    more: MockedOptions = {},
): MockedOptions {
    return {
        ...more,
        stateOf: (resource) => {
            if (resource.type === STACK_REFERENCE) {
                asked.name = String(resource.inputs["name"]);
                return { id: asked.name, name: asked.name, outputs, secretOutputNames: [] };
            }
            return more.stateOf?.(resource) ?? (resource.type === SNAPSHOT ? setOutputs() : resource.inputs);
        },
    };
}

const pointsOf = async (args: RecoveryPointsArgs, options: MockedOptions): Promise<RecoveryPoints> =>
    (await runMocked(() => recoveryPoints(args), options)).value;

interface Night {
    points: RecoveryPoints;
    snapshots: AppConsistentSnapshot[];
    list: ReturnType<RecoveryPoints["listAfter"]>;
}

const nightOf = (args: RecoveryPointsArgs, options: MockedOptions): Promise<MockedRun<Night>> =>
    runMocked(async () => {
        const points = await recoveryPoints(args);
        const snapshots = points.labels.map(
            (label) =>
                new AppConsistentSnapshot(
                    label,
                    { instanceId: linux.instanceId, quiesce: { method: "none" } },
                    points.optionsOf(label),
                ),
        );
        return { points, snapshots, list: points.listAfter(snapshots) };
    }, options);

describe("recoveryPoints", () => {
    it("begins with nothing", async () => {
        const asked: Asked = {};
        const points = await pointsOf({ keep: 3 }, stackOf({}, asked));
        expect(points.labels).to.deep.equal([]);
        expect(points.taking).to.equal(undefined);
        expect(asked.name).to.equal("organization/project/stack");
    });

    it("goes on from the list that the last run has exported", async () => {
        const points = await pointsOf({ run: "c", keep: 2 }, stackOf({ recoveryPoints: ["a", "b"] }));
        expect(points.labels).to.deep.equal(["b", "c"]);
        expect(points.taking).to.equal("c");
    });

    it("reads the list from another output where there are two lists", async () => {
        const points = await pointsOf(
            { keep: 2, output: "web" },
            stackOf({ recoveryPoints: ["a"], web: ["x"] }),
        );
        expect(points.labels).to.deep.equal(["x"]);
    });

    for (const list of ["a", { a: 1 }, [1], 0]) {
        it(`refuses an output that is no list of labels: ${JSON.stringify(list)}`, async () => {
            const failure = await pointsOf({ keep: 1 }, stackOf({ recoveryPoints: list })).then(
                undefined,
                String,
            );
            expect(failure).to.match(/output `recoveryPoints` of this stack is not a list/);
        });
    }

    it("takes a new point, and none again", async () => {
        const { resources, errors } = await nightOf(
            { run: "b", keep: 2 },
            stackOf({ recoveryPoints: ["a"] }),
        );
        expect(errors).to.deep.equal([]);
        const [a, b] = ["a", "b"].map((label) => resources.find(({ name }) => name === label));
        expect(a?.inputs).to.include({ taken: true });
        expect(a?.ignoreChanges).to.deep.equal(["instanceId", "quiesce", "volumes", "members", "triggers"]);
        expect(b?.inputs).not.to.have.property("taken");
        expect(b?.ignoreChanges).to.deep.equal([]);
    });

    it("exports the list when the night's resources are made", async () => {
        const { value } = await nightOf({ run: "b", keep: 2 }, stackOf({ recoveryPoints: ["a"] }));
        expect(await valueOf(value.list)).to.deep.equal({ known: true, value: ["a", "b"] });
    });

    it("does not know the list while it is not known whether the night will succeed", async () => {
        const preview: MockedOptions = {
            preview: true,
            stateOf: ({ name }) => (name === "b" ? {} : setOutputs()),
        };
        const { value } = await nightOf(
            { run: "b", keep: 2 },
            stackOf({ recoveryPoints: ["a"] }, {}, preview),
        );
        expect((await valueOf(value.list)).known).to.equal(false);
    });

    it("exports the old list, and fails, while something of the night is not known in an update", async () => {
        const { value, errors } = await nightOf(
            { run: "c", keep: 2, drop: "a" },
            stackOf(
                { recoveryPoints: ["a", "b"] },
                {},
                {
                    stateOf: ({ name }) =>
                        name === "c" ? { ...setOutputs(), thawPending: UNKNOWN } : setOutputs(),
                },
            ),
        );
        expect(value.points.labels).to.deep.equal(["b", "c"]);
        expect(await valueOf(value.list)).to.deep.equal({ known: true, value: ["a", "b"] });
        expect(errors.map(String)).to.have.length(1);
        expect(String(errors[0])).to.match(/recovery point "c" is not made. The list stays as it was/);
    });

    for (const [what, outputs] of Object.entries({
        "is not known": { recoveryPoints: UNKNOWN, other: "a" },
        "has a label that is not known": { recoveryPoints: ["a", UNKNOWN] },
    })) {
        it(`refuses a list that ${what}, in a preview too, unless the program gives the list`, async () => {
            for (const preview of [true, false]) {
                const options = stackOf(outputs, {}, { preview });
                const refusal = await pointsOf({ keep: 2 }, options).then(undefined, String);
                expect(refusal).to.match(/^Error: the output `recoveryPoints` of this stack .*`labels`/);
                const points = await pointsOf({ keep: 2, labels: ["a", "b"] }, options);
                expect(points.labels).to.deep.equal(["a", "b"]);
            }
        });
    }

    it("reads its list beside an output that is not known", async () => {
        const points = await pointsOf({ keep: 2 }, stackOf({ recoveryPoints: ["a"], other: UNKNOWN }));
        expect(points.labels).to.deep.equal(["a"]);
    });

    it("exports no list after a night that failed", async () => {
        const failing: MockedOptions = {
            stateOf: ({ name }) => {
                if (name === "b") {
                    throw new Error("the night failed");
                }
                return setOutputs();
            },
        };
        const { errors } = await runMocked(
            async () => {
                const points = await recoveryPoints({ run: "b", keep: 2 });
                class Night extends CustomResource {}
                points
                    .listAfter(points.labels.map((label) => new Night("test:index:Night", label)))
                    .apply((labels) => expect.fail(`exported ${labels.join()}`));
            },
            stackOf({ recoveryPoints: ["a"] }, {}, failing),
        );
        expect(errors.map(String).join()).to.match(/the night failed/);
        expect(errors.map(String).join()).not.to.match(/exported/);
    });

    it("takes nothing while a point is active", async () => {
        const points = await pointsOf(
            { run: "c", keep: 2, pin: "a" },
            stackOf({ recoveryPoints: ["a", "b"] }),
        );
        expect(points.labels).to.deep.equal(["a", "b"]);
        expect(points.taking).to.equal(undefined);
    });

    it("refuses what cannot be, in one line", async () => {
        const failure = await pointsOf({ keep: 2, pin: "x" }, stackOf({ recoveryPoints: ["a"] })).then(
            undefined,
            String,
        );
        expect(failure).to.equal('Error: recoveryPoints: `pin`: there is no recovery point "x"; there are a');
    });
});
