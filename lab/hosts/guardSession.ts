import { once } from "node:events";
import { Client, type ClientChannel } from "ssh2";
import { parseGuardLine, type GuardLine } from "../../provider/quiesce/hooks/guardLine";
import {
    type GuardParams,
    type GuardProgram,
    VMWARE_VERBS,
    composeGuard,
} from "../../provider/quiesce/hooks/guardProgram";
import type { SshHost } from "./sshHost";

let executions = 0;

/** Parameters for a guard on a host, with the hooks that lie there. */
export function guardParams(host: SshHost, changes: Partial<GuardParams> = {}): GuardParams {
    return {
        mode: "freeze",
        sudo: host.sudo,
        nonce: "nonce-1",
        executionId: `acs-test-${++executions}`,
        owner: "",
        confirmedAwake: "",
        rehearse: false,
        instanceId: host.instanceId,
        verifyIdentity: true,
        preFreeze: { path: host.preFreezePath },
        postThaw: { path: host.postThawPath },
        verbs: VMWARE_VERBS,
        environment: {},
        limits: { lock: 0, wait: 30, preFreeze: 30, freeze: 60, postThaw: 30 },
        showHookOutput: false,
        ...changes,
    };
}

/** A guard on a host, over ssh, and what it says. */
export class GuardSession {
    /** All lines so far, the nonce included. */
    readonly lines: string[] = [];
    stderr = "";
    #closed = false;
    exitCode: number | undefined;
    #beat: NodeJS.Timeout | undefined;

    private constructor(
        readonly client: Client,
        readonly channel: ClientChannel,
    ) {}

    static async start(
        host: SshHost,
        params: GuardParams,
        options: { port?: number; username?: string } = {},
    ): Promise<GuardSession> {
        return await GuardSession.startProgram(host, composeGuard(params), options);
    }

    static async startProgram(
        host: SshHost,
        { command, stdin }: GuardProgram,
        options: { port?: number; username?: string } = {},
    ): Promise<GuardSession> {
        const client = await connectTo(host, options);
        // What sshd says with its first word, at once, must find somebody who listens.
        const session = await new Promise<GuardSession>((resolve, reject) => {
            client.exec(command, (error, opened) =>
                error ? reject(error) : resolve(GuardSession.of(client, opened)),
            );
        });
        session.channel.write(stdin);
        return session;
    }

    private static of(client: Client, channel: ClientChannel): GuardSession {
        const session = new GuardSession(client, channel);
        let rest = "";
        channel.on("data", (bytes: Buffer) => {
            const parts = (rest + bytes.toString()).split("\n");
            rest = parts.pop() ?? "";
            session.lines.push(...parts);
        });
        channel.stderr.on("data", (bytes: Buffer) => (session.stderr += bytes.toString()));
        channel.on("exit", (code: number | null) => (session.exitCode = code ?? undefined));
        channel.on("close", () => {
            session.#closed = true;
            session.stopBeating();
        });
        return session;
    }

    get said(): GuardLine[] {
        return this.lines.slice(1).map(parseGuardLine);
    }

    get closed(): boolean {
        return this.#closed;
    }

    /** From the one to the other it beats, as the product does, unless it is told not to. */
    send(word: "freeze" | "release", { beat = true } = {}): void {
        this.channel.write(`${word}\n`);
        this.stopBeating();
        if (word === "freeze" && beat) {
            this.#beat = setInterval(() => this.channel.write("beat\n"), 1_000).unref();
        }
    }

    stopBeating(): void {
        clearInterval(this.#beat);
    }

    /** Waits for a line that begins so. Fails at once when the guard ends without it. */
    async line(beginning: string, limit = 20_000): Promise<string> {
        return this.#wait(
            () => this.lines.find((line) => line === beginning || line.startsWith(`${beginning} `)),
            `"${beginning}"`,
            limit,
        );
    }

    /** Waits for the line of this index. */
    async nextLine(index: number, limit = 20_000): Promise<string> {
        return this.#wait(() => this.lines[index], `line ${index}`, limit);
    }

    /** Waits until the channel is closed. */
    async end(limit = 20_000): Promise<string[]> {
        if (!this.#closed) {
            await once(this.channel, "close", { signal: AbortSignal.timeout(limit) });
        }
        return this.lines;
    }

    /** Goes through to `frozen`. */
    async freeze(): Promise<void> {
        await this.line("ready");
        this.send("freeze");
        await this.line("frozen");
    }

    async #wait(find: () => string | undefined, what: string, limit: number): Promise<string> {
        const deadline = AbortSignal.timeout(limit);
        for (;;) {
            const found = find();
            if (found !== undefined) {
                return found;
            }
            if (this.#closed) {
                throw new Error(
                    `the guard ended without ${what}: ${JSON.stringify(this.lines)} ${this.stderr}`,
                );
            }
            try {
                await Promise.race([
                    once(this.channel, "data", { signal: deadline }),
                    once(this.channel, "close", { signal: deadline }),
                ]);
            } catch (error) {
                throw new Error(`no ${what} in ${limit} ms: ${JSON.stringify(this.lines)}`, { cause: error });
            }
        }
    }

    /** The client is gone, at once. */
    disconnect(): void {
        this.client.destroy();
    }
}

async function connectTo(host: SshHost, options: { port?: number; username?: string }): Promise<Client> {
    const client = new Client();
    client.connect({
        host: host.address,
        port: options.port ?? host.port,
        username: options.username ?? host.user,
        privateKey: host.clientKey,
        readyTimeout: 20_000,
    });
    // A host that a test kills takes its connections with it; ssh2 may tell that more than once.
    client.on("error", () => client.destroy());
    await once(client, "ready");
    return client;
}
