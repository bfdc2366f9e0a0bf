/** What is logged from now on, instead of on the console: the provider's own lines go to its standard output. */
export class CapturedLog {
    readonly lines: string[] = [];
    readonly #log = console.log;

    constructor() {
        console.log = (...parts: unknown[]) => void this.lines.push(parts.join(" "));
    }

    restore(): void {
        console.log = this.#log;
    }
}
