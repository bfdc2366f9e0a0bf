export function hashOf(root: string, paths: string[]): string;
export function isStamped(file: string, value: string): boolean;
export function writeStamp(file: string, value: string): void;
