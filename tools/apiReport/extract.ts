import { Extractor, ExtractorConfig, ExtractorLogLevel } from "@microsoft/api-extractor";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const ROOT = join(__dirname, "../..");
/** By what users import them as. */
const ENTRIES = {
    index: "bin/index.d.ts",
    components: "bin/components/index.d.ts",
    recipes: "bin/recipes/index.d.ts",
};

/**
 * Compares what `bin/` exports with the reports in `api/`.
 *
 * @param mode `update` also writes them
 * @returns what has changed; nothing when all is as it was
 */
export function apiChanges(mode: "compare" | "update"): string[] {
    const folder = mkdtempSync(join(tmpdir(), "acs-api-"));
    try {
        return Object.entries(ENTRIES).flatMap(([name, entry]) =>
            reportOf(name, entry, folder, mode) ? [`api/${name}.api.md has changed`] : [],
        );
    } finally {
        rmSync(folder, { recursive: true, force: true });
    }
}

function reportOf(name: string, entry: string, folder: string, mode: "compare" | "update"): boolean {
    const config = ExtractorConfig.prepare({
        configObject: {
            projectFolder: ROOT,
            mainEntryPointFilePath: join(ROOT, entry),
            compiler: { tsconfigFilePath: join(ROOT, "tsconfig.build.json") },
            apiReport: {
                enabled: true,
                reportFileName: name,
                reportFolder: join(ROOT, "api"),
                reportTempFolder: folder,
                includeForgottenExports: true,
            },
            messages: {
                // Doc comments are for people; what must be exported, is said in the report.
                extractorMessageReporting: { default: { logLevel: ExtractorLogLevel.None } },
                tsdocMessageReporting: { default: { logLevel: ExtractorLogLevel.None } },
            },
        },
        configObjectFullPath: undefined,
        packageJsonFullPath: join(ROOT, "package.json"),
    });
    const { apiReportChanged } = Extractor.invoke(config, {
        localBuild: mode === "update",
        messageCallback: (message) => {
            message.handled = true;
        },
    });
    return apiReportChanged;
}
