import { isIP } from "node:net";

/** What is wrong with an address that ssh shall connect to, or undefined. */
export function hostProblem(host: string): string | undefined {
    if (isIP(host) !== 0) {
        return undefined;
    }
    // A password may stand behind the account.
    const shown = JSON.stringify(host.replace(/:[^:@/]*@/, ":***@"));
    const parts = partsOf(host);
    const { scheme, user, address, port } = parts;
    const extras = [
        ...(scheme === undefined ? [] : ["is a URL"]),
        ...(user === undefined ? [] : ["has an account in it"]),
        ...(port === undefined ? [] : ["has a port in it"]),
        ...(isIP(unbracketed(address)) !== 0 && address.startsWith("[") ? ["has brackets"] : []),
    ];
    if (extras.length > 0) {
        return `${shown} ${extras.join(", and ")}; give ${adviceFor(parts)}`;
    }
    if (/^i-[0-9a-f]{8,17}$/.test(host)) {
        return `${shown} is an instance's id; give its address, such as instance.privateIp`;
    }
    if (/^arn:/.test(host)) {
        return `${shown} is an ARN; give the instance's address, such as instance.privateIp`;
    }
    return /^\w[\w-]*(\.[\w-]+)*\.?$/.test(host) ? undefined : `${shown} is not a host name or an IP address`;
}

interface Parts {
    readonly scheme: string | undefined;
    readonly user: string | undefined;
    readonly address: string;
    readonly port: string | undefined;
}

function partsOf(text: string): Parts {
    const [, scheme, rest = text] = /^([a-z][a-z0-9+.-]*):\/\/(.*?)\/?$/i.exec(text) ?? [];
    const [, user, place = rest] = /^([^@]*)@(.*)$/.exec(rest) ?? [];
    const [, address = place, port] = /^(\[[^\]]*\]|[^:]*):(\d+)$/.exec(place) ?? [];
    return { scheme, user, address, port };
}

function unbracketed(address: string): string {
    return address.replace(/^\[(.*)\]$/, "$1");
}

function adviceFor({ user, address, port }: Parts): string {
    return [
        `host: ${JSON.stringify(unbracketed(address))}`,
        ...(user === undefined || user === "" ? [] : [`user: ${JSON.stringify(user.replace(/:.*/, ""))}`]),
        ...(port === undefined ? [] : [`port: ${port}`]),
    ].join(", ");
}
