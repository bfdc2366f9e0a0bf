import { join } from "node:path";
import ts from "typescript";
import { ROOT } from "../../lab/engine/engine";

/** What users' programs import, by the file that has it. */
export const ENTRIES = ["index.ts", "components/index.ts", "recipes/index.ts"].map((file) =>
    join(ROOT, file),
);

/**
 * The settings that `pulumi new typescript` gives a project, and the strictest ones beside them. The package is read from
 * its sources.
 */
const SETTINGS: ts.CompilerOptions = {
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.Node20,
    moduleResolution: ts.ModuleResolutionKind.Node16,
    skipLibCheck: true,
    noEmit: true,
    types: ["node"],
    paths: {
        "pulumi-app-consistent-snapshot": [ENTRIES[0] ?? ""],
        "pulumi-app-consistent-snapshot/components": [ENTRIES[1] ?? ""],
        "pulumi-app-consistent-snapshot/recipes": [ENTRIES[2] ?? ""],
    },
};

/**
 * The package's sources, and programs of users beside them, by their names in `test/types/`.
 *
 * @param parsed has what need not be parsed again
 */
export function programWith(texts: Readonly<Record<string, string>>, parsed?: ts.Program): ts.Program {
    const files = new Map(Object.entries(texts).map(([name, text]) => [fileOf(name), text]));
    const host = ts.createCompilerHost(SETTINGS);
    const disk = ts.createCompilerHost(SETTINGS);
    host.readFile = (file) => files.get(file) ?? disk.readFile(file);
    host.fileExists = (file) => files.has(file) || disk.fileExists(file);
    host.getSourceFile = (file, options, ...rest) => {
        const text = files.get(file);
        return text === undefined
            ? (parsed?.getSourceFile(file) ?? disk.getSourceFile(file, options, ...rest))
            : ts.createSourceFile(file, text, options, true);
    };
    return ts.createProgram({ rootNames: [...ENTRIES, ...files.keys()], options: SETTINGS, host });
}

/** What the compiler says of one of the programs: by line, from 1, each with the whole text that a user sees. */
export function complaints(program: ts.Program, name: string): { line: number; text: string }[] {
    const source = program.getSourceFile(fileOf(name));
    return ts.getPreEmitDiagnostics(program, source).map(({ file, start = 0, messageText }) => ({
        line: (file?.getLineAndCharacterOfPosition(start).line ?? -1) + 1,
        text: ts.flattenDiagnosticMessageText(messageText, "\n"),
    }));
}

const fileOf = (name: string) => join(ROOT, "test/types", name);
