// Loaded first in the Node processes of the engine.
const process = require("node:process");
const v8 = require("node:v8");

// For those that keep what they have compiled. Pulumi sets this flag on its way, in the program and in the provider after
// different files: V8 takes nothing that was compiled under other flags.
v8.setFlagsFromString("--allow-natives-syntax");

// `typescript: false` of Pulumi.yaml: the language host that the set-up builds knows it by a flag alone, which the engine
// does not give any more. So each program in JavaScript would load the TypeScript compiler.
if (process.env.ACS_TEST_TYPESCRIPT === "false") {
    delete process.env.PULUMI_NODEJS_TYPESCRIPT;
}
