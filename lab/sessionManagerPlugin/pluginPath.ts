import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** The PATH on which there is a `session-manager-plugin`: an installed one, or else what stands for it. */
export function pathWithPlugin(path = process.env["PATH"] ?? ""): string {
    const installed = path.split(delimiter).some((folder) => {
        try {
            accessSync(join(folder, "session-manager-plugin"), constants.X_OK);
            return true;
        } catch {
            return false;
        }
    });
    return installed ? path : `${path}${delimiter}${__dirname}`;
}
