import type * as Ssh2 from "ssh2";

/**
 * Reads an SSH key, public or private. Loads ssh2 with the first one, because `check` is in each run of Pulumi, and many
 * of its inputs have no key.
 */
export function parseKey(text: string, passphrase?: string): ReturnType<typeof Ssh2.utils.parseKey> {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- an import would be loaded with this file
    const { utils } = require("ssh2") as typeof Ssh2;
    return utils.parseKey(text, passphrase);
}
