import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../lab/engine/engine";

/** What only the tunnels and the sent keys need. */
const OF_REACH = ["@aws-sdk/client-ec2-instance-connect", "@smithy/signature-v4", "ws"];

/** Of `bin/provider`. */
const OWN_FILES = [
    ...["awsAccess", "childEnvironment", "command", "connectEndpoint", "instanceConnect", "openStreams"].map(
        inTransport,
    ),
    ...[
        "program",
        "programStream",
        "sessionManager",
        "sessionPlugin",
        "tunnel",
        "tunnelStream",
        "tunnelTokens",
    ].map(inTransport),
    ...["awsAccess", "connectEndpoint", "instanceConnect", "sessions"].map((name) => `aws/${name}`),
    ...["checkInstanceConnect", "checkTunnel", "tunnels"].map((name) => `inputs/${name}`),
    "quiesce/hooks/reachOf",
];

function inTransport(name: string): string {
    return `transport/${name}`;
}

interface Locked {
    readonly dependencies?: Readonly<Record<string, string>>;
}

/** Bytes of what a user installs with the package, and of what the ways of this page have added to that. */
export interface Size {
    readonly installed: number;
    readonly packages: Readonly<Record<string, number>>;
    readonly own: number;
}

/** By package-lock.json, in this checkout's node_modules. Pulumi's own packages are the user's. */
export function installedSize(): Size {
    const { packages } = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8")) as {
        packages: Record<string, Locked>;
    };
    const all = closure(packages, () => true);
    const without = closure(packages, (name) => !OF_REACH.includes(name));
    const added = [...all].filter((path) => !without.has(path));
    return {
        installed: [...all].reduce((sum, path) => sum + bytesIn(path), bytesIn("bin")),
        own: OWN_FILES.flatMap((name) => [`${name}.js`, `${name}.d.ts`])
            .map((name) => statSync(join(ROOT, "bin/provider", name)).size)
            .reduce((sum, bytes) => sum + bytes, 0),
        packages: Object.fromEntries(
            added.map((path) => [path.replace(/^.*node_modules\//, ""), bytesIn(path)]),
        ),
    };
}

/** The folders of what the package depends on, directly or not. */
function closure(packages: Record<string, Locked>, isWanted: (name: string) => boolean): Set<string> {
    const found = new Set<string>();
    const visit = (from: string, direct: boolean) => {
        for (const name of Object.keys(packages[from]?.dependencies ?? {})) {
            const path = placeOf(packages, from, name);
            if (path !== undefined && !found.has(path) && (!direct || isWanted(name))) {
                found.add(path);
                visit(path, false);
            }
        }
    };
    visit("", true);
    return found;
}

/** As Node resolves a name: in the folder's own node_modules, or in that of one above it. */
function placeOf(packages: Record<string, Locked>, from: string, name: string): string | undefined {
    for (let folder = from; ; folder = folder.replace(/\/?node_modules\/(@[^/]+\/)?[^/]+$/, "")) {
        const path = `${folder === "" ? "" : `${folder}/`}node_modules/${name}`;
        if (path in packages) {
            return path;
        }
        if (folder === "") {
            return undefined;
        }
    }
}

function bytesIn(path: string): number {
    const folder = join(ROOT, path);
    if (!existsSync(folder)) {
        return 0;
    }
    return readdirSync(folder, { recursive: true, encoding: "utf8" })
        .filter((name) => path === "bin" || !name.startsWith("node_modules"))
        .map((name) => statSync(join(folder, name)))
        .reduce((sum, stat) => sum + (stat.isFile() ? stat.size : 0), 0);
}
