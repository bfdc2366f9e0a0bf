import { parseArgs } from "node:util";
import { clientsFor } from "../provider/aws/clients";
import { messageOf } from "../provider/base/errors";
import { isExecutionId } from "../provider/base/executionId";
import { type ImportedSet, importSet } from "../provider/lifecycle/importSet";
import { type ImportPlace, importFileOf } from "./importFile";
import { UsageError } from "./usageError";

export const importUsage = `Usage: npx pulumi-app-consistent-snapshot import <execution id> [options] > set.json

Prints the file by which "pulumi import --file" takes a finished set of snapshots into a stack: a set that a killed
"pulumi up" left, or that of another stack. It looks in EC2 and changes nothing.

  <execution id>   acs-..., the tag app-consistent-snapshot:execution of the snapshots
  --name <name>    the resource's name in the program (default: that of the resource that the set was taken for)
  --parent <urn>   the URN of the resource's parent in the stack, if it is the child of a component
  --region <name>  default: AWS_REGION, or that of the profile
  --profile <name> default: AWS_PROFILE
  -h, --help       print this

Then, in the project, with Pulumi 3.254 or newer:

  pulumi import --file set.json --generate-code=false
  pulumi up

Exit code: 0 printed, 1 refused or failed (the code of the error is in docs/outcomes.md), 2 wrong arguments.`;

const LIMIT_MS = 120_000;

interface ImportArgs {
    readonly executionId: string;
    readonly name: string | undefined;
    readonly parent: string | undefined;
    readonly region: string | undefined;
    readonly profile: string | undefined;
}

/** What a command has to say. */
export interface Said {
    readonly stdout: string;
    readonly stderr: string;
}

/**
 * `import <execution id>`.
 * @throws UsageError for wrong arguments, SnapshotError when the set is not to be imported
 */
export async function importCommand(args: readonly string[]): Promise<Said> {
    const given = readArgs(args);
    if (given === "help") {
        return { stdout: importUsage, stderr: "" };
    }
    const { executionId, name, parent, region, profile } = given;
    const clients = await clientsFor({ region, profile });
    const set = await importSet(clients, executionId, AbortSignal.timeout(LIMIT_MS));
    const place = { name: name ?? nameIn(set.owner), parent };
    if (place.name === "") {
        throw new UsageError("no tag has the resource's name; give it by --name");
    }
    const file = importFileOf(executionId, set.state, place);
    return { stdout: JSON.stringify(file, undefined, 2), stderr: notes(executionId, set, place) };
}

function readArgs(args: readonly string[]): ImportArgs | "help" {
    const { values, positionals } = parsed(args);
    if (values.help) {
        return "help";
    }
    const [executionId, ...more] = positionals;
    if (executionId === undefined || more.length > 0) {
        throw new UsageError("give one execution id");
    }
    if (!isExecutionId(executionId)) {
        throw new UsageError(`${JSON.stringify(executionId)} is not an execution id (acs-...)`);
    }
    const { name, parent, region, profile } = values;
    if (parent !== undefined && !parent.startsWith("urn:pulumi:")) {
        throw new UsageError(
            "--parent must be a URN (urn:pulumi:...), as `pulumi stack --show-urns` lists it",
        );
    }
    return { executionId, name, parent, region, profile };
}

function parsed(args: readonly string[]) {
    const text = { type: "string" } as const;
    try {
        return parseArgs({
            args: [...args],
            allowPositionals: true,
            options: {
                name: text,
                parent: text,
                region: text,
                profile: text,
                help: { type: "boolean", short: "h" },
            },
        });
    } catch (cause) {
        throw new UsageError(messageOf(cause), { cause });
    }
}

/** The end of a URN, or of what of it fits a tag. */
function nameIn(owner = ""): string {
    return owner.split("::").at(-1) ?? "";
}

function notes(executionId: string, { state, owner }: ImportedSet, { name }: ImportPlace): string {
    const { snapshotIds, instance, consistencyLevel, evidence, startTime, thawPending } = state;
    const lines = [
        `${executionId}: ${snapshotIds.length} snapshots of ${instance.instanceId}, taken at ${startTime}, ` +
            `level "${consistencyLevel}". ${evidence.message ?? ""}`,
        `It was taken for ${owner ?? "a resource without a name"}, and goes into the stack as "${name}". If a stack has it ` +
            "already, remove it there first (`pulumi state delete`), because of two stacks that have one set, either deletes it.",
        ...(thawPending
            ? [
                  `Its run ended without proof that ${instance.instanceId} is awake. The next \`pulumi up\` thaws it first.`,
              ]
            : []),
        "Go on with: pulumi import --file <this file> --generate-code=false, then pulumi up",
    ];
    return lines.join("\n");
}
