// Loaded first in the engine's Node processes: leaves a file, named after the process, where it has loaded the provider.
const { writeFileSync } = require("node:fs");
const Module = require("node:module");
const { join } = require("node:path");

const load = Module._load;
Module._load = function (request, ...rest) {
    if (/pulumi-app-consistent-snapshot\/bin\/provider\/\w+Provider$/.test(request)) {
        writeFileSync(join(process.env.CHAOS_LOADED, String(process.pid)), "");
    }
    return load.call(this, request, ...rest);
};
