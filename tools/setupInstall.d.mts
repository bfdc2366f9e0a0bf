export declare const INSTALL_KINDS: readonly ["pack-npm", "link", "pack-pnpm", "link-pnpm"];
export declare function setupInstall(options: {
    root: string;
    kind: (typeof INSTALL_KINDS)[number];
    log: (line: string) => void;
}): string;
