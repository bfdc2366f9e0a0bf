// Loaded first in the Node processes of the engine.
const { createRequire, Module } = require("node:module");
const process = require("node:process");
const v8 = require("node:v8");

// `typescript: false` of Pulumi.yaml: the language host that the set-up builds knows it by a flag alone, which the engine
// does not give any more. So each program in JavaScript would load the TypeScript compiler.
if (process.env.ACS_TEST_TYPESCRIPT === "false") {
    delete process.env.PULUMI_NODEJS_TYPESCRIPT;
}

// In the lanes of the tests, which keep what they have compiled.
if (process.env.NODE_COMPILE_CACHE !== undefined) {
    // Pulumi sets this flag on its way, in the program and in the provider after different files: V8 takes nothing that
    // was compiled under other flags.
    v8.setFlagsFromString("--allow-natives-syntax");
    // To optimize for later, and to throw compiled code away, pays for nobody who lives for a second.
    v8.setFlagsFromString("--no-opt");
    v8.setFlagsFromString("--no-flush-bytecode");
    // The SDK loads the TypeScript compiler, a file of 9 MB, for programs in TypeScript and to serialize functions.
    // Who does neither, which is nearly everybody, gets it when it is used.
    const [, main = ""] = process.argv;
    if (usesNoTypeScript(main)) {
        loadWhenUsed(createRequire(main), "typescript");
    }
}

function usesNoTypeScript(main) {
    const [, command] = /\/@pulumi\/pulumi\/cmd\/(run|dynamic-provider)(?:\/index\.js)?$/.exec(main) ?? [];
    return (
        command === "dynamic-provider" ||
        (command === "run" && process.env.PULUMI_NODEJS_TYPESCRIPT !== "true")
    );
}

function loadWhenUsed(require, name) {
    const path = resolvedBy(require, name);
    if (path === undefined) {
        return;
    }
    let loaded;
    const load = () => {
        if (loaded === undefined) {
            delete require.cache[path];
            loaded = require(path);
        }
        return loaded;
    };
    const standIn = new Module(path);
    standIn.loaded = true;
    standIn.exports = new Proxy({}, { get: (_, key) => load()[key], has: (_, key) => key in load() });
    require.cache[path] = standIn;
}

function resolvedBy(require, name) {
    try {
        return require.resolve(name);
    } catch {
        return undefined; // A project without one gets the SDK's own.
    }
}
