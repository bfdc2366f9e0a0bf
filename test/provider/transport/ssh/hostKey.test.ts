import { expect } from "chai";
import { execFileSync } from "node:child_process";
import {
    checkHostKey,
    describeHostKey,
    fingerprint,
    hostKeyTypesToAsk,
    matchesHostKey,
    parseHostKey,
    parseHostKeys,
    signatureAlgorithms,
    HOST_KEY_TYPES,
    type HostKey,
} from "../../../../provider/transport/ssh/hostKey";
import { KEY_KINDS, KeyFolder, type KeyKind, type KeyPair } from "../../../../lab/hosts/sshServer";

describe("host keys", () => {
    const pairs = new Map<KeyKind, KeyPair>();
    let keys: KeyFolder;
    before(() => {
        keys = new KeyFolder();
        for (const kind of Object.keys(KEY_KINDS) as KeyKind[]) {
            pairs.set(kind, keys.make(kind));
        }
    });
    after(() => keys.remove());

    const pair = (kind: KeyKind = "ed25519") => pairs.get(kind)!;
    const blobOf = (key: KeyPair) => Buffer.from(key.publicLine.split(" ")[1]!, "base64");

    for (const kind of Object.keys(KEY_KINDS) as KeyKind[]) {
        it(`reads the public line and the fingerprint of ${kind} as ssh-keygen makes them`, () => {
            const [type, base64] = pair(kind).publicLine.split(" ");
            for (const line of [
                pair(kind).publicLine,
                `${type!} ${base64!}`,
                `  ${type!}   ${base64!} a comment \n`,
            ]) {
                expect(parseHostKey(line), line).to.deep.equal([
                    { type, fingerprint: pair(kind).fingerprint },
                ]);
            }
            for (const print of [pair(kind).fingerprint, `${pair(kind).fingerprint}=`]) {
                expect(parseHostKey(print)).to.deep.equal([{ fingerprint: pair(kind).fingerprint }]);
            }
            expect(fingerprint(blobOf(pair(kind)))).to.equal(pair(kind).fingerprint);
        });
    }

    const problems: [string, () => string, RegExp][] = [
        ["nothing", () => " \n", /is empty/],
        ["a private key", () => pair().privateKey, /is a private key/],
        ["a short fingerprint", () => pair().fingerprint.slice(0, -1), /not a whole fingerprint/],
        ["a long fingerprint", () => `${pair().fingerprint}A`, /not a whole fingerprint/],
        ["an MD5 fingerprint", () => `MD5:${"0a:".repeat(15)}0a`, /MD5/],
        ["a bare MD5 fingerprint", () => `${"0a:".repeat(15)}0a`, /MD5/],
        [
            "known_hosts of two hosts",
            () => `a ${pair().publicLine}\nb,10.0.0.5 ${pair("rsa").publicLine}`,
            /keys of several hosts \(a and b,10\.0\.0\.5\)/,
        ],
        ["a path of Windows", () => "C:\\new\\id", /looks like a path/],
        ["a revoked key", () => `@revoked host ${pair().publicLine}`, /revoked/],
        ["comments only", () => "# host:22 SSH-2.0-OpenSSH_9.2", /is empty/],
        ["a fingerprint of a DSA key", () => `1024 ${pair().fingerprint} h (DSA)`, /type \(DSA\)/],
        ["a certificate authority", () => `@cert-authority * ${pair().publicLine}`, /certificate/],
        ["a certificate", () => "ssh-ed25519-cert-v01@openssh.com AAAA", /certificate/],
        ["a DSA key", () => "ssh-dss AAAAB3NzaC1kc3M=", /unknown or unsupported key type/],
        ["a word", () => "secret-word", /unknown or unsupported key type/],
        ["a type without a key", () => "ssh-ed25519", /behind that word/],
        [
            "a key that is cut off",
            () => pair().publicLine.split(" ").slice(0, 2).join(" ").slice(0, -8),
            /cut off/,
        ],
        ["a key of another type", () => `ssh-rsa ${pair().publicLine.split(" ")[1]!}`, /behind that word/],
    ];
    for (const [name, text, expected] of problems) {
        it(`says what is wrong with ${name}, without quoting it`, () => {
            expect(checkHostKey(text())).to.match(expected).and.not.include("secret-word");
        });
    }

    const first = (text: string) => (parseHostKey(text) as readonly HostKey[])[0]!;

    it("reads all that ssh-keyscan prints", () => {
        const lines = (["rsa", "ecdsa256", "ed25519"] as const).map(
            (kind) => `10.0.0.5 ${pair(kind).publicLine}`,
        );
        const text = `# 10.0.0.5:22 SSH-2.0-OpenSSH_9.2\n${lines.join("\n")}\n`;
        expect(parseHostKey(text)).to.deep.equal(
            (["rsa", "ecdsa256", "ed25519"] as const).map((kind) => first(pair(kind).publicLine)),
        );
    });

    it("reads lines of known_hosts, with hashed names, ports and keys of other types beside", () => {
        const lines = [
            `|1|abc=|def= ${pair().publicLine}`,
            `|1|ghi=|jkl= ${pair("rsa").publicLine}`,
            "|1|mno=|pqr= ssh-dss AAAAB3NzaC1kc3M=",
        ];
        expect(parseHostKey(lines.join("\r\n"))).to.deep.equal([
            first(pair().publicLine),
            first(pair("rsa").publicLine),
        ]);
        expect(parseHostKey(`[10.0.0.5]:2222 ${pair().publicLine}`)).to.deep.equal([
            first(pair().publicLine),
        ]);
    });

    it("reads lines of known_hosts that name one host by several names", () => {
        const lines = [
            `db ${pair().publicLine}`,
            `db ${pair("rsa").publicLine}`,
            `10.0.0.5 ${pair().publicLine}`,
        ];
        const expected = ["ed25519", "rsa", "ed25519"] as const;
        expect(parseHostKey(lines.join("\n"))).to.deep.equal(
            expected.map((kind) => first(pair(kind).publicLine)),
        );
    });

    it("refuses names that share one key and differ in another", () => {
        const other = keys.make("ecdsa256").publicLine;
        const lines = [
            `a ${pair().publicLine}`,
            `a ${pair("ecdsa256").publicLine}`,
            `b ${pair().publicLine}`,
            `b ${other}`,
        ];
        expect(checkHostKey(lines.join("\n"))).to.match(/keys of several hosts \(a and b\)/);
    });

    it("reads what secret stores made of it", () => {
        const line = pair().publicLine.trim();
        const expected = [first(line)];
        expect(parseHostKey(`"${line}"`)).to.deep.equal(expected);
        expect(parseHostKey(`'${line}\\n'`)).to.deep.equal(expected);
        expect(parseHostKey(`# db:22 SSH-2.0\\ndb ${line}\\r\\n`)).to.deep.equal(expected);
    });

    for (const kind of Object.keys(KEY_KINDS) as KeyKind[]) {
        it(`reads what ssh-keygen -l prints of ${kind}, and cloud-init`, () => {
            const file = keys.file(`${kind}-line.pub`, pair(kind).publicLine);
            const line = execFileSync("ssh-keygen", ["-l", "-f", file]).toString();
            expect(parseHostKey(line)).to.deep.equal([first(pair(kind).publicLine)]);
            expect(parseHostKey(`ec2: ${line}`)).to.deep.equal([first(pair(kind).publicLine)]);
        });
    }

    it("finds no problem in good keys", () => {
        expect(checkHostKey(pair().publicLine)).to.equal(undefined);
        expect(checkHostKey(pair().fingerprint)).to.equal(undefined);
    });

    it("reads lists and says which element is wrong", () => {
        expect(parseHostKeys([pair().publicLine, pair("rsa").fingerprint])).to.have.length(2);
        expect(parseHostKeys(pair().publicLine)).to.have.length(1);
        expect(parseHostKeys([pair().publicLine, "x"])).to.include({ index: 1 });
        expect(parseHostKeys([])).to.have.property("problem");
    });

    it("compares by the key itself", () => {
        const expected = parseHostKeys([pair("rsa").publicLine, pair().fingerprint]) as never;
        expect(matchesHostKey(blobOf(pair()), expected)).to.equal(true);
        expect(matchesHostKey(blobOf(pair("rsa")), expected)).to.equal(true);
        expect(matchesHostKey(blobOf(pair("ecdsa256")), expected)).to.equal(false);
    });

    it("asks for the types of lines only, and for all types when there is a fingerprint", () => {
        const [line, print] = [(kind: KeyKind) => first(pair(kind).publicLine), first(pair().fingerprint)];
        expect(hostKeyTypesToAsk([line("rsa"), line("ed25519")])).to.deep.equal(["ssh-ed25519", "ssh-rsa"]);
        expect(hostKeyTypesToAsk([print])).to.deep.equal(HOST_KEY_TYPES);
        expect(hostKeyTypesToAsk([print, line("rsa")])[0]).to.equal("ssh-rsa");
        expect(hostKeyTypesToAsk([print, line("rsa")])).to.have.members(HOST_KEY_TYPES);
    });

    it("never asks for SHA-1", () => {
        expect(HOST_KEY_TYPES.flatMap(signatureAlgorithms))
            .to.include("rsa-sha2-512")
            .and.not.include("ssh-rsa");
    });

    it("describes a key with its type where it is known", () => {
        expect(describeHostKey({ fingerprint: "SHA256:x" })).to.equal("SHA256:x");
        expect(describeHostKey({ type: "ssh-rsa", fingerprint: "SHA256:x" })).to.equal("ssh-rsa SHA256:x");
    });
});
