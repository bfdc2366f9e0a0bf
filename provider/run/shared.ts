import { ApiSlots } from "../aws/apiSlots";
import { Turns } from "./turn";

/** What all runs of a process share. */
export class Shared {
    readonly apiSlots = new ApiSlots();
    readonly turns = new Turns();

    /** @param isUnheardOf asks whether nobody is left who could hear of a run's result */
    constructor(readonly isUnheardOf: () => Promise<boolean>) {}
}
