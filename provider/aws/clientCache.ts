import type { AwsSettings, StackConfig } from "./awsConfig";
import type { Clients } from "./clients";

/** Resources with the same settings share clients, and so their connections and credentials. */
export class ClientCache {
    readonly #clients = new Map<string, Promise<Clients>>();

    /** As `clientsFor`, with the environment as it is now. */
    async for(settings: AwsSettings = {}, config: StackConfig = {}): Promise<Clients> {
        const key = JSON.stringify([settings, withPrefix(config, "aws:"), withPrefix(process.env, "AWS_")]);
        const cached = this.#clients.get(key);
        if (cached !== undefined) {
            return await cached;
        }
        const made = make(settings, config);
        this.#clients.set(key, made);
        made.catch(() => this.#clients.delete(key));
        return await made;
    }
}

/** The SDK takes long to load, and `diff` never needs it. */
async function make(settings: AwsSettings, config: StackConfig): Promise<Clients> {
    const { clientsFor } = await import("./clients.js");
    return await clientsFor(settings, config);
}

function withPrefix(values: StackConfig, prefix: string): Record<string, string> {
    const entries = Object.entries(values).filter(([key, value]) => key.startsWith(prefix) && value);
    return Object.fromEntries(entries) as Record<string, string>;
}
