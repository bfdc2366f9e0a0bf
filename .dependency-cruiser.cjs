// The floors of the house: each folder imports from those below it, and nothing goes round in a circle.

/** From the ground up. */
const FLOORS = ["base", "transport", "aws", "inputs", "quiesce", "run", "lifecycle"];
const above = (floor) => FLOORS.slice(FLOORS.indexOf(floor) + 1);
const folder = (names) => `^provider/(${names.join("|")})/`;

module.exports = {
    forbidden: [
        { name: "no-cycle", severity: "error", from: {}, to: { circular: true } },
        ...FLOORS.filter((floor) => above(floor).length > 0).map((floor) => ({
            name: `${floor}-imports-downwards`,
            severity: "error",
            from: { path: folder([floor]) },
            to: { path: [folder([...above(floor), "program"]), "^provider/[^/]+$"] },
        })),
        {
            name: "lifecycle-imports-downwards",
            severity: "error",
            from: { path: folder(["lifecycle"]) },
            to: { path: [folder(["program"]), "^provider/[^/]+$"] },
        },
        {
            name: "program-imports-base-only",
            comment: "It runs in the user's program, which needs no AWS client and no SSH.",
            severity: "error",
            from: { path: folder(["program"]) },
            to: { path: "^provider/", pathNot: folder(["base", "program"]) },
        },
        {
            name: "ways-to-freeze-do-not-know-each-other",
            severity: "error",
            from: { path: "^provider/quiesce/(hooks|vss)/" },
            to: { path: "^provider/quiesce/(hooks|vss)/", pathNot: "^provider/quiesce/$1/" },
        },
        {
            name: "nothing-needs-the-command",
            severity: "error",
            from: { path: "^(provider|components|recipes|index)" },
            to: { path: "^cli/" },
        },
        {
            name: "product-needs-no-test-part",
            severity: "error",
            from: { path: "^(provider|components|recipes|cli|index)" },
            to: { path: "^(lab|test|tools|examples)/" },
        },
        {
            name: "lab-serves-tests-and-tools",
            severity: "error",
            from: { path: "^lab/" },
            to: { path: "^(test|tools|examples)/" },
        },
        {
            name: "tools-need-no-test",
            severity: "error",
            from: { path: "^tools/" },
            to: { path: "^test/" },
        },
    ],
    options: {
        doNotFollow: { path: "node_modules" },
        exclude: { path: "^(bin|node_modules)/" },
        tsConfig: { fileName: "tsconfig.json" },
        tsPreCompilationDeps: true,
    },
};
