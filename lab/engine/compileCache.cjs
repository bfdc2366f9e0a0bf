// Loaded first in Node processes that keep what they have compiled. Pulumi sets this flag on its way, in the program
// and in the provider after different files: V8 takes nothing that was compiled under other flags.
const v8 = require("node:v8");

v8.setFlagsFromString("--allow-natives-syntax");
