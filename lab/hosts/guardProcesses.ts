import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { HostProcess } from "./hostProcesses";
import type { SshHost } from "./sshHost";

/** Finds a process of the guard, or of its session, on a host. */
export type Find = (host: SshHost) => HostProcess | undefined;

/** A shell of the guard, and not what started it. Hooks that wait for their verb are among them. */
export function isGuard({ command }: HostProcess): boolean {
    const shell = command.includes('eval "$p"') && !command.includes("sudo -n");
    return (
        shell || /app-consistent-snapshot\S*\/\S+\/program /.test(command) || command.includes("started() {")
    );
}

/** A member of the guard's company, by the name that it has joined under (guard/company.sh). */
export function member(name: string): Find {
    return (host) => {
        const pid = companyOf(host).get(name);
        return host.processes().find((process) => process.pid === pid && isGuard(process));
    };
}

/** All members, by name, as the guards on the host have written them down. */
export function companyOf(host: SshHost): ReadonlyMap<string, number> {
    const folder = host.path(host.guardDirectory);
    const files = existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name, "company")) : [];
    const lines = files
        .filter((file) => existsSync(file))
        .flatMap((file) => readFileSync(file, "utf8").trimEnd().split("\n"));
    return new Map(lines.map((line) => [line.split(" ")[0] ?? "", Number(line.split(" ")[1])]));
}

export const main = member("main");
export const watcher = member("watcher1");

/** The first shell, which the others come from. */
export const top: Find = (host) => host.processes().find(({ pid }) => pid === main(host)?.parent);
