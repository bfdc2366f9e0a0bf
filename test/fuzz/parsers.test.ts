import { assert } from "chai";
import fc from "fast-check";
import { parseHostKeys as parseConsole } from "../../provider/aws/consoleHostKeys";
import { type Expectations, hostFailures, notCovered } from "../../provider/quiesce/hooks/hostFailures";
import { parseHostReport } from "../../provider/quiesce/hooks/hostReport";
import { parseComponents } from "../../provider/quiesce/vss/vssComponents";
import { vssFailure } from "../../provider/quiesce/vss/vssMessages";
import { MAX_LINE, MAX_LINES, MAX_OUTPUT } from "../../provider/transport/ssh/channel";
import { checkHostKey, parseHostKeys } from "../../provider/transport/ssh/hostKey";

const RUNS = { numRuns: 500 };
/** For what takes milliseconds, on a machine that does other things too. */
const LIMIT_MS = 10_000;

const anyText = fc.oneof(fc.string({ unit: "binary" }), fc.string());

/** Texts that are made of these pieces, in any order, and of anything else. */
const madeOf = (...pieces: string[]): fc.Arbitrary<string> =>
    fc
        .array(fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...pieces) }, anyText))
        .map((parts) => parts.join(""));

function assertQuick(what: string, work: () => void): void {
    const started = performance.now();
    work();
    assert.isBelow(performance.now() - started, LIMIT_MS, what);
}

describe("host keys, whatever is given for them", () => {
    const FINGERPRINT = `SHA256:${"A".repeat(43)}`;
    const text = madeOf(
        "ssh-ed25519",
        "ssh-rsa",
        " ",
        "AAAAC3NzaC1lZDI1NTE5AAAAI",
        "\n",
        "=",
        FINGERPRINT,
        "256 ",
    );

    it("are keys, or there is a problem that does not quote them", () => {
        fc.assert(
            fc.property(fc.oneof(text, fc.array(text)), (texts) => {
                const parsed = parseHostKeys(texts);
                if (!("problem" in parsed)) {
                    for (const key of parsed) {
                        assert.match(key.fingerprint, /^SHA256:[A-Za-z0-9+/]{43}$/);
                    }
                }
            }),
            RUNS,
        );
        fc.assert(
            fc.property(fc.base64String({ minLength: 30 }), (secret) => {
                assert.notInclude(checkHostKey(`ssh-ed25519 ${secret}`) ?? "", secret);
            }),
            RUNS,
        );
    });
});

describe("the console's output, whatever is in it", () => {
    const BEGIN = "-----BEGIN SSH HOST KEY FINGERPRINTS-----";
    const END = "-----END SSH HOST KEY FINGERPRINTS-----";
    const OURS = `SHA256:${"A".repeat(43)}`;
    const THEIRS = `SHA256:${"E".repeat(43)}`;
    const block = `${BEGIN}\r\n256 ${OURS} root@host (ED25519)\r\n${END}\r\n`;

    it("gives no keys but those of the first block", () => {
        const later = madeOf(BEGIN, END, "\r\n", `256 ${THEIRS} x (RSA)`, "\x1b[0m");
        fc.assert(
            fc.property(later, (text) => {
                assert.deepEqual(parseConsole(block + text), [OURS]);
            }),
            RUNS,
        );
    });

    it("gives keys or none", () => {
        fc.assert(
            fc.property(madeOf(BEGIN, END, "\n", `256 ${OURS} x (RSA)\n`, "\x1b["), (text) => {
                for (const key of parseConsole(text) ?? []) {
                    assert.match(key, /^SHA256:[A-Za-z0-9+/]{43}$/);
                }
            }),
            RUNS,
        );
    });

    it("takes no time to read", () => {
        for (const piece of [
            BEGIN,
            END,
            "\x1b[",
            "\x1b[0",
            "1 ",
            "256 SHA256:",
            `256 ${OURS}`,
            "-----BEGIN ",
        ]) {
            // EC2 keeps the last 64 KB.
            assertQuick(piece, () => void parseConsole(piece.repeat(65_536 / piece.length)));
            assertQuick(piece, () => void parseConsole(BEGIN + piece.repeat(65_536 / piece.length)));
        }
    });
});

describe("the output of Systems Manager's commands, whatever it is", () => {
    it("names a version, or says nothing", () => {
        const line = fc.oneof(
            fc.json(),
            anyText,
            fc.constantFrom('{"version":"2.3.2"}', '{"version":null}', "null"),
        );
        fc.assert(
            fc.property(fc.array(line), fc.constantFrom("\n", "\r\n"), (lines, end) => {
                const components = parseComponents(lines.join(end));
                if (components !== undefined) {
                    assert.isBoolean(components.present);
                    assert.isString(components.version);
                }
            }),
            RUNS,
        );
    });

    it("becomes a failure of a bounded length", () => {
        fc.assert(
            fc.property(anyText, anyText, anyText, (status, stdout, stderr) => {
                const failure = vssFailure(
                    "AWSEC2-CreateVssSnapshot",
                    { commandId: "c", status, stdout, stderr },
                    1,
                );
                assert.include(["VSS_FAILED", "VSS_TIMEOUT"], failure.code);
            }),
            RUNS,
        );
        const long = "writer failed ".repeat(100_000);
        assertQuick("long", () => {
            const { message } = vssFailure(
                "D",
                { commandId: "c", status: "Failed", stdout: long, stderr: long },
                1,
            );
            assert.isBelow(message.length, 2_000);
        });
    });
});

