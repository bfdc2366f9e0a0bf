export function setupSessionClient(options: {
    root: string;
    log: (line: string) => void;
}): string | undefined;
