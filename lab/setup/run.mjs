// Runs a command for the set-up: quiet when it succeeds, its whole output when it does not.
import { spawnSync } from "node:child_process";

/**
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, limitSeconds?: number }} [options] limit: 1800 s
 * @returns {string} what it wrote to stdout
 */
export function run(command, args, { cwd, env, limitSeconds = 1800 } = {}) {
    const result = spawnSync(command, args, {
        cwd,
        env: env ?? process.env,
        encoding: "utf8",
        maxBuffer: 256 * 1024 * 1024,
        stdio: ["ignore", "pipe", "pipe"],
        timeout: limitSeconds * 1000,
        killSignal: "SIGKILL",
    });
    const asTyped = [command, ...args].join(" ");
    if (result.error) throw new Error(`"${asTyped}" did not run: ${result.error.message}`);
    if (result.status !== 0) {
        const outcome = result.signal ? `was ended by ${result.signal}` : `ended with code ${result.status}`;
        throw new Error(`"${asTyped}" ${outcome}\n${result.stdout}${result.stderr}`);
    }
    return result.stdout;
}

/** The same, for probing: undefined where the command is missing or fails. */
export function tryRun(command, args, options) {
    try {
        return run(command, args, options);
    } catch {
        return undefined;
    }
}
