import type { StackConfig } from "../aws/clients";

const KEYS = ["region", "profile", "accessKey", "secretKey", "token", "assumeRoles"].map(
    (key) => `aws:${key}`,
);

/** The `aws:` settings of the stack, read at once: the engine may call on before `configure` has returned. */
export function readStackConfig(config: { get(key: string): string | undefined }): StackConfig {
    return Object.fromEntries(KEYS.map((key) => [key, config.get(key)]));
}
