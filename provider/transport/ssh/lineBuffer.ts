import { StringDecoder } from "node:string_decoder";

/** Cuts a stream of bytes into lines, each at most `maxLine` characters long: the rest of a longer line is dropped. */
export class LineBuffer {
    readonly #maxLine: number;
    readonly #decoder = new StringDecoder("utf8");
    #partial = "";

    constructor(maxLine: number) {
        this.#maxLine = maxLine;
    }

    /** The lines that are complete now, without their line ends. */
    push(bytes: Buffer): string[] {
        const pieces = this.#decoder.write(bytes).split("\n");
        const rest = pieces.pop() ?? "";
        const lines = pieces.map((piece) => {
            this.#append(piece);
            return this.#take();
        });
        this.#append(rest);
        return lines;
    }

    /** The unfinished last line, if there is one. */
    end(): string | undefined {
        this.#append(this.#decoder.end());
        return this.#partial === "" ? undefined : this.#take();
    }

    #append(piece: string): void {
        this.#partial = (this.#partial + piece).slice(0, this.#maxLine);
    }

    #take(): string {
        const line = this.#partial;
        this.#partial = "";
        return line;
    }
}
