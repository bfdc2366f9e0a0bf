import type { HostProcess } from "./sshHost";

/** Finds a process of the guard, or of its session, among those of a host. */
export type Find = (all: readonly HostProcess[]) => HostProcess | undefined;

/** A shell of the guard, and not what started it. */
export function isGuard({ command }: HostProcess): boolean {
    return command.includes('eval "$p"') && !command.includes("sudo -n");
}

export const watcher: Find = (all) => all.find(({ command }) => command.endsWith("sh watcher"));

/** The first shell, which the others come from. */
export const top: Find = (all) => all.find(({ pid }) => pid === watcher(all)?.parent);

/** What counts the present phase; main's ticks are shorter. */
export const timer: Find = (all) =>
    all.find(
        ({ command, parent }) =>
            Number(/^sleep (\S+)$/.exec(command)?.[1]) >= 0.5 &&
            all.some((process) => process.pid === parent && isGuard(process)),
    );

export const main: Find = (all) => all.find(({ pid }) => pid === timer(all)?.parent);

export const reader: Find = (all) =>
    all.find((process) => isGuard(process) && process.parent === main(all)?.pid);