describe("a host's report, whatever is in it", () => {
    const expected: Expectations = {
        instanceId: "i-0123456789abcdef0",
        sudo: true,
        confirmedAwake: "",
        verifyIdentity: true,
        preFreezePath: "/usr/sbin/pre-freeze-script",
        postThawPath: undefined,
        lock: 0,
        levelNeeded: true,
        excluded: [
            {
                volumeId: "vol-0a",
                deviceName: "/dev/sda1",
                boot: true,
                volumeType: "gp3",
                multiAttached: false,
                deleteOnTermination: true,
                tagKeys: [],
                sizeGiB: 1,
                encrypted: false,
            },
        ],
    };
    const device = (name: string, parent: string, more = "") =>
        `device NAME="${name}" KNAME="${name}" TYPE="lvm" PKNAME="${parent}" MOUNTPOINT="/${name}" ${more}`;
    /** As many as are examined. */
    const DEVICES = 4_000;
    const STORE = 'MODEL="Amazon EC2 NVMe Instance Storage"';

    const judge = (lines: readonly string[]) => {
        const report = parseHostReport(lines);
        return { failures: hostFailures(report, expected), notCovered: notCovered(report) };
    };

    it("is judged", () => {
        const name = fc.constantFrom("a", "b", "c", "d", "e", "nvme0n1");
        const line = fc.oneof(
            fc.tuple(name, name).map(([one, other]) => device(one, other)),
            fc.tuple(name, anyText).map(([one, other]) => device(one, other, STORE)),
            fc.constantFrom("done", "booting", "user 0", "user x", "identity dmi i-1", "boot b", "run tmpfs"),
            fc.constantFrom(
                "lock held a i-1",
                "marker a b",
                "script pre ok",
                "script post owner:7",
                "btrfs Label: x",
            ),
            name.map((one) => `btrfs devid 1 size 1GiB path /dev/${one}`),
            anyText,
            anyText.map((text) => `device ${text}`),
        );
        fc.assert(
            fc.property(fc.array(line), (lines) => {
                for (const { code, message, remedy } of judge(lines).failures) {
                    assert.isNotEmpty(code);
                    assert.isNotEmpty(message);
                    assert.isNotEmpty(remedy);
                }
            }),
            RUNS,
        );
    });

    it("that goes round in circles comes to an end", () => {
        const { notCovered: uncovered } = judge([
            device("a", "b", STORE),
            device("b", "a"),
            device("c", "c"),
        ]);
        assert.sameMembers(uncovered, ["/a (instance store)", "/b (instance store)"]);
    });

    const many = (count: number, lineOf: (index: number) => string) =>
        Array.from({ length: count }, (_, index) => lineOf(index));
    const crowd = (index: number) =>
        index % 2 === 0 ? device("hub", `d${index}`) : device(`d${index}`, "hub");
    /** Two devices a layer, each on both of the next: twice as many ways with each layer. */
    const doubling = (index: number) =>
        device(`${index >> 2}-${index & 1}`, `${(index >> 2) + 1}-${(index >> 1) & 1}`);
    // As much as a channel lets through, in the shapes that take longest.
    const shapes: Record<string, string[]> = {
        "that is an endless chain": many(MAX_LINES, (i) => device(`d${i}`, `d${i + 1}`, STORE)),
        "that is a long chain": many(DEVICES, (i) => device(`d${i}`, `d${i + 1}`)),
        "whose layers double": [...many(160, doubling), device("0-0", "", STORE)],
        "with a crowd on one device": many(DEVICES, crowd),
        "of letters alone": many(MAX_OUTPUT / MAX_LINE, () => `device ${"A".repeat(MAX_LINE - 7)}`),
        "of fields without an end": many(
            MAX_OUTPUT / MAX_LINE,
            () => `device ${'A="'.repeat(MAX_LINE / 3 - 3)}`,
        ),
        "of btrfs": many(MAX_LINES, (i) =>
            i % 3 === 0 ? "btrfs Label: x" : `btrfs devid 1 path /dev/d${i}`,
        ),
    };
    for (const [shape, lines] of Object.entries(shapes)) {
        it(`${shape} takes no time`, function () {
            this.timeout(60_000);
            assertQuick(shape, () => void judge(lines));
        });
    }
});
