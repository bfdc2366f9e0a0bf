import { assert } from "chai";
import type { KnownCommand } from "../../../../provider/aws/knownCommands";
import {
    type OtherUsers,
    judgeCommands,
    parseComponents,
} from "../../../../provider/quiesce/vss/vssComponents";

const ME = "acs-me";
const NOW = Date.parse("2026-11-24T12:00:00Z");
/** Limits of delivery and of execution together, of the commands here. */
const LONGEST_S = 9_000;
const PACKAGE = "AWS-ConfigureAWSPackage";

interface Spec {
    readonly by?: string | null;
    readonly status?: string;
    readonly ago?: number;
    readonly kept?: boolean;
    readonly name?: string;
}

function command(
    what: "look" | "Install" | "Uninstall" | "snapshot" | "installing" | "other",
    spec: Spec = {},
): KnownCommand {
    const { by = "acs-other", status = "Success", ago = 10, kept = false, name = "AwsVssComponents" } = spec;
    const documents = {
        look: "AWS-RunPowerShellScript",
        Install: PACKAGE,
        Uninstall: PACKAGE,
        snapshot: "AWSEC2-CreateVssSnapshot",
        installing: "AWSEC2-VssInstallAndSnapshot",
        other: "AWS-RunPatchBaseline",
    };
    return {
        commandId: `${what}-${ago}`,
        document: documents[what],
        executionId: by ?? undefined,
        kept,
        comment: by === null ? "" : `acs:${by}`,
        status,
        parameters: documents[what] === PACKAGE ? { action: [what], name: [name] } : {},
        requestedAt: NOW - ago * 1_000,
        endsBefore: NOW + (LONGEST_S - ago) * 1_000,
    };
}

describe("what the commands on an instance tell of others", () => {
    const nothing: OtherUsers = { leftBehind: false, user: undefined, beingRemoved: false };

    for (const [what, commands, expected] of [
        ["no commands", [], {}],
        ["my own only", [command("Install", { by: ME }), command("look", { by: ME })], {}],
        ["an old install of another execution", [command("Install", { ago: 9_000 })], { leftBehind: true }],
        [
            "a fresh one, without its snapshot yet",
            [command("Install")],
            { leftBehind: true, user: "acs-other" },
        ],
        [
            "a fresh one, snapshot done",
            [command("snapshot", { ago: 5 }), command("Install", { ago: 60 })],
            { leftBehind: true },
        ],
        [
            "a fresh one, snapshot running",
            [command("snapshot", { ago: 5, status: "InProgress" }), command("Install", { ago: 60 })],
            { leftBehind: true, user: "acs-other" },
        ],
        [
            "a snapshot that runs for as long as it may",
            [command("snapshot", { ago: LONGEST_S - 1, status: "In Progress" })],
            { user: "acs-other" },
        ],
        [
            "a snapshot that was never delivered, and has no time left",
            [command("snapshot", { ago: LONGEST_S + 1, status: "Pending" })],
            {},
        ],
        [
            "somebody else's snapshot that is Cancelling for ever",
            [command("snapshot", { by: null, ago: LONGEST_S + 1, status: "Cancelling" })],
            {},
        ],
        [
            "an install that runs for as long as it may",
            [command("Install", { ago: LONGEST_S - 1, status: "InProgress" })],
            { leftBehind: true, user: "acs-other" },
        ],
        [
            "an install that has no time left",
            [command("Install", { ago: LONGEST_S + 1, status: "InProgress" })],
            { leftBehind: true },
        ],
        [
            "a removal that was never delivered, and has no time left: the components may be anybody's",
            [command("Uninstall", { ago: LONGEST_S + 1, status: "Pending" })],
            {},
        ],
        ["another that has looked just now", [command("look")], { user: "acs-other" }],
        ["another that looked and died", [command("look", { ago: 9_000 })], {}],
        [
            "one that removed what it installed",
            [command("Uninstall", { ago: 20 }), command("Install", { ago: 60 })],
            {},
        ],
        [
            "a removal that failed",
            [command("Uninstall", { ago: 20, status: "Failed" }), command("Install", { ago: 900 })],
            { leftBehind: true },
        ],
        [
            "a removal that never ended",
            [command("Uninstall", { ago: 20, status: "Pending" }), command("Install", { ago: 900 })],
            { leftBehind: true, beingRemoved: true },
        ],
        [
            "a removal that ended before I looked",
            [command("look", { by: ME, ago: 5 }), command("Uninstall", { ago: 9 })],
            {},
        ],
        [
            "a removal that was asked for after I looked",
            [command("Uninstall", { ago: 3 }), command("look", { by: ME, ago: 5 })],
            { beingRemoved: true },
        ],
        ["an install that failed", [command("Install", { ago: 9_000, status: "Failed" })], {}],
        [
            "an install that was cancelled: it may have ended its work",
            [command("Install", { ago: 9_000, status: "Cancelled" })],
            { leftBehind: true },
        ],
        ["what is meant to stay", [command("Install", { ago: 9_000, kept: true })], {}],
        [
            "what I have left behind since somebody else asked for it",
            [command("Install", { by: null, ago: 100 }), command("Install", { ago: 9_000 })],
            {},
        ],
        [
            "somebody else's backup installed them later",
            [command("installing", { by: null, ago: 100 }), command("Install", { ago: 9_000 })],
            {},
        ],
        [
            "two executions: the later removed them",
            [
                command("Uninstall", { by: "acs-b", ago: 100 }),
                command("Install", { by: "acs-a", ago: 9_000 }),
            ],
            {},
        ],
        [
            "two executions: the earlier removed them, the later installed again",
            [
                command("Install", { by: "acs-b", ago: 900 }),
                command("Uninstall", { by: "acs-a", ago: 1_000 }),
            ],
            { leftBehind: true },
        ],
        [
            "somebody else's backup runs",
            [command("snapshot", { by: null, status: "InProgress" })],
            { user: "the command snapshot-10" },
        ],
        [
            "other packages and commands",
            [command("Install", { by: null, name: "AWSPVDriver" }), command("other", { by: null })],
            {},
        ],
    ] as [string, KnownCommand[], Partial<OtherUsers>][]) {
        it(`${what}: ${Object.keys(expected).join(", ") || "nothing"}`, () => {
            assert.deepEqual(judgeCommands(commands, ME, NOW), { ...nothing, ...expected });
        });
    }
});

describe("which components are installed, as the script prints it", () => {
    for (const [what, stdout, expected] of [
        ["a version", '{"version":"2.5.1"}\r\n', { present: true, version: "2.5.1" }],
        ["none", '{"version":null}', { present: false, version: "" }],
        ["one that cannot be told", '{"version":""}', { present: true, version: "" }],
        [
            "a profile's noise before and after",
            'Loading personal profile...\r\n{ not json\r\n{"version":"2.4.0"}\r\n42\r\n"bye"\r\n',
            { present: true, version: "2.4.0" },
        ],
        ["other JSON before", 'null\n{"a":1}\n[1]\n{"version":"2.4.0"}', { present: true, version: "2.4.0" }],
        ["only noise", "Loading personal profile...\n[]\n{}", undefined],
        ["a version that is none", '{"version":2}', undefined],
        ["nothing", "", undefined],
    ] as const) {
        it(what, () => assert.deepEqual(parseComponents(stdout), expected));
    }
});
