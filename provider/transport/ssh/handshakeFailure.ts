import { type Secret, maskSecrets } from "../../base/maskSecrets";
import { SENT_KEY, type Login } from "./login";
import { NOT_REACHED, SshError, type SshFailure, type Where } from "./sshError";

/** How far a handshake got. */
export interface HandshakeEnd {
    phase: "identification" | "key exchange" | "login";
    readonly login: Pick<Login, "tried" | "accepted" | "offered" | "notes">;
    /** What the server said before login, which often tells why it refuses. */
    banner: string;
    /** What it said after a credential was tried: with PAM, about the account. */
    accountText: string;
    /** What it said before it identified itself. */
    readonly textBefore: string;
}

type Described = Omit<SshFailure, "where" | "address" | "cause">;

/** What a failed handshake means. `error` is absent when the server just closed the connection. */
export function describeFailure(
    error: (Error & { code?: unknown; level?: string }) | undefined,
    end: HandshakeEnd,
    settings: { readonly where: Where; readonly address: string; readonly secrets: readonly Secret[] },
): SshError {
    const quote = (text: string) => quoteServer(text, settings.secrets);
    const { where, address } = settings;
    return new SshError({ ...describe(error, end, quote), where, address });
}

function describe(
    error: (Error & { code?: unknown; level?: string }) | undefined,
    end: HandshakeEnd,
    quote: (text: string) => string,
): Described {
    const message = error?.message ?? "";
    if (TURNED_AWAY.test(end.textBefore)) {
        return turnedAway(end.textBefore, quote);
    }
    if (error && isSocketError(error)) {
        return cut(describeSocketError(error));
    }
    const words = `${end.banner}${end.accountText}`;
    if (end.phase === "login" && CLOSED_FOR_NOW.test(words + message)) {
        return cut(`the host says that it is still booting, or going down: ${quote(words || message)}`);
    }
    if (isRefusal(error, end)) {
        return refused(error, end, quote);
    }
    if (error === undefined || message === "Connection lost before handshake") {
        return cut(
            `the server closed the connection ${PHASE[end.phase]}${said(end.textBefore + end.banner, quote)}`,
        );
    }
    // OpenSSH disconnects with a text, such as "Too many connections"; ssh2 puts the protocol's number into `code`.
    if (typeof error.code === "number") {
        return cut(`the server disconnected: ${quote(message)}`);
    }
    if (message.includes("no matching")) {
        return {
            code: "SSH_PROTOCOL_ERROR",
            what: quote(message),
            remedy: "allow a current algorithm in the server's sshd_config (curve25519-sha256, aes128-gcm@openssh.com)",
        };
    }
    return {
        code: "SSH_PROTOCOL_ERROR",
        what: `what answers does not speak SSH as it should (${quote(message)})`,
        remedy: "check host and port: another service may be listening there",
    };
}

const PHASE = {
    identification: "before the key exchange",
    "key exchange": "during the key exchange",
    login: "during login",
} as const;

// pam_nologin's and systemd-user-sessions' words while a system starts or ends.
const CLOSED_FOR_NOW = /system is (booting up|going down)|not permitted to log in (yet|anymore)/i;

function cut(what: string): Described {
    return { ...NOT_REACHED, what };
}

// sshd.c of OpenSSH: what it says to whom it does not serve, before its identification.
const TURNED_AWAY = /^(Not allowed at this time|Exceeded MaxStartups)/m;

function turnedAway(text: string, quote: (text: string) => string): Described {
    return {
        code: "SSH_UNREACHABLE",
        what: `the server turned the connection away: ${quote(text)}`,
        remedy:
            "it serves this address again by itself; its sshd log says why it did not: failed logins before " +
            "(PerSourcePenalties of sshd_config), or too many connections at once (MaxStartups)",
        transient: true,
    };
}

function isSocketError(error: Error & { level?: string }): boolean {
    return error.level === "client-socket" || "syscall" in error;
}

const SOCKET_ERRORS: Readonly<Record<string, string>> = {
    ECONNREFUSED: "connection refused",
    ECONNRESET: "connection reset",
    EPIPE: "connection reset",
    ETIMEDOUT: "connection timed out",
    EHOSTUNREACH: "no route to host",
    ENETUNREACH: "network unreachable",
    ENOTFOUND: "host name not found",
    EAI_AGAIN: "host name could not be looked up",
};

