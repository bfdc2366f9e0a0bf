// Loaded into the engine's Node processes: their clock shows what it does, plus the milliseconds in a file.
const { readFileSync } = require("node:fs");
const { env } = require("node:process");

const RealDate = Date;
const offset = () => {
    try {
        return Number(readFileSync(env.CHAOS_CLOCK, "utf8"));
    } catch {
        return 0;
    }
};

globalThis.Date = class extends RealDate {
    constructor(...given) {
        super(...(given.length === 0 ? [RealDate.now() + offset()] : given));
    }

    static now() {
        return RealDate.now() + offset();
    }
};
