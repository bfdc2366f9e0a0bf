export declare const INSTALL_KINDS: readonly ["pack-npm", "link", "pack-pnpm", "link-pnpm"];
export declare const BARE_KINDS: readonly ["bare-npm", "bare-pnpm", "bare-yarn", "bare-berry", "bare-bun"];
export declare const OLDEST_SDK: "pack-npm-oldest";
export declare function setupInstall(options: {
    root: string;
    kind: (typeof INSTALL_KINDS | typeof BARE_KINDS)[number] | typeof OLDEST_SDK;
    log: (line: string) => void;
}): string;
