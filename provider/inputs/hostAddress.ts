import { isIP } from "node:net";

/** Of a name in DNS (RFC 1035, 2.3.4). What is longer may be a key that came into the wrong place, and is not quoted. */
const LONGEST_NAME = 253;

/** What is wrong with an address that ssh shall connect to, or undefined. */
export function hostProblem(host: string): string | undefined {
    if (isIP(host) !== 0) {
        return undefined;
    }
    if (host.trim() === "") {
        return "is empty";
    }
    const parts = partsOf(host);
    if (host.length > LONGEST_NAME || /[\r\n]/.test(host.trim())) {
        return "is not a host name or an IP address: it is too long for one, or has several lines";
    }
    const shown = JSON.stringify(withoutPassword(host, parts));
    if (/^arn:/.test(host)) {
        return `${shown} is an ARN; give the instance's address, such as instance.privateIp`;
    }
    const extras = extrasOf(host, parts);
    if (/^\/\d+$/.test(parts.path ?? "") && isIP(parts.address) !== 0) {
        return `${shown} is a range of addresses; give the address of the instance alone`;
    }
    if (extras.length > 0) {
        return `${shown} ${extras.join(", and ")}; give ${adviceFor(parts)}`;
    }
    if (/^i-[0-9a-f]{8,17}$/.test(host)) {
        return `${shown} is an instance's id; give its address, such as instance.privateIp`;
    }
    if (/^[\d.]+$/.test(host)) {
        return `${shown} is not an IP address, which has four numbers from 0 to 255, with dots between them`;
    }
    if (["undefined", "null", "NaN"].includes(host)) {
        return `${shown} is what JavaScript makes of a value that is not there; see where it comes from`;
    }
    if (/[,;\s]/.test(host)) {
        return `${shown} is not one host name or IP address; one resource takes the snapshots of one instance`;
    }
    return /^\w[\w-]*(\.[\w-]+)*\.?$/.test(host) ? undefined : `${shown} is not a host name or an IP address`;
}

/** What is wrong with the name of an account, or undefined. Never quotes it, as a password may have come here. */
export function userProblem(user: string): string | undefined {
    if (user === "") {
        return "is empty";
    }
    if (/@[\w.-]+$/.test(user)) {
        return 'has an "@" and a host behind it; give the account alone here, and the host as `host`';
    }
    if (["undefined", "null", "NaN"].includes(user)) {
        return "is what JavaScript makes of a value that is not there; see where it comes from";
    }
    return /[\s\0]/.test(user) ? "has blanks or line ends in it, which no account's name has" : undefined;
}

interface Parts {
    readonly scheme: string | undefined;
    readonly user: string | undefined;
    readonly address: string;
    readonly port: string | undefined;
    readonly path: string | undefined;
}

function partsOf(text: string): Parts {
    const plain = text.trim();
    const [, scheme, rest = plain] = /^([a-z][a-z0-9+.-]*):\/\/([^]*)$/i.exec(plain) ?? [];
    // The last one, because there may be others in a password.
    const [, user, after = rest] = /^([^]*)@([^@]*)$/.exec(rest) ?? [];
    const [, place = after, path] = /^([^/]*)(\/.*)$/.exec(after) ?? [];
    const [, address = place, port] = /^(\[[^\]]*\]|[^:]*):(\d+)$/.exec(place) ?? [];
    return { scheme, user, address, port, path };
}

function extrasOf(host: string, { scheme, user, address, port, path }: Parts): string[] {
    if (address === "" || /\s/.test(address)) {
        return [];
    }
    const hasPath = path !== undefined && path !== "/" && scheme === undefined;
    return [
        ...(host.trim() === host ? [] : ["has blanks or line ends around it"]),
        ...(scheme === undefined ? [] : ["is a URL"]),
        ...(user === undefined ? [] : ["has an account in it"]),
        ...(port === undefined ? [] : ["has a port in it"]),
        ...(isIP(unbracketed(address)) !== 0 && address.startsWith("[") ? ["has brackets"] : []),
        ...(hasPath ? ["has a path in it"] : []),
    ];
}

/** A password may stand behind the account, with any character in it. */
function withoutPassword(host: string, { user }: Parts): string {
    const [account, ...password] = user?.split(":") ?? [];
    return password.length === 0 ? host : host.replace(`${user ?? ""}@`, () => `${account ?? ""}:***@`);
}

function unbracketed(address: string): string {
    return address.replace(/^\[(.*)\]$/, "$1");
}

function adviceFor({ user, address, port }: Parts): string {
    return [
        `host: ${JSON.stringify(unbracketed(address))}`,
        ...(user === undefined || user === "" ? [] : [`user: ${JSON.stringify(user.replace(/:[^]*/, ""))}`]),
        ...(port === undefined ? [] : [`port: ${port}`]),
    ].join(", ");
}
