export declare const INSTALL_KINDS: readonly ["pack-npm", "link", "pack-pnpm", "link-pnpm"];
export declare const OLDEST_SDK: "pack-npm-oldest";
export declare function setupInstall(options: {
    root: string;
    kind: (typeof INSTALL_KINDS)[number] | typeof OLDEST_SDK;
    log: (line: string) => void;
}): string;
