// Loaded first in the engine's Node processes: leaves a file, named after the process, where it has loaded the provider.
const { writeFileSync } = require("node:fs");
const Module = require("node:module");
const { join } = require("node:path");
const { env, pid } = require("node:process");

const load = Module._load;
Module._load = function (request, ...rest) {
    if (/pulumi-app-consistent-snapshot\/bin\/provider\/\w+Provider$/.test(request)) {
        writeFileSync(join(env.CHAOS_LOADED, String(pid)), "");
    }
    return load.call(this, request, ...rest);
};
