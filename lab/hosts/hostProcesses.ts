import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface HostProcess {
    /** As seen in the host. */
    readonly pid: number;
    readonly parent: number;
    readonly group: number;
    readonly session: number;
    /** The letter of ps(1): R, S, D, T, Z. */
    readonly state: string;
    readonly command: string;
}

/**
 * All processes that a /proc knows. Tests look often while they wait: to start `ps` for each look would keep a busy
 * machine busier.
 */
export function processesIn(proc: string): HostProcess[] {
    return readdirSync(proc)
        .filter((name) => /^\d+$/.test(name))
        .flatMap((name) => {
            try {
                return [processIn(join(proc, name))];
            } catch {
                return []; // It ended in between.
            }
        });
}

function processIn(folder: string): HostProcess {
    // proc(5): the name, in parentheses, may have blanks and parentheses itself.
    const [, pid, name = "", rest = ""] =
        /^(\d+) \((.*)\) (.*)$/s.exec(readFileSync(join(folder, "stat"), "utf8")) ?? [];
    const [state = "", parent, group, session] = rest.split(" ");
    const words = readFileSync(join(folder, "cmdline"), "utf8").split("\0");
    const command = words.join(" ").trim();
    return {
        pid: Number(pid),
        parent: Number(parent),
        group: Number(group),
        session: Number(session),
        state,
        command: command === "" ? `[${name}]` : command,
    };
}
