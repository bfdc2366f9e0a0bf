import { recipeOf } from "./combine";
import type { RecipeScripts } from "./combine";

/**
 * File systems that can be frozen: ext4, XFS and others on a block device of their own, so not btrfs (fsfreeze(8)).
 * Each path stands for the file system that it is on. All that was written before is then in the snapshot, and writers
 * wait until the thaw.
 *
 * The root file system is refused, whichever way the path leads there (also by a link or a bind mount): nothing on the
 * host would run any more, not even what thaws. One that somebody else has frozen is refused, and left as it is. What
 * is dirty is written first (`sync -f`), so that the freeze itself is short.
 *
 * While one is frozen, it is kept open: it cannot be unmounted, and is thawed wherever it is mounted by then.
 *
 * @param paths absolute, such as `["/data", "/var/lib/postgresql"]`
 * @throws TypeError for none, and for what is not absolute
 */
export function fileSystems(paths: readonly string[]): RecipeScripts {
    return recipeOf([
        {
            kind: "fileSystems",
            functions: "file_systems",
            needs: [],
            level: "filesystem",
            settings: { paths: pathsSetting("recipes.fileSystems", paths) },
        },
    ]);
}

/** For the script. @throws TypeError for none, and for what is not absolute */
export function pathsSetting(caller: string, paths: readonly string[]): string {
    // A program that TypeScript does not check may give one path, and no list.
    const given: unknown = paths;
    const bad = Array.isArray(given) ? paths.find((path) => !/^\/[^\0\n]*$/.test(path)) : given;
    if (bad !== undefined || paths.length === 0) {
        throw new TypeError(
            `${caller}() needs a list of absolute paths on the instance, such as ["/data"], ` +
                `not ${JSON.stringify(bad ?? given)}`,
        );
    }
    return paths.join("\n");
}
