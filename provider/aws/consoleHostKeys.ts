import type { Waiting } from "../base/log";
import { GetConsoleOutputCommand } from "@aws-sdk/client-ec2";
import { SnapshotError } from "../base/errors";
import { poll } from "../base/poll";
import { timing } from "../base/timing";
import type { Clients } from "./clients";
import { awsErrorName, request } from "./request";

export interface ReadOptions extends Waiting {
    /** On the clock of `performance.now()`. */
    readonly deadline: number;
}

/** Reads the host keys' fingerprints from the instance's console; waits while it boots. */
export async function readHostKeys(
    clients: Clients,
    instanceId: string,
    { deadline, log, signal }: ReadOptions,
): Promise<string[]> {
    const keys = await poll(async () => parseHostKeys(await consoleOutput(clients, instanceId, signal)), {
        deadline,
        interval: timing.hostKeysPauseMs,
        signal,
        onWait: () => log("waiting for the instance to print its SSH host keys on its console", "status"),
    });
    if (keys === undefined) {
        throw new SnapshotError(
            {
                code: "HOST_KEYS_NOT_FOUND",
                message: "The console output has no complete block of SSH host key fingerprints.",
                remedy:
                    "cloud-init prints it at the first boot only, and the console keeps its last 64 KB. For an older " +
                    'instance set source: "systems-manager", if the SSM agent runs on it; or read the key on the ' +
                    "instance (/etc/ssh/ssh_host_ed25519_key.pub) and give it as hostKey.",
            },
            { instanceId },
        );
    }
    return keys;
}

async function consoleOutput(clients: Clients, instanceId: string, signal: AbortSignal): Promise<string> {
    const read = async (latest: boolean) =>
        await request("ec2:GetConsoleOutput", signal, (abortSignal) =>
            clients.ec2.send(
                new GetConsoleOutputCommand({ InstanceId: instanceId, ...(latest ? { Latest: true } : {}) }),
                { abortSignal },
            ),
        );
    try {
        // What was posted at boot; the latest, on Nitro instances only, comes minutes earlier.
        const posted = await read(false);
        const { Output } = posted.Output ? posted : await read(true);
        return Buffer.from(Output ?? "", "base64").toString("utf8");
    } catch (error) {
        if (awsErrorName(error) === "UnsupportedOperation") {
            return "";
        }
        throw error;
    }
}

const BEGIN = "-----BEGIN SSH HOST KEY FINGERPRINTS-----";
const END = "-----END SSH HOST KEY FINGERPRINTS-----";
/** As `ssh-keygen -l` prints a key, behind whatever `logger` and the console put before it. */
const KEY = /(?:^|\s)\d+ (?<key>SHA256:[A-Za-z0-9+/]{43})=?(?=\s|$)/gm;
// eslint-disable-next-line no-control-regex -- colours and the like, as terminals take them
const ESCAPES = /\x1b\[[0-9;?]*[A-Za-z]/g;

/**
 * The fingerprints of the first block that cloud-init printed (cloud-init, `tools/write-ssh-key-fingerprints`).
 * Later text of the console can come from anybody on the instance and is not believed; nor is a first block that
 * another one begins in.
 */
export function parseHostKeys(text: string): string[] | undefined {
    const [, first = ""] = text.replace(ESCAPES, "").split(BEGIN, 2);
    const [lines = "", rest] = first.split(END, 2);
    if (rest === undefined || lines.includes("-----BEGIN ")) {
        return undefined;
    }
    const keys = [...lines.matchAll(KEY)].flatMap((match) => match.groups?.key ?? []);
    return keys.length > 0 ? keys : undefined;
}