/** The everyday words for a socket's error. */
export function describeSocketError(error: Error & { code?: unknown }): string {
    const code = typeof error.code === "string" ? error.code : "";
    return SOCKET_ERRORS[code] ?? (code || error.message);
}

function isRefusal(error: (Error & { level?: string }) | undefined, end: HandshakeEnd): boolean {
    if (end.phase !== "login") {
        return false;
    }
    if (error?.level === "client-authentication") {
        return true;
    }
    if (error && /authentication/i.test(error.message)) {
        return true;
    }
    // PAM has refused the account, and said why.
    if (end.accountText.trim() !== "") {
        return true;
    }
    // Servers that count the tries close without a word; one that closes before any was refused has another reason.
    return error === undefined && end.login.tried.length > 1;
}

function refused(
    error: (Error & { level?: string }) | undefined,
    end: HandshakeEnd,
    quote: (text: string) => string,
): Described {
    const { tried, accepted, offered, notes } = end.login;
    // What sshd disconnects with; ssh2's own sentence says nothing.
    const last = error === undefined || error.level === "client-authentication" ? "" : error.message;
    const parts = [
        tried.length === 0 ? "login refused, nothing to try" : `login refused, tried ${tried.join(", ")}`,
        ...accepted.map((one) => `the server took the ${one}, and wants more`),
        ...(offered ? [`the server offers ${quote(offered.join(", "))}`] : []),
        ...notes.map(quote),
        ...(last === "" ? [] : [`it ended with: ${quote(last)}`]),
    ];
    return {
        code: "SSH_LOGIN_REFUSED",
        what: `${parts.join("; ")}${said(end.banner + end.accountText, quote)}`,
        remedy: refusalRemedy(end, last),
        early: isEarly(end, last),
    };
}

/**
 * The host may not have the key yet. It has the account that it refuses for another reason; and of passwords it takes but
 * few wrong ones, as fail2ban counts each.
 */
function isEarly({ login: { tried, accepted }, accountText }: HandshakeEnd, last: string): boolean {
    return (
        tried.length > 0 &&
        !tried.some((one) => one.startsWith("password")) &&
        accepted.length === 0 &&
        accountText.trim() === "" &&
        !TOO_MANY.test(last)
    );
}

/** AWS keeps such a key for whoever asks; what asks is the package (its README, and `eic_run_authorized_keys` in it). */
const NOT_ASKED_FOR =
    "see that the instance has the package ec2-instance-connect (images of Amazon Linux and Ubuntu do) and the account of `user`, " +
    "that its metadata service answers (IMDSv2), and that no other AuthorizedKeysCommand stands in its sshd_config";

const TOO_MANY = /too many authentication failures/i;

function refusalRemedy({ login, accountText }: HandshakeEnd, last: string): string {
    if (TOO_MANY.test(last)) {
        return "the server lets fewer keys be tried (MaxAuthTries) than were: give privateKey, or an agent that holds this key alone";
    }
    if (login.accepted.length > 0) {
        return "give what it wants besides, such as password, or exempt the account on the host (AuthenticationMethods, PAM)";
    }
    if (login.tried.includes(SENT_KEY) && accountText.trim() === "") {
        return NOT_ASKED_FOR;
    }
    return accountText.trim() === ""
        ? "check user, privateKey, password and agent, and the account's authorized_keys on the host"
        : "the credentials are good, and the host refuses the account: see `chage -l`, /etc/security/access.conf and PAM there";
}

function said(banner: string, quote: (text: string) => string): string {
    return banner.trim() === "" ? "" : ` (it said: ${quote(banner)})`;
}

/** A server's text for an error message: one line, printable, short, and without our secrets, should it echo them. */
export function quoteServer(text: string, secrets: readonly Secret[]): string {
    return printable(text, secrets).slice(0, MOST_QUOTED);
}

/** The same of what a program said, whose last words tell most. */
export function quoteEnd(text: string, secrets: readonly Secret[]): string {
    return printable(text, secrets).slice(-MOST_QUOTED);
}

const MOST_QUOTED = 200;

function printable(text: string, secrets: readonly Secret[]): string {
    return maskSecrets(text, secrets)
        .replace(/[^\x20-\x7e]+/g, " ")
        .trim();
}
