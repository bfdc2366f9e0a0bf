import { expect } from "chai";
import {
    describeFailure,
    quoteServer,
    type HandshakeEnd,
} from "../../../../provider/transport/ssh/handshakeFailure";
import type { SshErrorCode } from "../../../../provider/transport/ssh/sshError";

type Phase = HandshakeEnd["phase"];
const error = (message: string, more: object = {}) => Object.assign(new Error(message), more);
const closed = undefined;

describe("describeFailure", () => {
    const socket = (code: string) => error(code, { code, level: "client-socket" });
    const rows: [
        string,
        Error | undefined,
        Phase,
        { tried?: string[]; banner?: string; textBefore?: string; accountText?: string },
        SshErrorCode,
        boolean,
    ][] = [
        ["reset", socket("ECONNRESET"), "key exchange", {}, "SSH_UNREACHABLE", true],
        [
            "closed at once",
            error("Connection lost before handshake"),
            "identification",
            {},
            "SSH_UNREACHABLE",
            true,
        ],
        [
            "closed by sshd's penalties",
            error("Connection lost before handshake"),
            "identification",
            { textBefore: "Not allowed at this time\r\n" },
            "SSH_UNREACHABLE",
            true,
        ],
        [
            "reset by sshd that has too many connections",
            socket("ECONNRESET"),
            "identification",
            { textBefore: "Exceeded MaxStartups\r\n" },
            "SSH_UNREACHABLE",
            true,
        ],
        ["closed during the key exchange", closed, "key exchange", {}, "SSH_UNREACHABLE", true],
        [
            "closed after a login that was accepted",
            closed,
            "login",
            { tried: ["key"] },
            "SSH_UNREACHABLE",
            true,
        ],
        [
            "closed after several refusals",
            closed,
            "login",
            { tried: ["key", "agent"] },
            "SSH_LOGIN_REFUSED",
            false,
        ],
        [
            "booting",
            closed,
            "login",
            { tried: ["key", "password"], banner: "System is booting up." },
            "SSH_UNREACHABLE",
            true,
        ],
        [
            "going down",
            closed,
            "login",
            { tried: ["key"], accountText: "System is going down. You are not permitted to log in anymore." },
            "SSH_UNREACHABLE",
            true,
        ],
        [
            "an account that is refused",
            closed,
            "login",
            { tried: ["key"], accountText: "Your account has expired." },
            "SSH_LOGIN_REFUSED",
            false,
        ],
        [
            "all refused",
            error("All configured ...", { level: "client-authentication" }),
            "login",
            {},
            "SSH_LOGIN_REFUSED",
            false,
        ],
        [
            "too many tries",
            error("Too many authentication failures", { code: 2 }),
            "login",
            {},
            "SSH_LOGIN_REFUSED",
            false,
        ],
        [
            "too many connections",
            error("Too many connections", { code: 12 }),
            "login",
            {},
            "SSH_UNREACHABLE",
            true,
        ],
        [
            "no common cipher",
            error("Handshake failed: no matching C->S cipher"),
            "identification",
            {},
            "SSH_PROTOCOL_ERROR",
            false,
        ],
        ["no SSH", error("Invalid identification string"), "identification", {}, "SSH_PROTOCOL_ERROR", false],
    ];
    for (const [
        name,
        cause,
        phase,
        { tried = [], banner = "", textBefore = "", accountText = "" },
        code,
        transient,
    ] of rows) {
        it(`${name}: ${code}${transient ? ", tried again" : ""}`, () => {
            const login = { tried, accepted: [], notes: [], offered: ["publickey"] };
            const end: HandshakeEnd = { phase, banner, textBefore, accountText, login };
            const described = describeFailure(cause, end, { where: "proxy", address: "u@h:22", secrets: [] });
            expect(described).to.include({ code, transient, where: "proxy", address: "u@h:22" });
            expect(described.remedy).to.not.equal("");
            expect(described.what).to.include(textBefore.trim());
        });
    }
});

describe("a refusal that a host may take back when it has got its users", () => {
    const none = error("All configured ...", { level: "client-authentication" });
    const rows: [what: string, cause: Error, login: object, accountText: string, early: boolean][] = [
        ["is one of the key", none, {}, "", true],
        ["is none of a password", none, { tried: ["key", "password"] }, "", false],
        ["is none when nothing was tried", none, { tried: [] }, "", false],
        ["is none when more is wanted", none, { accepted: ["key"] }, "", false],
        ["is none of the account", none, {}, "Your account has expired.", false],
        ["is none of too many keys", error("Too many authentication failures", { code: 2 }), {}, "", false],
    ];
    for (const [what, cause, more, accountText, early] of rows) {
        it(what, () => {
            const login = { tried: ["key"], accepted: [], notes: [], offered: ["publickey"], ...more };
            const end: HandshakeEnd = { phase: "login", banner: "", textBefore: "", accountText, login };
            const place = { where: "instance", address: "u@h:22", secrets: [] } as const;
            expect(describeFailure(cause, end, place)).to.include({ code: "SSH_LOGIN_REFUSED", early });
        });
    }
});

describe("quoteServer", () => {
    it("keeps one short printable line, without secrets", () => {
        expect(quoteServer("a\u001b[2J\nb\0c é", [])).to.equal("a [2J b c");
        expect(quoteServer("pw is hunter2, hunter2", ["hunter2"])).to.equal("pw is [secret], [secret]");
        expect(quoteServer("key bGluZS10d28=", ["bGluZS1vbmU=\nbGluZS10d28=\n"])).to.equal("key [secret]");
        expect(quoteServer("x".repeat(1000), [])).to.have.length(200);
    });
});
