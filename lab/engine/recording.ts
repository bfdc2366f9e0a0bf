import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ROOT } from "./engine";
import type { Inventory } from "../cloud/localCloud";
import type { ResourceState } from "./project";
import type { SshHost } from "../hosts/sshHost";

const FOLDER = join(ROOT, "test/upgrade/recorded");

/** What a release left: a stack of a user's, and what belongs to it in the cloud. */
export interface Recording {
    /** The release whose stack it is. */
    readonly release: string;
    readonly scenario: string;
    /** The user's program, JavaScript. */
    readonly program: string;
    /** The stack's configuration, without the way to its hosts (`wayTo`), which are others now. */
    readonly config: Readonly<Record<string, string>>;
    /** As `pulumi stack export` wrote it; its secrets are under the passphrase of `engineEnvironment`. */
    readonly stack: ExportedStack;
    readonly outputs: object;
    readonly cloud: Inventory;
    /** What a run that did not end left on each host. */
    readonly hosts: Readonly<Record<string, LeftOnHost>>;
}

export interface ExportedStack {
    readonly deployment: { readonly resources: readonly ResourceState[] };
}

/** What tells a later run that an earlier one has frozen the host: the texts of files, by their paths. */
export interface LeftOnHost {
    readonly bootId: string;
    readonly files: Readonly<Record<string, string>>;
}

export function leftOn(host: SshHost): LeftOnHost {
    const paths = host.exec(`find ${host.guardDirectory} ${host.frozenPath} -type f`).trim().split("\n");
    const files = paths.map((path) => [path, readFileSync(host.path(path), "utf8")]);
    return { bootId: bootIdOf(host), files: Object.fromEntries(files) as LeftOnHost["files"] };
}

/** As if it were the same host, which has not been booted since. */
export function leaveOn(host: SshHost, { bootId, files }: LeftOnHost): void {
    for (const [path, text] of Object.entries(files)) {
        host.exec(`umask 077 && mkdir -p ${dirname(path)}`);
        host.writeScript(path, text.replaceAll(bootId, bootIdOf(host)), { mode: 0o700 });
    }
}

function bootIdOf(host: SshHost): string {
    return host.exec("cat /proc/sys/kernel/random/boot_id").trim();
}

/** A recording is what users have: it is never written again. */
export function writeRecording({ release, scenario, program, ...values }: Recording): string {
    const folder = join(FOLDER, release, scenario);
    mkdirSync(join(folder, ".."), { recursive: true });
    mkdirSync(folder);
    writeFileSync(join(folder, "program.js"), program);
    for (const [name, value] of Object.entries(values)) {
        writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(value, null, 2)}\n`);
    }
    return folder;
}

export function readRecording(release: string, scenario: string): Recording & { readonly stackFile: string } {
    const file = (name: string): string => join(FOLDER, release, scenario, name);
    const text = (name: string): string => readFileSync(file(name), "utf8");
    const json = (name: string): unknown => JSON.parse(text(`${name}.json`));
    return {
        release,
        scenario,
        program: text("program.js"),
        config: json("config") as Recording["config"],
        stack: json("stack") as ExportedStack,
        stackFile: file("stack.json"),
        outputs: json("outputs") as object,
        cloud: json("cloud") as Inventory,
        hosts: json("hosts") as Recording["hosts"],
    };
}

export function recordedReleases(): string[] {
    return readdirSync(FOLDER, { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map(({ name }) => name);
}

/** Not all of today's are of each release. */
export function recordedScenarios(release: string): string[] {
    return readdirSync(join(FOLDER, release));
}

/**
 * What must stay as it is in users' states, by URN: ids, outputs, and the text that the engine runs. Of a set that was
 * got by its id the evidence is left out: it is read anew, and the release invented what no tag tells.
 */
export function resourcesOf(
    resources: readonly ResourceState[],
): Record<string, { id: string; outputs: unknown; provider: unknown }> {
    return Object.fromEntries(
        resources.flatMap(({ urn, type, id, inputs, outputs, external }) =>
            id === undefined || type.startsWith("pulumi:")
                ? []
                : [
                      [
                          urn,
                          {
                              id,
                              outputs: external === true ? { ...outputs, evidence: undefined } : outputs,
                              provider: inputs?.["__provider"],
                          },
                      ],
                  ],
        ),
    );
}

/** How programs get the way to their hosts, which share their keys; each has its port by its name. */
export function wayTo(hosts: Readonly<Record<string, SshHost>>): {
    config: Record<string, string>;
    secrets: Record<string, string>;
} {
    const [one] = Object.values(hosts);
    if (one === undefined) {
        return { config: {}, secrets: {} };
    }
    const ports = Object.entries(hosts).map(([name, { port }]) => [`${name}Port`, String(port)] as const);
    return {
        config: {
            host: one.address,
            user: one.user,
            hostKey: one.fingerprints[0] ?? "",
            ...Object.fromEntries(ports),
        },
        secrets: { privateKey: one.clientKey, dbPassword: "not a secret: no database has it" },
    };
}
