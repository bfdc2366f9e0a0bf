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

    it("names a cipher that is not read", () => {
        const pair = keys.make("ed25519", {
            passphrase: PASSPHRASE,
            extra: ["-Z", "chacha20-poly1305@openssh.com"],
        });
        expect(checkPrivateKey(pair.privateKey, PASSPHRASE)?.reason).to.match(
            /encrypted by chacha20-poly1305@openssh\.com.*ssh-keygen -p -Z aes256-ctr/,
        );
    });

    for (const cipher of ["aes128-cbc", "aes256-gcm@openssh.com"]) {
        it(`reads OpenSSH's format encrypted by ${cipher}`, () => {
            const pair = keys.make("ed25519", { passphrase: PASSPHRASE, extra: ["-Z", cipher] });
            expectUsable(pair.privateKey, pair.publicLine, PASSPHRASE);
        });
    }

    const TREATMENTS: Record<string, (text: string) => string> = {
        "in base64, as a secret of a CI": (text) => Buffer.from(text).toString("base64"),
        "in base64 with line ends": (text) => Buffer.from(text).toString("base64").replace(/.{76}/g, "$&\n"),
        "in quotes": (text) => `"${text}"`,
        "with \\n for line ends": (text) => text.replaceAll("\n", "\\n"),
        "with \\n for line ends, in quotes": (text) => `'${text.replaceAll("\n", "\\n")}'`,
        "with blanks for line ends": (text) => text.trim().replaceAll("\n", " "),
        "with words before it": (text) => `Bag Attributes\n    friendlyName: x\n${text}`,
        "after EC parameters, as openssl writes it": (text) =>
            `-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n${text}`,
    };
    for (const [how, treat] of Object.entries(TREATMENTS)) {
        it(`reads a key ${how}`, () => {
            for (const extra of [[], ["-m", "PEM"]]) {
                const pair = keys.make("ecdsa256", { extra });
                expectUsable(treat(pair.privateKey), pair.publicLine);
            }
        });
    }

    it("reads a key that openssl made", () => {
        const text = execFileSync("openssl", ["ecparam", "-name", "prime256v1", "-genkey"], {
            stdio: ["ignore", "pipe", "ignore"],
        }).toString();
        expect(text).to.match(/^-----BEGIN EC PARAMETERS/);
        expect(checkPrivateKey(text)).to.equal(undefined);
    });

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
            "a key whose line ends are gone",
            () => keys.make("ed25519").privateKey.replaceAll("\n", ""),
            /lost its line ends/,
        ],
        ["a path with a blank", () => "C:\\my keys\\id", /looks like a path/],
        [
            "an object that became a text",
            () => "[object Object]",
            /an object became a text.*privateKeyOpenssh/,
        ],
        [
            "a certificate",
            () => "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
            /is a certificate/,
        ],
        [
            "an OpenSSH certificate",
            () => "ssh-ed25519-cert-v01@openssh.com AAAA hunter2",
            /OpenSSH certificate; certificates are not supported/,
        ],
        [
            "PuTTY's version 3",
            () => "PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\nComment: hunter2",
            /PuTTY key of a kind that is not supported; convert it by puttygen/,
        ],
        [
            "PuTTY's Ed25519",
            () => "PuTTY-User-Key-File-2: ssh-ed25519\nEncryption: none\nComment: hunter2",
            /PuTTY key of a kind that is not supported/,
        ],
        ["a security key's", () => openSshKey("none", "sk-ssh-ed25519@openssh.com"), /security key \(FIDO\)/],
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

    /** What OpenSSH's format has in clear. */
    function openSshKey(cipher: string, type: string): string {
        const text = (value: string) => {
            const length = Buffer.alloc(4);
            length.writeUInt32BE(value.length);
            return Buffer.concat([length, Buffer.from(value)]);
        };
        const body = Buffer.concat([
            Buffer.from("openssh-key-v1\0"),
            ...[cipher, "none", ""].map(text),
            Buffer.from([0, 0, 0, 1]),
            text(`${text(type).toString("latin1")}hunter2`),
        ]);
        return `-----BEGIN OPENSSH PRIVATE KEY-----\n${body.toString("base64")}\n-----END OPENSSH PRIVATE KEY-----\n`;
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
