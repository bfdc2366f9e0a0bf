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

/** What the host's own programs say of themselves. */
function versionsOf(host: SshHost): readonly string[] {
    const said = host.exec(
        [
            "sed -n 's/^PRETTY_NAME=\"\\(.*\\)\"/\\1/p' /etc/os-release",
            "for server in $(cat /proc/[0-9]*/comm | sort -u); do case $server in " +
                "sshd) sshd -V 2>&1 | grep -o 'OpenSSH_[0-9p.]*' | head -1 ;; " +
                "dropbear) dropbear -V 2>&1 | head -1 ;; esac; done",
            "case $(readlink /usr/bin/sudo) in sudo-rs) sudo --version ;; doas) echo doas ;; " +
                "*) sudo --version 2>/dev/null | head -1 | sed 's/ version//' ;; esac",
            "case $(readlink /usr/bin/ls) in *busybox) busybox | head -1 | grep -o 'BusyBox v[0-9.]*' ;; " +
                "*) ls --version | head -1 | sed 's/^ls //; s/[()]//g' ;; esac",
            "readlink /bin/sh",
        ].join("\n"),
    );
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
