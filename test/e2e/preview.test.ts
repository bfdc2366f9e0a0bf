import { expect } from "chai";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { failed, hooksOf, type Lab, programOf, startLab, succeeded } from "../../lab/engine/e2e";
import { ROOT } from "../../lab/engine/engine";
import type { EngineResult, Project } from "../../lab/engine/project";

interface Row {
    readonly text: string;
    readonly severity: string;
    readonly passing: boolean;
}

/** What was said on the resource's own row. */
function rowsOf({ events }: EngineResult): Row[] {
    return events.flatMap(({ diagnosticEvent: one }) =>
        one?.urn?.endsWith("::nightly") === true && !/debug/.test(one.severity)
            ? [{ text: one.message.trim(), severity: one.severity, passing: one.ephemeral === true }]
            : [],
    );
}

/** What stays, when what passes is over. */
const keptOf = (result: EngineResult) => rowsOf(result).filter(({ passing }) => !passing);
const textsOf = (result: EngineResult) => keptOf(result).map(({ text }) => text);

describe("a preview that knows", function () {
    this.timeout(300_000);
    let lab: Lab;
    before(async () => {
        lab = await startLab();
    });
    after(() => lab.stop());
    afterEach(() => {
        lab.server.host.writeHooks();
    });

    const program = (more: object = {}) => programOf({ ...hooksOf(lab.server), ...more });
    const project = (more?: object) => lab.project({ program: program(more) });

    const FREEZES = (id: string) =>
        `\`pulumi up\` will freeze ${id} by its scripts, for 265 s at the very longest, and take snapshots; `;

    it("says of a new set what `up` will freeze, for how long, and what it has not looked at", async () => {
        const nightly = await project();
        const preview = succeeded(await nightly.preview());
        expect(textsOf(preview)).to.deep.equal([
            `${FREEZES(lab.server.instanceId)}preview has not looked at AWS, the login, sudo, the scripts and the lock ` +
                '(preflight: "warn" does)',
        ]);
        const up = succeeded(await nightly.up());
        expect(textsOf(up).join("\n")).to.match(/quiescing i-\S+ for 265 s at the very longest/);
        expect(textsOf(up).join("\n")).not.to.include("`pulumi up` will");
        // Of a set that stays there is nothing to say.
        expect(textsOf(succeeded(await nightly.preview()))).to.deep.equal([]);
    });

    it("says what `up` does on the resource's own row, and what passes as a status", async () => {
        await lab.cloud.configureSnapshots({ durationMs: 1_500 });
        const nightly = await project();
        const rows = rowsOf(succeeded(await nightly.up()));
        await lab.cloud.configureSnapshots({ durationMs: 0 });
        for (const status of [
            /^connecting to 127\.0\.0\.1:\d+$/,
            /^looking at sudo, the scripts and the lock on the instance$/,
            /^3 of 3 completed, 100 %$/,
        ]) {
            const row = rows.find(({ text }) => status.test(text));
            expect(row, String(status)).to.include({ passing: true, severity: "info" });
        }
        expect(rows.find(({ text }) => /frozen for/.test(text))).to.include({ passing: false });
    });

    describe("with preflight", () => {
        it("looks, and touches nothing", async () => {
            const nightly = await project({ preflight: "fail" });
            await lab.cloud.clearCalls();
            const events = lab.server.host.events.length;
            const preview = succeeded(await nightly.preview());
            expect(textsOf(preview)).to.deep.equal([
                `${FREEZES(lab.server.instanceId)}preview has looked at AWS, the login, sudo, the scripts and the lock, ` +
                    "and nothing stands against it",
            ]);
            expect(lab.server.host.events).to.have.length(events);
            expect(lab.server.host.stateLeft).to.deep.equal([]);
            const changing = (await lab.cloud.calls()).filter(
                ({ operation, parameters }) =>
                    /^(Create|Delete|Send)/.test(operation) && String(parameters.DryRun) !== "true",
            );
            expect(changing).to.deep.equal([]);
        });

        it('"warn" says all that stands against the set', async () => {
            const nightly = await project({ preflight: "warn" });
            lab.server.host.exec("chmod 777 /usr/sbin/pre-freeze-script && rm /usr/sbin/post-thaw-script");
            const rows = keptOf(succeeded(await nightly.preview()));
            expect(rows[0]?.text).to.match(/and this stands against it:$/);
            expect(rows.slice(1).map(({ severity }) => severity)).to.deep.equal(["warning", "warning"]);
            expect(
                rows
                    .slice(1)
                    .map(({ text }) => text)
                    .join("\n"),
            )
                .to.match(/SCRIPT_UNSAFE: \/usr\/sbin\/pre-freeze-script can be written by others/)
                .and.match(/SCRIPT_MISSING: \/usr\/sbin\/post-thaw-script does not exist/);
        });

        it('"fail" fails the preview at the inputs, and only where a set would be taken', async () => {
            const nightly = await project({ preflight: "fail" });
            succeeded(await nightly.up());
            lab.server.host.exec("rm /usr/sbin/post-thaw-script");
            succeeded(await nightly.preview());
            nightly.setProgram(program({ preflight: "fail", triggers: ["again"] }));
            const preview = failed(await nightly.preview());
            expect(preview.diagnostics).to.match(/quiesce\.scripts.*SCRIPT_MISSING/s);
            // `up` does not look twice.
            lab.server.host.writeHooks();
            const up = succeeded(await nightly.up());
            expect(textsOf(up).join("\n")).not.to.include("preview has looked");
        });

        it("says that it could not look where not all is known", async () => {
            const { quiesce, ...rest } = hooksOf(lab.server);
            const connection = { ...(quiesce.connection as object), hostKey: "HOST-KEYS" };
            const args = { ...rest, quiesce: { ...quiesce, connection }, preflight: "fail" };
            const before = `const keys = new InstanceHostKeys("keys", { instanceId: "${lab.server.instanceId}" });`;
            const unknown = await lab.project({
                program: programOf(args, { before }).replace('"HOST-KEYS"', "keys.hostKeys"),
            });
            expect(textsOf(succeeded(await unknown.preview())).join("\n")).to.include(
                "preview could not look at it, because not all inputs are known before `pulumi up`",
            );
        });
    });

    describe("of a new trigger, as a reviewer sees it", () => {
        let nightly: Project;
        before(async () => {
            nightly = await lab.project({ program: program({ triggers: ["2026-11-29"] }) });
            succeeded(await nightly.up());
            nightly.setProgram(program({ triggers: ["2026-11-30"] }));
        });

        /** As docs/preview.md has it, with ids that are the same each time. */
        function plain(text: string): string {
            return text
                .replaceAll(lab.server.instanceId, "i-0123456789abcdef0")
                .replace(/acs-[0-9a-f-]{36}/g, "acs-0197c3a2-5b7e-7c31-9f4e-2d8a6b1c0e5f")
                .trimEnd();
        }
        const page = () => readFileSync(join(ROOT, "docs/preview.md"), "utf8");

        const shownJson = () =>
            JSON.parse(/```json\n([^]*?)\n```/.exec(page())?.[1] ?? "{}") as {
                readonly diagnostics?: readonly { readonly message: string }[];
            };

        it("is as the documentation shows it: --diff", async () => {
            const { stdout, stderr } = succeeded(await nightly.preview({ args: ["--diff"] }));
            expect(page()).to.include(`\`\`\`\n${plain(stdout)}\n\`\`\``);
            expect(plain(stderr).split("\n")).to.deep.equal(
                shownJson().diagnostics?.map(({ message }) => message),
            );
        });

        it("is as the documentation shows it: --json", async () => {
            const { stdout } = await nightly.run(["preview", "--json", "--stack", "test"]);
            const { steps, diagnostics } = JSON.parse(stdout) as {
                steps: { op: string; replaceReasons?: string[] }[];
                diagnostics: { message: string; severity: string }[];
            };
            const replaced = steps.find(({ op }) => op === "replace");
            expect(replaced?.replaceReasons).to.deep.equal(["triggers"]);
            const excerpt = {
                op: replaced?.op,
                replaceReasons: replaced?.replaceReasons,
                diagnostics: diagnostics.map(({ severity, message }) => ({
                    severity,
                    message: plain(message),
                })),
            };
            expect(shownJson()).to.deep.equal(excerpt);
        });
    });
});
