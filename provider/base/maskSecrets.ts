/** What must not be seen in a text: a value, or a script whose shell may print its lines while it runs them. */
export type Secret = string | { readonly script: string };

const MASK = "[secret]";

/** A line that is shorter says nothing, and masking it would garble the text. */
const SHORTEST_LINE = 8;

/**
 * The text without our secrets, should it echo them; line by line too, as a private key may be seen in part. Longer
 * ones go first: one that is a part of another would leave the rest of that to be seen.
 */
export function maskSecrets(text: string, secrets: readonly Secret[]): string {
    const scripts = secrets.flatMap((secret) => (typeof secret === "string" ? [] : [secret.script]));
    return [...new Set(secrets.flatMap(parts))]
        .sort((one, other) => other.length - one.length)
        .reduce((masked, part) => masked.replaceAll(part, MASK), withoutTraces(text, scripts));
}

function parts(secret: Secret): string[] {
    if (typeof secret !== "string") {
        const { script } = secret;
        return [
            ...parts(script),
            ...script.split("\n").flatMap(endsOfQuotes).filter(says),
            ...passwordsIn(script),
        ];
    }
    const lines = secret.split("\n").map((line) => line.trim());
    return secret === "" ? [] : [secret, ...lines.filter(says)];
}

function says(line: string): boolean {
    return line.length >= SHORTEST_LINE && !line.startsWith("-----");
}

/** Of a line in which a quoted text begins or ends that has several lines: `set -x` prints these parts on lines of their own. */
function endsOfQuotes(line: string): string[] {
    return ['"', "'"]
        .map((quote) => line.split(quote))
        .filter((pieces) => pieces.length % 2 === 0)
        .flatMap((pieces) => [pieces[0] ?? "", pieces.at(-1) ?? ""])
        .map((piece) => piece.trim());
}

/**
 * What `set -x` prints is a line of the script in other words: expanded, and quoted in the shell's own way. So it is not
 * to be found by its text, but by its prefix: a `+` for each level, behind which zsh has the script's name. A script that
 * changes the prefix leaves nothing to tell its lines by.
 */
function withoutTraces(text: string, scripts: readonly string[]): string {
    if (scripts.length === 0) {
        return text;
    }
    const prefix = scripts.some((script) => /\b(PS4|PROMPT4)\b/.test(script)) ? /^.+$/gm : /^\+\S* .*$/gm;
    return text.replace(prefix, MASK);
}

const SECRET_NAME = "[\\w-]*(?:pass|pwd|secret|token|credential|auth|api_?key|private_?key)[\\w-]*";
const VALUE = "(?:\"([^\"$`]{4,})\"|'([^']{4,})'|([^\\s\"'$`;&|()<>]{4,}))";

/** In a script: `name=value`, `"name": value` and `--name value` where the name is that of a secret; `//user:value@`. */
const PASSWORDS = [
    new RegExp(`${SECRET_NAME}["']?\\s*[=:]\\s*${VALUE}`, "gi"),
    new RegExp(`\\s-${SECRET_NAME}\\s+${VALUE}`, "gi"),
    /\/\/[^\s:/@]*:([^\s@/"'$`]{4,})@/g,
];

/** What a program that fails may quote of its arguments. What a script says in other words stays to be read. */
function passwordsIn(script: string): string[] {
    return PASSWORDS.flatMap((pattern) => [...script.matchAll(pattern)])
        .flatMap((match) => match.slice(1) as (string | undefined)[])
        .filter((value) => value !== undefined);
}
