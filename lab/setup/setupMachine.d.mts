export function machineFolder(root: string): string;
export function setupMachine(options: { root: string; log: (line: string) => void }): string;
