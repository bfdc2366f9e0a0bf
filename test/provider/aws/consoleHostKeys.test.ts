import { expect } from "chai";
import { parseHostKeys } from "../../../provider/aws/consoleHostKeys";
import { consoleOutputOfHostKeys } from "../../../lab/cloud/localCloud";
import { KeyFolder, type KeyPair } from "../../../lab/hosts/sshServer";

const A = `SHA256:${"A".repeat(43)}`;
const B = `SHA256:${"B".repeat(43)}`;
const EVIL = `SHA256:${"E".repeat(43)}`;
const BEGIN = "-----BEGIN SSH HOST KEY FINGERPRINTS-----";
const END = "-----END SSH HOST KEY FINGERPRINTS-----";
const RULE = "#".repeat(61);

/** A block as cloud-init prints it. */
const block = (keys: string[], { prefix = "ec2: ", end = "\r\n" } = {}) =>
    [RULE, BEGIN, ...keys.map((key) => `256 ${key} root@host (ED25519)`), END, RULE]
        .map((line) => `${prefix}${line}${end}`)
        .join("");

describe("host keys on the console", () => {
    const rows: [what: string, text: string, keys: string[] | undefined][] = [
        ["no text", "", undefined],
        ["text without a block", "Linux version 6.1\r\nlogin: ", undefined],
        ["a block", block([A, B]), [A, B]],
        ["a block without prefixes", block([A], { prefix: "" }), [A]],
        [
            "a block behind a syslog prefix",
            block([A], { prefix: "<14>Jan  1 00:00:09 ip-10-0-0-1 ec2: " }),
            [A],
        ],
        ["a block behind cloud-init's own", block([A], { prefix: "[    9.31] cloud-init[612]: " }), [A]],
        ["a block in colours", block([A], { prefix: "\x1b[32mec2:\x1b[0m " }), [A]],
        ["a block in colours alone", block([A], { prefix: "\x1b[0;32m" }), [A]],
        ["line feeds alone", block([A], { end: "\n" }), [A]],
        ["a padded fingerprint", block([`${A}=`]), [A]],
        [
            "a block with boot messages in between",
            block([A]).replace(`256 ${A}`, `[ 9.9] usb 1\r\n256 ${A}`),
            [A],
        ],
        ["two blocks: the first counts", block([A]) + block([EVIL]), [A]],
        ["junk after it", `${block([A])}256 ${EVIL} x (ED25519)\r\n${END}\r\n`, [A]],
        ["junk before it", `256 ${EVIL} x (ED25519)\r\n${block([A])}`, [A]],
        ["half a block: its beginning, so far", block([A]).slice(0, -RULE.length - END.length), undefined],
        ["half a block: its end, the rest rolled off", `256 ${EVIL} x (ED25519)\r\n${END}\r\n`, undefined],
        ["half a block, then a whole one", `${BEGIN}\r\n256 ${EVIL} x (RSA)\r\n${block([A])}`, undefined],
        ["an empty block", block([]), undefined],
        ["a cut fingerprint", block([A.slice(0, -1)]), undefined],
        ["a longer one", block([`${A}A`]), undefined],
        ["an MD5 fingerprint", block(["MD5:aa:bb"]), undefined],
        ["another block", block([A]).replaceAll("FINGERPRINTS", "KEYS"), undefined],
    ];
    for (const [what, text, expected] of rows) {
        it(`${what}: ${expected === undefined ? "none" : "found"}`, () => {
            expect(parseHostKeys(text)).to.deep.equal(expected);
        });
    }

    describe("of real keys", () => {
        let folder: KeyFolder;
        let keys: KeyPair[];
        before(() => {
            folder = new KeyFolder();
            keys = (["rsa", "ecdsa256", "ed25519"] as const).map((kind) => folder.make(kind));
        });
        after(() => folder.remove());

        it("are those that ssh-keygen prints", () => {
            const text = consoleOutputOfHostKeys(keys.map((key) => key.publicLine));
            expect(parseHostKeys(text)).to.deep.equal(keys.map((key) => key.fingerprint));
        });
    });
});
