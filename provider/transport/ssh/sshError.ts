export type SshErrorCode =
    /** Nobody answered in time: refused, unreachable, timed out, name not found, closed before login. */
    | "SSH_UNREACHABLE"
    /** The server accepts none of the credentials. */
    | "SSH_LOGIN_REFUSED"
    /** The server is not the expected one. */
    | "SSH_HOST_KEY_MISMATCH"
    /** What answered does not speak SSH as it should. */
    | "SSH_PROTOCOL_ERROR"
    /** What is to carry the connection cannot be had. */
    | "TUNNEL_FAILED";

/** Which of the two hops a failure concerns. */
export type Where = "instance" | "proxy";

/** A server, as messages name it. */
export interface Place {
    readonly where: Where;
    readonly host: string;
    readonly port: number;
    /** `user@host:port` */
    readonly address: string;
}

export interface SshFailure {
    readonly code: SshErrorCode;
    readonly where: Where;
    /** `user@host:port` */
    readonly address: string;
    /** What happened, without secrets. */
    readonly what: string;
    /** What the user can do about it. */
    readonly remedy: string;
    /** Whether trying again may help without anybody doing anything, for example while the host boots. */
    readonly transient?: boolean;
    /** Whether an account or a key that the host does not have yet, but is about to get, may be the reason. */
    readonly early?: boolean;
    readonly cause?: unknown;
}

/** Every failure of connecting or of starting a command. Its texts hold no secret. */
export class SshError extends Error {
    readonly code: SshErrorCode;
    readonly where: Where;
    readonly address: string;
    readonly what: string;
    readonly remedy: string;
    readonly transient: boolean;
    readonly early: boolean;

    constructor(failure: SshFailure) {
        const hop = failure.where === "proxy" ? "proxy " : "";
        super(`ssh to ${hop}${failure.address}: ${failure.what}`, { cause: failure.cause });
        this.name = "SshError";
        this.code = failure.code;
        this.where = failure.where;
        this.address = failure.address;
        this.what = failure.what;
        this.remedy = failure.remedy;
        this.transient = failure.transient ?? false;
        this.early = failure.early ?? false;
    }

    /** The same error, with more of what happened. */
    and(more: string): SshError {
        if (more === "") {
            return this;
        }
        const { code, where, address, remedy, transient, cause } = this;
        return new SshError({
            code,
            where,
            address,
            remedy,
            transient,
            cause,
            what: `${this.what}; ${more}`,
        });
    }
}

/** Whatever kept it from being reached. Trying again may help. */
export const NOT_REACHED = {
    code: "SSH_UNREACHABLE",
    remedy: "check that the instance is running, that sshd is up, and the security group and routes between here and there",
    transient: true,
} as const;

/** Nobody answered. */
export function unreachable(
    { where, address }: Pick<Place, "where" | "address">,
    what: string,
    { remedy, cause }: { readonly remedy?: string | undefined; readonly cause?: unknown } = {},
): SshError {
    return new SshError({
        ...NOT_REACHED,
        ...(remedy === undefined ? {} : { remedy }),
        where,
        address,
        what,
        cause,
    });
}
