export function setupCloud(options: { root: string; log: (line: string) => void }): Promise<string>;
