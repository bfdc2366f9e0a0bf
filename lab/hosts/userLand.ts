import { existsSync } from "node:fs";
import { ROOT } from "../engine/engine";
import { userLandFolder } from "../setup/setupUserLands.mjs";

/** The folder of a user land that set-up has made. */
export function existingUserLand(name: string): string {
    const folder = userLandFolder(ROOT, name);
    if (!existsSync(folder)) {
        throw new Error(`there is no user land ${name}: run \`node tools/setup.mjs --for hosts\``);
    }
    return folder;
}
