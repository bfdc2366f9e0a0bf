import { ClientCache } from "../aws/clientCache";
import type { AwsSettings, StackConfig } from "../aws/awsConfig";
import type { Clients } from "../aws/clients";
import { Shared } from "../run/shared";
import { type Log, warningIn } from "../base/log";
import { isEngineGone } from "./engine";
import { EngineLog } from "./engineLog";
import { inEngineWords } from "./engineWords";
import { Interruption } from "./interrupt";
import type { Inputs } from "./request";
import { readStackConfig } from "./stackConfig";
import { StackKnowledge } from "./stackKnowledge";

/** What a provider's process has once. Two of them share nothing but the process's end. */
export class Session {
    readonly stack = new StackKnowledge();
    readonly shared = new Shared(isEngineGone);
    /** What a preview has said already: it checks a replacement twice. */
    readonly said = new Set<string>();
    readonly #engineLog = new EngineLog();
    readonly #interruption = new Interruption();
    readonly #clients = new ClientCache();
    #config: StackConfig = {};

    /** Stored at once: the engine may call on before this has returned. */
    configure(config: { get(key: string): string | undefined }): void {
        this.#config = readStackConfig(config);
        this.#interruption.watchEngine();
    }

    async clients(settings?: AwsSettings): Promise<Clients> {
        return await this.#clients.for(settings, this.#config);
    }

    /** Says lines on the row of a resource; on the console, with its name, where that cannot be. */
    logOf({ owner, instanceId }: Pick<Partial<Inputs>, "owner" | "instanceId">): Log {
        const name = owner?.split("::").at(-1) ?? instanceId ?? "";
        return (line, kind) => {
            const onConsole = () => console.log(`${name}: ${line}`);
            if (owner === undefined) {
                onConsole();
                return;
            }
            const warning = warningIn(line);
            const severity = warning === undefined ? "info" : "warning";
            this.#engineLog.say(
                owner,
                { text: warning ?? line, severity, passing: kind === "status" },
                onConsole,
            );
        };
    }

    /** Runs a verb; what it said has arrived, and its errors say what the user runs. */
    async answering<T>(verb: () => Promise<T>): Promise<T> {
        try {
            return await inEngineWords(verb);
        } finally {
            await this.#engineLog.flush();
        }
    }

    async interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
        return await this.#interruption.interruptible(work);
    }
}
