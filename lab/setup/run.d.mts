export function run(
    command: string,
    args: string[],
    options?: { cwd?: string; env?: NodeJS.ProcessEnv; limitSeconds?: number },
): string;
