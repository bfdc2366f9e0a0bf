import { execFileSync, spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import fc from "fast-check";
import {
    composeGuard,
    interpreterOf,
    shellQuote,
    VMWARE_VERBS,
    type GuardParams,
} from "../../../../provider/quiesce/hooks/guardProgram";

const PARAMS: GuardParams = {
    mode: "freeze",
    sudo: true,
    nonce: "n-1",
    executionId: "acs-1",
    instanceId: "i-0123456789abcdef0",
    verifyIdentity: true,
    preFreeze: { path: "/usr/sbin/pre-freeze-script" },
    postThaw: { path: "/usr/sbin/post-thaw-script" },
    verbs: VMWARE_VERBS,
    environment: {},
    owner: "",
    confirmedAwake: "",
    rehearse: false,
    limits: { lock: 0, wait: 60, preFreeze: 60, freeze: 10, postThaw: 60 },
    showHookOutput: false,
};

describe("composeGuard", () => {
    it("has a command that every login shell reads alike, and nothing secret in it", () => {
        const { command, stdin } = composeGuard({ ...PARAMS, environment: { PASSWORD: "s3cret" } });
        const size = stdin.length;
        expect(command).to.equal(
            `sudo -n -u root sh -c 'p=$({ dd bs=${size} count=1 iflag=fullblock || dd bs=1 count=${size}; } ` +
                `2>/dev/null) && eval "$p"' && true`,
        );
        expect(command).to.not.match(/[\\!\n]/);
        expect(stdin.toString()).to.include("s3cret");
    });

    it("needs no sudo where it is told so", () => {
        expect(composeGuard({ ...PARAMS, sudo: false }).command).to.match(/^sh -c /);
    });

    it("counts bytes, not characters", () => {
        const { command, stdin } = composeGuard({ ...PARAMS, environment: { A: "ö€😀" } });
        expect(command)
            .to.include(`dd bs=${stdin.length} count=1 `)
            .and.include(`dd bs=1 count=${stdin.length};`);
        expect(stdin.length).to.be.greaterThan(stdin.toString().length);
    });

    for (const [which, tools] of Object.entries({
        GNU: "",
        "busybox's": 'dd() { busybox dd "$@"; }; ',
        "one that knows no flags": 'dd() { case $* in *flag*) return 1 ;; esac; command dd "$@"; }; ',
    })) {
        it(`is read whole, in whatever pieces it comes, and nothing behind it, by dd: ${which}`, async () => {
            const { command, stdin } = composeGuard({ ...PARAMS, sudo: false });
            const shell = command
                .replace("sh -c '", `sh -c '${tools}`)
                .replace('eval "$p"', 'printf %s "$p" && cat');
            const child = spawn("sh", ["-c", shell], { stdio: ["pipe", "pipe", "inherit"] });
            const output = text(child.stdout);
            for (let at = 0; at < stdin.length; at += 9_000) {
                child.stdin.write(stdin.subarray(at, at + 9_000));
                await sleep(10);
            }
            child.stdin.end("release\n");
            expect(await output).to.equal(`${stdin.toString()}release\n`);
        });
    }

    it("refuses what no shell can hold, without telling it", () => {
        for (const changes of [
            { environment: { A: "s3cret\0" } },
            { environment: { "A B": "s3cret" } },
            { environment: { "1A": "s3cret" } },
            { preFreeze: { script: "s3cret\0" } },
            { nonce: "a b" },
            { executionId: "" },
            { executionId: "../x" },
        ]) {
            expect(() => composeGuard({ ...PARAMS, ...changes }))
                .to.throw(TypeError)
                .with.property("message")
                .that.does.not.include("s3cret");
        }
    });

    it("has no here-document, which would be a file, and does not look at the wall clock", () => {
        const lines = composeGuard(PARAMS).stdin.toString().split("\n");
        const code = lines.filter((line) => !/^\s*#/.test(line)).join("\n");
        expect(code).to.not.match(/<</);
        expect(code).to.not.match(/\bdate\b|\bTMPDIR\b|\bmktemp\b/);
    });

    const needles = {
        preFreeze: { script: "#!/usr/bin/env needle-interpreter\nneedle-pre\n" },
        postThaw: { script: "#!/usr/bin/env needle-interpreter\nneedle-post\n" },
        environment: { NEEDLE: "needle-value" },
    };

    it("gives check mode no secret, which has no use for one", () => {
        const text = composeGuard({ ...PARAMS, ...needles, mode: "check" }).stdin.toString();
        expect(text).to.not.match(/needle-(pre|post|value)/i);
        expect(text).to.include("needle-interpreter");
    });

    it("gives recover mode no pre-freeze, which it never runs", () => {
        const text = composeGuard({ ...PARAMS, ...needles, mode: "recover" }).stdin.toString();
        expect(text).to.not.include("needle-pre");
        expect(text).to.include("needle-post").and.to.include("needle-value");
    });

    it("our names win over the user's", () => {
        const text = composeGuard({
            ...PARAMS,
            environment: { ACS_EXECUTION_ID: "somebody-elses" },
        }).stdin.toString();
        expect(text).to.not.include("somebody-elses");
    });
});

describe("shellQuote", () => {
    it("gives any text back, in any shell", () => {
        fc.assert(
            fc.property(fc.string({ unit: "binary" }), (text) => {
                const clean = text.replaceAll("\0", "").toWellFormed();
                for (const shell of ["sh", "bash"]) {
                    const back = execFileSync(shell, ["-c", `printf '%s' ${shellQuote(clean)}`]);
                    expect(back.toString()).to.equal(clean);
                }
            }),
            { numRuns: 50 },
        );
    });
});

describe("interpreterOf", () => {
    const CASES: [string, string, string][] = [
        ["echo", "/bin/sh", ""],
        ["", "/bin/sh", ""],
        ["#!/bin/bash\n", "/bin/bash", ""],
        ["#! /usr/bin/env python3 -u \n", "/usr/bin/env", "python3 -u"],
        ["#!/usr/bin/awk -f", "/usr/bin/awk", "-f"],
        ["\n#!/bin/bash", "/bin/sh", ""],
    ];
    for (const [script, interpreter, argument] of CASES) {
        it(JSON.stringify(script), () => {
            expect(interpreterOf(script)).to.deep.equal({ interpreter, argument });
        });
    }
});
