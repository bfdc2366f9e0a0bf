const LONGEST_LINE = 112;

/** A paragraph of a page, in lines as long as those of the pages are at most. */
export function wrapped(sentence: string): string {
    const lines = [""];
    for (const word of sentence.split(" ")) {
        const longer = `${lines.at(-1) ?? ""} ${word}`.trim();
        if (longer.length > LONGEST_LINE) {
            lines.push(word);
        } else {
            lines[lines.length - 1] = longer;
        }
    }
    return lines.join("\n");
}
