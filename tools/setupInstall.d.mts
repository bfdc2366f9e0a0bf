export declare const INSTALL_KINDS: readonly ["pack-npm", "link", "pack-pnpm", "link-pnpm"];
export declare const BARE_KINDS: readonly ["bare-npm", "bare-pnpm", "bare-yarn", "bare-berry", "bare-bun"];
export declare function setupInstall(options: {
    root: string;
    kind: (typeof INSTALL_KINDS | typeof BARE_KINDS)[number];
    log: (line: string) => void;
}): string;
