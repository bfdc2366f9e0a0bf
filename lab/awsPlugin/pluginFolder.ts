import { readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { ModuleKind, ScriptTarget, transpileModule } from "typescript";
import { madeOnce } from "../madeOnce";

/** Pulumi starts it as the plugin of @pulumi/aws, in the program's folder. */
const SCRIPT = `#!/bin/sh
exec node "$(dirname "$(readlink -f "$0")")/main.js" "$@"
`;

/**
 * Holds `pulumi-resource-aws`, to be put on PATH. In JavaScript, because whoever translates TypeScript on the way takes
 * longer to load than all the rest.
 */
export function awsPluginFolder(): string {
    return madeOnce("aws-plugin", (draft) => {
        for (const name of readdirSync(__dirname).filter((one) => one.endsWith(".ts"))) {
            const compilerOptions = { target: ScriptTarget.ES2022, module: ModuleKind.CommonJS };
            const source = readFileSync(join(__dirname, name), "utf8");
            const { outputText } = transpileModule(source, { compilerOptions, fileName: name });
            writeFileSync(join(draft, `${basename(name, ".ts")}.js`), outputText);
        }
        symlinkSync(join(__dirname, "../../node_modules"), join(draft, "node_modules"), "dir");
        writeFileSync(join(draft, "pulumi-resource-aws"), SCRIPT, { mode: 0o755 });
    });
}
