import { spawn, type SpawnOptionsWithStdioTuple } from "node:child_process";
import { basename } from "node:path";
import { childEnvironment } from "./childEnvironment";
import { type Program, ProgramStream } from "./programStream";
import type { Route, Way } from "./route";
import type { HopSettings } from "./ssh/handshake";
import { quoteEnd } from "./ssh/handshakeFailure";
import { SshError } from "./ssh/sshError";
import { expandTokens } from "./tunnelTokens";

export interface CommandRouteSettings {
    /** A program and its arguments, in which tokens are replaced. */
    readonly command: readonly string[];
    /** What AWS's own tools take region and credentials from. */
    readonly awsEnvironment: (signal: AbortSignal) => Promise<Readonly<Record<string, string>>>;
}

/** By a program whose standard input and output are the stream, as OpenSSH's ProxyCommand; one for each stream. */
export class CommandRoute implements Route {
    readonly #running = new Set<ProgramStream>();

    constructor(
        private readonly to: HopSettings,
        private readonly settings: CommandRouteSettings,
    ) {}

    async open(signal: AbortSignal): Promise<Way> {
        const { host, port, credentials, secrets } = this.to;
        const words = this.settings.command.map((word) =>
            expandTokens(word, { host, port, user: credentials.user }),
        );
        const [file = "", ...args] = words;
        const ofAws = await this.settings.awsEnvironment(signal);
        signal.throwIfAborted();
        const name = basename(file);
        const program = await start(file, args, childEnvironment(process.env, ofAws)).catch(
            (error: unknown) => {
                throw this.#notStarted(name, error as NodeJS.ErrnoException);
            },
        );
        const stream = new ProgramStream(program);
        this.#running.add(stream);
        void stream.gone.then(() => this.#running.delete(stream));
        if (signal.aborted) {
            stream.destroy();
            throw signal.reason as Error;
        }
        const hidden = [...secrets, ...SECRET_OF_AWS.flatMap((variable) => ofAws[variable] ?? [])];
        return { stream, said: () => describe(name, stream, (text) => quoteEnd(text, hidden)) };
    }

    #notStarted(name: string, cause: NodeJS.ErrnoException): SshError {
        const { where, address } = this.to;
        const [what, remedy] = PROBLEMS[cause.code ?? ""] ?? [cause.code ?? cause.message, undefined];
        return new SshError({
            code: "TUNNEL_FAILED",
            where,
            address,
            what: `the command of the tunnel, ${name}, could not be started: ${what}`,
            remedy: remedy ?? "run again when this machine has processes and memory to spare",
            transient: remedy === undefined,
            cause,
        });
    }

    async close(): Promise<void> {
        await Promise.all(
            [...this.#running].map((stream) => {
                stream.destroy();
                return stream.gone;
            }),
        );
    }
}

/** Not by a shell, and in a process group of its own: Ctrl-C at the terminal is not meant for what carries a freeze. */
const OPTIONS: SpawnOptionsWithStdioTuple<"pipe", "pipe", "pipe"> = {
    stdio: ["pipe", "pipe", "pipe"],
    detached: true,
    windowsHide: true,
};

function start(file: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<Program> {
    return new Promise((resolve, reject) => {
        const program = spawn(file, args, { ...OPTIONS, env });
        // Stays for good: a signal that cannot be sent is told so, too.
        program.on("error", reject);
        program.once("spawn", () => resolve(program));
    });
}

const CHECK_COMMAND = "check the first word of tunnel.command";
const PROBLEMS: Readonly<Record<string, readonly [string, string]>> = {
    ENOENT: [
        "there is no such program",
        `${CHECK_COMMAND}: it has to be on the PATH of whoever runs Pulumi, or a path`,
    ],
    EACCES: ["it is not executable", `${CHECK_COMMAND}, and the mode of the file`],
    ENOEXEC: ["it is no program", `${CHECK_COMMAND}; a script needs a "#!" line`],
    ENOTDIR: ["there is no such program", CHECK_COMMAND],
};

const SECRET_OF_AWS = ["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];

function describe(name: string, { ended, stderr }: ProgramStream, quote: (text: string) => string): string {
    const words = quote(stderr);
    if (ended === undefined && words === "") {
        return "";
    }
    return `the command ${name} ${ended ?? "runs"}${words === "" ? "" : `, and said: ${words}`}`;
}
