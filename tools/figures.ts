// Writes into the pages what has changed since their figures were measured: `npx tsx tools/figures.ts`.
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../lab/engine/engine";
import { type Figures, allFigures, sentenceOf } from "./figures/measured";
import { wrapped } from "./figures/wrapped";

/** The sentence about these figures, wherever a page has it, of whatever state it is. */
function anySentenceOf({ command, commit }: Figures): RegExp {
    const words = `Measured by \`${command}\` at commit \`${commit}\`,`.split(" ");
    const literal = words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("\\s+");
    return new RegExp(`${literal}[^]*?Changed since then:[^]*?\\.(?=\\n\\n)`);
}

const docs = join(ROOT, "docs");
for (const name of readdirSync(docs).filter((file) => file.endsWith(".md"))) {
    const before = readFileSync(join(docs, name), "utf8");
    const after = Object.values(allFigures()).reduce(
        (text, figures) => text.replace(anySentenceOf(figures), () => wrapped(sentenceOf(figures))),
        before,
    );
    if (after !== before) {
        writeFileSync(join(docs, name), after);
        console.log(`docs/${name}`);
    }
}
