import { basename } from "node:path";
import { childEnvironment } from "./childEnvironment";
import { OpenStreams } from "./openStreams";
import { isPassing, secretsOfAws, startProblem, startProgram, tellOf } from "./program";
import type { ProgramStream } from "./programStream";
import type { Route, Way } from "./route";
import type { HopSettings } from "./ssh/handshake";
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
    readonly #running = new OpenStreams<ProgramStream>();

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
        const env = childEnvironment(process.env, ofAws);
        const stream = await startProgram({ file, args, env }).catch((error: unknown) => {
            throw this.#notStarted(file, error as NodeJS.ErrnoException);
        });
        this.#running.add(stream);
        if (signal.aborted) {
            stream.destroy();
            throw signal.reason as Error;
        }
        return { stream, said: () => tellOf(file, stream, [...secrets, ...secretsOfAws(ofAws)]) };
    }

    #notStarted(file: string, cause: NodeJS.ErrnoException): SshError {
        const { where, address } = this.to;
        return new SshError({
            code: "TUNNEL_FAILED",
            where,
            address,
            what: `the command of the tunnel, ${basename(file)}, could not be started: ${startProblem(cause)}`,
            remedy:
                REMEDIES[cause.code ?? ""] ?? "run again when this machine has processes and memory to spare",
            transient: isPassing(cause),
            cause,
        });
    }

    close(): Promise<void> {
        return this.#running.close();
    }
}

const CHECK_COMMAND = "check the first word of tunnel.command";
const REMEDIES: Readonly<Record<string, string>> = {
    ENOENT: `${CHECK_COMMAND}: it has to be on the PATH of whoever runs Pulumi, or a path`,
    EACCES: `${CHECK_COMMAND}, and the mode of the file`,
    ENOEXEC: `${CHECK_COMMAND}; a script needs a "#!" line`,
    ENOTDIR: CHECK_COMMAND,
};
