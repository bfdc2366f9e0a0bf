export function setupAwsCli(options: { root: string; log: (line: string) => void }): string;
