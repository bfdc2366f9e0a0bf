import { median } from "../../bench/report";
import { holds } from "../report";
import type { BootResult } from "./bootTrial";
import type { FaultResult } from "./faultTrial";
import type { RestoreResult } from "./restoreTrial";
import type { Results } from "./results";

/** Whether a boot is what its level says. */
export function bootHolds({ level, database, files }: BootResult): boolean {
    return (
        holds({ level, verdict: database }, "application") && holds({ level, verdict: files }, "application")
    );
}

/** Markdown: a section of docs/proof.md. */
export function machineReport(results: Pick<Results, "of">): string {
    const [boots, faults, restores] = [results.of("boot"), results.of("fault"), results.of("restoreTest")];
    return [
        "## In a machine that boots",
        "",
        "A virtual machine (QEMU, software emulation) is the instance: Debian with systemd, PostgreSQL on an LVM stripe " +
            "over two volumes, its WAL and plain files on XFS on a third, and a boot volume with a boot loader. Two writers " +
            "commit transactions and two write lines into files of both file systems; what was acknowledged is logged " +
            "outside of the machine. Each run is a `pulumi up` of its own, at a random moment, that takes a set and " +
            "makes an image of it. A second machine boots from the image.",
        "",
        ...(boots.length === 0 ? [] : [...bootTable(boots), ""]),
        ...(faults.length === 0 ? [] : [...faultTable(faults), "", FAULT_EXPLANATION, ""]),
        ...(restores.length === 0 ? [] : [...restoreTable(restores), "", RESTORE_EXPLANATION, ""]),
        ...wrongOf(results),
        ...EXPLANATION,
        "",
    ].join("\n");
}

const FAULT_EXPLANATION =
    "Wrong, of a fault: the `up` ended otherwise than it may, the next `up` failed, nobody could write then, something " +
    "of the guard was left, or a set that was kept is not what its level says.";

const RESTORE_EXPLANATION =
    "A `RestoreTest` boots a machine from the image of a set, while the source machine is paused, and runs " +
    "`recipes.verify.postgresql` on it. The login is from when sshd was ready until the script began, by the clock of the " +
    "copy. The overhead is what an `up` with the test took beyond an `up` in which nothing changes, and beyond " +
    "`recoverySeconds`.";

/** What each run that did not hold has to say. */
function wrongOf(results: Pick<Results, "of">): string[] {
    const lines = [
        ...results.of("boot").flatMap((one) => {
            const { level, database, files } = one;
            const problems = [...database.problems, ...files.problems];
            return bootHolds(one) ? [] : [`boot, ${level}: ${problems.join("; ")}`];
        }),
        ...results.of("fault").flatMap(({ fault, problems }) => problems.map((one) => `${fault}: ${one}`)),
        ...results.of("restoreTest").flatMap(({ problems }) => problems.map((one) => `restore test: ${one}`)),
    ];
    const shown = lines.map((line) => `- ${line.replaceAll(/\s+/g, " ").slice(0, LONGEST_WORDS)}`);
    return shown.length === 0 ? [] : ["What did not hold:", "", ...shown, ""];
}

const LONGEST_WORDS = 1_000;

const EXPLANATION = [
    "- To replay: ext4 on the stripe, unless `systemd-fsck` said at boot that it was clean and nobody replayed its journal; " +
        "XFS, if anything of its tree is missing or other without a replay of its log.",
    "- Too slow: the recipe's 40 s to freeze were over, because the emulated machine ran beside other work. Such an `up` " +
        "fails with `PRE_FREEZE_FAILED`, and leaves the instance awake and no set.",
    "- The root file system is never frozen. So it starts as after a loss of power, by a replay of its journal.",
    "- Broken, or of ours: units that failed, file systems that are not mounted, page checksums, a database that takes no " +
        "transaction, errors in the logs, and files on any volume that name this package or the run.",
    "",
    "What it does not show: EBS and EC2's own boot. Volumes are ranges of one file, which the kernel copies at one instant. " +
        "The machine is emulated in software, so its times are those of a very slow server. An instance store is a SCSI " +
        "disk with the name of EC2's model. One Debian with one kernel, without cloud-init but in the fault that names it.",
];

const row = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
const head = (cells: readonly string[]) => [row(cells), row(cells.map(() => "---"))];

