import { HostGroup } from "./hostGroup";
import { type SshHost, type SshHostOptions, startSshHost } from "./sshHost";

export const SHELLS = ["dash", "bash", "busybox"] as const;
export type Shell = (typeof SHELLS)[number];

/** A host for each shell that the guard runs under. Tests run on all of them at once, for most of a test is waiting. */
export class ShellHosts {
    readonly #groups = new Map<SshHost, HostGroup>();

    private constructor(private readonly hosts: ReadonlyMap<Shell, SshHost>) {}

    /** Needs root. */
    static async start(options: Omit<SshHostOptions, "sh"> = {}): Promise<ShellHosts> {
        const hosts = SHELLS.map(async (sh) => [sh, await startSshHost({ ...options, sh })] as const);
        return new ShellHosts(new Map(await Promise.all(hosts)));
    }

    /** Around one of the hosts: it goes with it. */
    groupOf(host: SshHost): HostGroup {
        const group = this.#groups.get(host) ?? HostGroup.around(host);
        this.#groups.set(host, group);
        return group;
    }

    /** @throws Error that says in which shells it failed, and how */
    async all(test: (host: SshHost, sh: Shell) => Promise<void>): Promise<void> {
        const failures = await Promise.all(
            [...this.hosts].map(async ([sh, host]) => {
                try {
                    await test(host, sh);
                    return [];
                } catch (error) {
                    return [`${sh}: ${(error as Error).stack ?? String(error)}`];
                }
            }),
        );
        if (failures.flat().length > 0) {
            throw new Error(failures.flat().join("\n"));
        }
    }

    /** One after the other, where they would meet: all of them have the machine's /dev/shm. */
    async each(test: (host: SshHost, sh: Shell) => Promise<void>): Promise<void> {
        for (const [sh, host] of this.hosts) {
            await test(host, sh);
        }
    }

    async stop(): Promise<void> {
        await Promise.all([...this.hosts.values()].map((host) => host.stop()));
        await Promise.all([...this.#groups.values()].map((group) => group.remove()));
    }
}
