import type { Secret } from "../../base/maskSecrets";
import type { HopSettings } from "./handshake";
import { findsInstance, type Tunnel } from "../tunnel";
import { parseHostKeys } from "./hostKey";
import { readPrivateKey } from "./privateKey";
import { SshError, type Where } from "./sshError";

/** A server and how to log in to it. The names and the order of credentials are those of `command.remote.Command`. */
export interface SshTarget {
    /** What carries the connection, instead of TCP. */
    readonly tunnel?: Tunnel;
    /** Absent with a tunnel that leads to the instance by its id. */
    readonly host?: string;
    /** Default 22. */
    readonly port?: number;
    readonly user: string;
    /** Also answers keyboard-interactive questions. Tried after the private key. */
    readonly password?: string;
    /** The key's text, not its path. Tried first. */
    readonly privateKey?: string;
    readonly privateKeyPassword?: string;
    /** Tried last. Default: the environment's SSH_AUTH_SOCK. */
    readonly agentSocketPath?: string;
    /** A key of EC2 Instance Connect for each try, and nothing of the above. Default false. */
    readonly instanceConnect?: boolean;
    /** What the host's key must be: see parseHostKey. */
    readonly hostKey?: string | readonly string[];
    /** Accepts any host key when there is no `hostKey`. Default false. */
    readonly insecureIgnoreHostKey?: boolean;
}

export interface SshSettings extends SshTarget {
    /** One bastion on the way. */
    readonly proxy?: SshTarget;
}

/** Reads keys and credentials. `instanceId`: of the server, where it is known. Throws SshError. */
export function prepareHop(
    where: Where,
    target: SshTarget,
    secrets: readonly Secret[],
    keepaliveMs: number,
    instanceId?: string,
): HopSettings {
    const port = target.port ?? 22;
    const host = target.host ?? instanceId ?? "";
    const address = `${target.user}@${host}:${port}`;
    return {
        where,
        host,
        port,
        address,
        credentials: prepareCredentials(where, address, target),
        hostKeys: prepareHostKeys(where, address, target),
        secrets,
        keepaliveMs,
    };
}

function prepareCredentials(where: Where, address: string, target: SshTarget): HopSettings["credentials"] {
    if (target.instanceConnect === true) {
        // An agent's keys would use up the tries that a server allows (MaxAuthTries).
        return { user: target.user };
    }
    const agentSocketPath = target.agentSocketPath || process.env["SSH_AUTH_SOCK"];
    const key = target.privateKey ? readPrivateKey(target.privateKey, target.privateKeyPassword) : undefined;
    if (key && "reason" in key) {
        throw new SshError({
            code: "SSH_LOGIN_REFUSED",
            where,
            address,
            what: `${key.input} ${key.reason}`,
            remedy: "give the text of a private key that ssh-keygen made, and its passphrase in privateKeyPassword",
        });
    }
    return {
        user: target.user,
        ...(key && { key }),
        ...(target.password && { password: target.password }),
        ...(agentSocketPath && { agentSocketPath }),
    };
}

function prepareHostKeys(where: Where, address: string, target: SshTarget): HopSettings["hostKeys"] {
    const isVouchedFor = target.insecureIgnoreHostKey === true || findsInstance(target.tunnel);
    if (target.hostKey === undefined && isVouchedFor) {
        return "any";
    }
    const keys = parseHostKeys(target.hostKey ?? []);
    if (!("problem" in keys)) {
        return keys;
    }
    throw new SshError({
        code: "SSH_HOST_KEY_MISMATCH",
        where,
        address,
        what:
            target.hostKey === undefined
                ? "there is no hostKey to compare the host's with"
                : `hostKey ${keys.problem}`,
        remedy: "give the host's public key in hostKey, for example from InstanceHostKeys",
    });
}
