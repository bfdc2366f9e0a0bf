import { ClientCache } from "../aws/clientCache";
import type { AwsSettings, StackConfig } from "../aws/awsConfig";
import type { Clients } from "../aws/clients";
import { Shared } from "../run/shared";
import { isEngineGone } from "./engine";
import { Interruption } from "./interrupt";
import { readStackConfig } from "./stackConfig";
import { StackKnowledge } from "./stackKnowledge";

/** What a provider's process has once. Two of them share nothing but the process's end. */
export class Session {
    readonly stack = new StackKnowledge();
    readonly shared = new Shared(isEngineGone);
    /** What a preview has said already: it checks a replacement twice. */
    readonly said = new Set<string>();
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

    async interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
        return await this.#interruption.interruptible(work);
    }
}
