import { type StackConfig, configKeys } from "../aws/awsConfig";

/** The `aws:` settings of the stack, read at once: the engine may call on before `configure` has returned. */
export function readStackConfig(config: { get(key: string): string | undefined }): StackConfig {
    return Object.fromEntries(configKeys.map((key) => [key, config.get(key)]));
}
