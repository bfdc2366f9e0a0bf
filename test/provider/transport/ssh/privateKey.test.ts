import { expect } from "chai";
import { execFileSync } from "node:child_process";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { checkPrivateKey, readPrivateKey } from "../../../../provider/transport/ssh/privateKey";
import { KEY_KINDS, KeyFolder, type KeyKind } from "../../../../lab/hosts/sshServer";

const PASSPHRASE = "open sesame";

describe("private keys", () => {
    let keys: KeyFolder;
    before(() => (keys = new KeyFolder()));
    after(() => keys.remove());

    /** Signs with the key as read, and has ssh-keygen's own public half judge it. */
    function expectUsable(text: string, publicLine: string, passphrase?: string): void {
        const key = readPrivateKey(text, passphrase);
        if ("reason" in key) {
            throw new Error(`${key.input} ${key.reason}`);
        }
        const data = randomBytes(50);
        const hash = key.type === "ssh-rsa" ? "sha512" : undefined;
        const signature = key.sign(data, hash);
        expect(key.verify(data, signature, hash)).to.equal(true);
        expect(key.getPublicSSH().toString("base64")).to.equal(publicLine.split(" ")[1]);
    }

    for (const kind of Object.keys(KEY_KINDS) as KeyKind[]) {
        for (const format of kind === "ed25519" ? ["RFC4716"] : ["RFC4716", "PEM", "PKCS8"]) {
            for (const passphrase of [undefined, PASSPHRASE]) {
                const how = passphrase === undefined ? "without" : "with";
                it(`reads ${kind} as ssh-keygen -m ${format} writes it, ${how} a passphrase`, () => {
                    const pair = keys.make(kind, {
                        extra: ["-m", format],
                        ...(passphrase !== undefined && { passphrase }),
                    });
                    expectUsable(pair.privateKey, pair.publicLine, passphrase);
                    expect(checkPrivateKey(pair.privateKey, passphrase)).to.equal(undefined);
                    if (passphrase === undefined) {
                        return;
                    }
                    expect(checkPrivateKey(pair.privateKey)).to.deep.include({ input: "privateKeyPassword" });
                    expect(checkPrivateKey(pair.privateKey, "")?.reason).to.match(/is required/);
                    expect(checkPrivateKey(pair.privateKey, "wrong")).to.deep.equal({
                        input: "privateKeyPassword",
                        reason: "does not open privateKey",
                    });
                });
            }
        }
    }

    for (const passphrase of [undefined, PASSPHRASE]) {
        it(`reads Ed25519 in PKCS#8 ${passphrase === undefined ? "" : "with a passphrase"}`, () => {
            const { privateKey } = generateKeyPairSync("ed25519");
            const text = privateKey.export({
                type: "pkcs8",
                format: "pem",
                ...(passphrase !== undefined && { cipher: "aes-256-cbc", passphrase }),
            });
            const key = readPrivateKey(text.toString(), passphrase);
            if ("reason" in key) {
                throw new Error(key.reason);
            }
            expect(key.type).to.equal("ssh-ed25519");
            const data = randomBytes(50);
            expect(key.verify(data, key.sign(data))).to.equal(true);
            const jwk = privateKey.export({ format: "jwk" });
            expect(key.getPublicSSH().subarray(-32).toString("base64url")).to.equal(jwk.x);
        });
    }

    it("forgives line ends, blanks around lines and a needless passphrase", () => {
        const pair = keys.make("ed25519");
        expectUsable(pair.privateKey.replaceAll("\n", "\r\n"), pair.publicLine);
        expectUsable(pair.privateKey.replaceAll(/^/gm, "    "), pair.publicLine);
        expectUsable(pair.privateKey, pair.publicLine, "needless");
    });

    const problems: [string, () => string, RegExp][] = [
        ["nothing", () => "\n", /is empty/],
        ["a word", () => "hunter2", /not a private key that can be read/],
        ["a public key", () => keys.make("ed25519").publicLine, /is a public key/],
        ["a path", () => "/home/me/.ssh/id_ed25519", /looks like a path/],
        ["a path in the home folder", () => "~/.ssh/id_ed25519", /looks like a path/],
        ["a Windows path", () => "C:\\keys\\id", /looks like a path/],
        ["a file name", () => "my-key.pem", /looks like a path/],
        [
            "a key without line ends",
            () => keys.make("ed25519").privateKey.replaceAll("\n", " "),
            /lost its line ends/,
        ],
        [
            "a key with \\n for line ends",
            () => keys.make("ed25519").privateKey.replaceAll("\n", "\\n"),
            /two characters/,
        ],
        ["half a key", () => keys.make("rsa").privateKey.slice(0, 800), /not a private key that can be read/],
        [
            "a garbled key",
            () => keys.make("ed25519").privateKey.replace(/^b3Blb/m, "AAAAA"),
            /not a private key that can be read/,
        ],
        [
            "garbled PKCS#8",
            () => "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
            /not a private key that can be read/,
        ],
        [
            "an X25519 key",
            () =>
                generateKeyPairSync("x25519").privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
            /is of type x25519/,
        ],
        ["a DSA key", () => dsaKey(), /is of type (ssh-dss|dsa)/],
    ];
    for (const [name, text, expected] of problems) {
        it(`says what is wrong with ${name}, without quoting it`, () => {
            const problem = checkPrivateKey(text());
            expect(problem?.input).to.equal("privateKey");
            expect(problem?.reason).to.match(expected).and.not.include("hunter2");
        });
    }

    function dsaKey(): string {
        const pem = execFileSync(
            "openssl",
            ["genpkey", "-genparam", "-algorithm", "DSA", "-pkeyopt", "dsa_paramgen_bits:1024"],
            {
                stdio: ["ignore", "pipe", "ignore"],
            },
        );
        const parameters = keys.file("dsa-parameters", pem.toString());
        return execFileSync("openssl", ["genpkey", "-paramfile", parameters], {
            stdio: ["ignore", "pipe", "ignore"],
        }).toString();
    }
});
