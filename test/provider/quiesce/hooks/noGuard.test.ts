import { expect } from "chai";
import { noGuardFailure } from "../../../../provider/quiesce/hooks/noGuard";

describe("what comes instead of the guard", () => {
    const rows: [stderr: string, message: RegExp, remedy: RegExp][] = [
        ["sudo: a password is required", /without a password: "sudo: a password/, /NOPASSWD/],
        ["sudo-rs: interactive authentication is required", /without a password: "sudo-rs/, /NOPASSWD/],
        [
            "sudo: a terminal is required to read the password; either use the -S option to read from standard input",
            /without a password/,
            /NOPASSWD/,
        ],
        ["sudo: sorry, you must have a tty to run sudo", /wants a terminal/, /!requiretty/],
        ["bash: line 1: sudo: command not found", /has no sudo/, /Install sudo.*where doas lets.*ln -s/],
        ["sh: 1: sudo: not found", /has no sudo/, /quiesce\.sudo: false/],
        ["sudo: Command not found.", /has no sudo/, /log in as root/],
        ["zsh:1: command not found: sudo", /has no sudo/, /Install sudo/],
        ["fish: Unknown command: sudo", /has no sudo/, /Install sudo/],
        ["rbash: line 1: /usr/bin/sudo: No such file or directory", /has no sudo/, /Install sudo/],
        ["admin is not in the sudoers file.", /does not let the account run as root: /, /sudoers/],
        [
            "Sorry, user admin is not allowed to execute '/bin/sh -c ...' as root on db.",
            /does not let the account run as root: /,
            /NOPASSWD/,
        ],
        [
            "sudo-rs: I'm sorry admin. I'm afraid I can't do that",
            /does not let the account run as root: /,
            /NOPASSWD/,
        ],
        ["sudo: Account expired or PAM config lacks an account section", /sudo refuses|does not run/, /./],
        ["sudo: PAM account management error: Permission denied", /refuses the account/, /pam\.d\/sudo/],
        ["doas: Operation not permitted", /doas does not let/, /permit nopass ACCOUNT as root/],
        ["doas: Authentication required", /doas does not let/, /doas\.conf/],
        ["sudo: sh: command not found", /finds no sh/, /secure_path/],
        ["sudo-rs: 'sh': command not found", /finds no sh/, /secure_path/],
        [
            'sudo: The "no new privileges" flag is set, which prevents sudo from running as root.',
            /does not run the command: .*no new privileges/,
            /Mend on the host/,
        ],
    ];
    for (const [stderr, message, remedy] of rows) {
        it(`is sudo's: ${stderr}`, () => {
            const failure = noGuardFailure({ firstLine: undefined, stderr, sudo: true });
            expect(failure.code).to.equal("SUDO_REFUSED");
            expect(failure.message).to.match(message);
            expect(failure.remedy).to.match(remedy);
        });
    }

    const NOISE = "sudo: unable to resolve host db: Name or service not known\n";

    it("is not sudo's because sudo does not know the host's own name", () => {
        const failure = noGuardFailure({
            firstLine: undefined,
            stderr: `${NOISE}sh: 0: out of memory`,
            sudo: true,
        });
        expect(failure.code).to.equal("UNEXPECTED_OUTPUT");
        expect(failure.message).to.include("out of memory").and.not.include("resolve");
    });

    it("is sudo's beside that", () => {
        const failure = noGuardFailure({
            firstLine: undefined,
            stderr: `${NOISE}sudo: a password is required\n`,
            sudo: true,
        });
        expect(failure.message).to.match(/without a password: "sudo: a password is required"/);
    });

    it("is the account's where there is no sudo, or something was printed", () => {
        for (const one of [
            { firstLine: undefined, sudo: false },
            { firstLine: "Welcome!", sudo: true },
        ]) {
            const failure = noGuardFailure({ ...one, stderr: "sudo: a password is required" });
            expect(failure.code).to.equal("UNEXPECTED_OUTPUT");
            expect(failure.remedy).to.include("login shell");
        }
    });

    it("is quoted in short, without control characters", () => {
        const failure = noGuardFailure({ firstLine: `\u001b[2J${"x".repeat(900)}`, stderr: "", sudo: true });
        expect(failure.message).to.include('"\\u001b[2J').and.have.length.lessThan(400);
    });
});
