import { pathsSetting } from "../fileSystems";
import { verifyScriptOf } from "./verifyScript";
import type { VerifyLimits, VerifyScript } from "./verifyScript";

/**
 * File systems, with the paths of `recipes.fileSystems`. Each path stands for the whole file system that it is on.
 *
 * It passes when each is mounted within `startSeconds`, where `/etc/fstab` says if it names the path's place, and never
 * on the root file system; when a file can be written to its disk there and removed; when every directory, link and file
 * on it can be read to its end; and when the kernel has counted no error in it, which ext4 keeps in the file system
 * itself.
 *
 * It finds what the disk or the file system notices. ext4 and XFS have checksums of their own structures, and none of
 * the contents of files: what an application keeps there, only that application can verify.
 *
 * @throws TypeError for what `recipes.fileSystems` throws it for, and for seconds that are not whole, or below 1
 */
export function fileSystems(paths: readonly string[], limits: VerifyLimits = {}): VerifyScript {
    return verifyScriptOf([
        {
            kind: "fileSystems",
            functions: "file_systems",
            level: "filesystem",
            settings: { paths: pathsSetting("recipes.verify.fileSystems", paths) },
            limits,
        },
    ]);
}
