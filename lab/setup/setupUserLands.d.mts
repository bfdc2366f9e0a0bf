export const USER_LANDS: readonly string[];
export const TEST_USER_LANDS: readonly string[];
export function userLandFolder(root: string, name: string): string;
export function setupUserLands(options: {
    root: string;
    names: readonly string[];
    log: (line: string) => void;
}): void;
