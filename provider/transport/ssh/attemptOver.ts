/** An attempt's time is over. */
export class AttemptOver extends Error {
    constructor(limitMs: number) {
        super(`no answer within ${Math.round(limitMs / 1000)} s`);
    }
}
