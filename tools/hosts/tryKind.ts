import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HOST_KINDS_VARIABLE, type HostKind } from "../../lab/hosts/hostKinds";
import type { SshHost } from "../../lab/hosts/sshHost";
import { Scene } from "../../lab/scenes/scene";
import type { TriedKind } from "./report";

const ROOT = join(__dirname, "../..");
const TESTS = "test/provider/quiesce/hooks/hostKinds.test.ts";

/** One run on such a host, for the words of its outcome, and then the tests of its kind. */
export async function tryKind(kind: HostKind): Promise<TriedKind> {
    const { run, versions } = await runOnce(kind);
    return { kind, run, versions, ...(await runTests(kind)) };
}

async function runOnce(kind: HostKind): Promise<Pick<TriedKind, "run" | "versions">> {
    const scene = await Scene.start({ host: kind.host });
    try {
        const { state, error } = await scene.create();
        const run =
            state === undefined
                ? (/\[([A-Z_]+)\] (.*?) State: /
                      .exec(error?.message ?? "")
                      ?.slice(1, 3)
                      .join(": ") ?? String(error?.message))
                : `${state.consistencyLevel}${state.evidence.held ? ", held" : ", NOT HELD"}`;
        return { run, versions: versionsOf(scene.host) };
    } finally {
        await scene.stop();
    }
}

/**
 * What the host's own programs say of themselves. Of those that do not say it all, the package's version: sudo-rs 0.2.5
 * prints none, uutils' `ls` no name, and doas neither.
 */
const VERSIONS = String.raw`
package() { dpkg-query -W -f "$2 "'${"$"}{Version}\n' "$1"; }
sed -n 's/^PRETTY_NAME="\(.*\)"/\1/p' /etc/os-release 2>/dev/null
for server in $(cat /proc/[0-9]*/comm | sort -u); do
    case $server in
    sshd) sshd -V 2>&1 | sed -n 's/^\(OpenSSH_[0-9p.]*\).*/\1/p' ;;
    dropbear) dropbear -V 2>&1 | head -n 1 ;;
    esac
done
case $(readlink "$(command -v sudo)") in
sudo-rs) package sudo-rs sudo-rs ;;
doas) package opendoas doas ;;
*) sudo --version 2>/dev/null | sed -n '1s/ version//p' ;;
esac
case $(readlink "$(command -v ls)") in
*busybox) busybox | sed -n '1s/ multi-call.*//p' ;;
*cargo*) package rust-coreutils uutils ;;
*) ls --version | sed -n '1s/^ls //; 1s/[()]//gp' ;;
esac
readlink /bin/sh | sed /busybox/d
`;

function versionsOf(host: SshHost): readonly string[] {
    const said = host.exec(VERSIONS);
    return said
        .split("\n")
        .map((line) => line.trim())
        .filter((line) => line !== "");
}

async function runTests({ name }: HostKind): Promise<Pick<TriedKind, "passed" | "failed">> {
    const folder = mkdtempSync(join(tmpdir(), "acs-hosts-"));
    const output = join(folder, "report.json");
    try {
        const mocha = spawn(
            process.execPath,
            [
                join(ROOT, "node_modules/mocha/bin/mocha.js"),
                ...["--reporter", "json", "--reporter-option", `output=${output}`],
                TESTS,
            ],
            {
                cwd: ROOT,
                env: { ...process.env, CI: "true", [HOST_KINDS_VARIABLE]: JSON.stringify([name]) },
                stdio: ["ignore", "ignore", "inherit"],
            },
        );
        await once(mocha, "exit");
        const { passes, failures } = JSON.parse(readFileSync(output, "utf8")) as Report;
        return {
            passed: passes.length,
            failed: failures.map(({ fullTitle, err }) => `${fullTitle}: ${err.message ?? ""}`),
        };
    } finally {
        rmSync(folder, { recursive: true, force: true });
    }
}

interface Report {
    readonly passes: readonly unknown[];
    readonly failures: readonly { readonly fullTitle: string; readonly err: { readonly message?: string } }[];
}