function bootTable(boots: readonly BootResult[]): string[] {
    const verdicts = boots.flatMap(({ database, files }) => [database, files]);
    const sum = (of: (one: BootResult["database"]) => number, among = verdicts) =>
        String(among.reduce((all, one) => all + of(one), 0));
    const rows: [what: string, figure: string][] = [
        ["sets, each booted", String(boots.length)],
        [
            "tries before, for which the machine was too slow",
            String(boots.reduce((all, { refused = 0 }) => all + refused, 0)),
        ],
        ["level", counted(boots.map(({ level }) => level))],
        ["quiesced by", counted(boots.map(({ vouchedBy }) => `\`${vouchedBy}\``))],
        [
            "transactions checked",
            sum(
                ({ transactions }) => transactions,
                boots.map(({ database }) => database),
            ),
        ],
        [
            "lines of files checked",
            sum(
                ({ transactions }) => transactions,
                boots.map(({ files }) => files),
            ),
        ],
        ["lost, though acknowledged", sum(({ lost }) => lost)],
        ["begun after the freeze, yet there", sum(({ after }) => after)],
        ["gaps", sum(({ gaps }) => gaps)],
        ["data file systems to replay", sum(({ replays }) => replays)],
        [
            "boots that replayed the root file system's journal",
            String(boots.filter((one) => one.rootReplayed).length),
        ],
        [
            "boots in which PostgreSQL recovered",
            String(boots.filter(({ database }) => database.recovered).length),
        ],
        ["failed units, broken, or of ours", sum(({ problems }) => problems.length)],
        ["freeze window, ms: median, longest", spread(boots.flatMap((one) => one.freezeWindowMs ?? []))],
        [
            "boot, s, from RunInstances to a login: median, longest",
            spread(boots.flatMap((one) => one.bootSeconds ?? [])),
        ],
        [
            "until all was verified, s: median, longest",
            spread(boots.flatMap((one) => one.recoverySeconds ?? [])),
        ],
    ];
    return [...head(["of all boots", ""]), ...rows.map(row)];
}

function faultTable(faults: readonly FaultResult[]): string[] {
    const names = [...new Set(faults.map(({ fault }) => fault))];
    return [
        ...head([
            "fault",
            "runs",
            "that `up` ended with",
            "after, s: longest",
            "the next `up`",
            "sets of it booted",
            "wrong",
        ]),
        ...names.map((name) => {
            const some = faults.filter(({ fault }) => fault === name);
            return row([
                name,
                String(some.length),
                counted(some.map(({ ended }) => ended)),
                Math.max(...some.map(({ seconds = 0 }) => seconds)).toFixed(0),
                counted(some.map(({ healed }) => healed)),
                String(some.filter(({ booted }) => booted !== undefined).length),
                String(some.filter(({ problems }) => problems.length > 0).length),
            ]);
        }),
    ];
}

function restoreTable(restores: readonly RestoreResult[]): string[] {
    const seconds = (of: (one: RestoreResult) => number | undefined) =>
        spread(
            restores.flatMap((one) => of(one) ?? []),
            1,
        );
    const rows: [what: string, figure: string][] = [
        ["restore tests", String(restores.length)],
        ["that ended with", counted(restores.map(({ ended }) => ended))],
        ["`bootSeconds`: median, longest", seconds((one) => one.bootSeconds)],
        ["the login in that, s", seconds((one) => one.loginSeconds)],
        ["`verifySeconds`", seconds((one) => one.verifySeconds)],
        ["`recoverySeconds`", seconds((one) => one.recoverySeconds)],
        ["overhead, s", seconds((one) => one.overheadSeconds)],
        ["wrong", String(restores.filter(({ problems }) => problems.length > 0).length)],
    ];
    return [...head(["of all restore tests", ""]), ...rows.map(row)];
}

function counted(values: readonly string[]): string {
    return [...new Set(values)]
        .map((value) => `${value} ${values.filter((one) => one === value).length}`)
        .join(", ");
}

function spread(values: readonly number[], digits = 0): string {
    const [middle, longest] = [median(values), Math.max(...values)];
    return values.length === 0 ? "-" : `${middle.toFixed(digits)}, ${longest.toFixed(digits)}`;
}
