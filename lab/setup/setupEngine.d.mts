export declare function setupEngine(options: { root: string; log: (line: string) => void }): string;
