import * as ec2 from "@aws-sdk/client-ec2";
import * as ssm from "@aws-sdk/client-ssm";
import * as sts from "@aws-sdk/client-sts";

/** What the user of a lab tells it, by the command `lab`. */
export type Command =
    | { readonly name: "help" | "servers" | "cloud" | "mend" }
    | { readonly name: "config"; readonly server: string }
    | { readonly name: "refuse"; readonly operation: string; readonly times: number; readonly code: string }
    | { readonly name: "kill"; readonly operation: string }
    | { readonly name: "disable" | "enable"; readonly imageId: string };

/** What was typed is no command. The message says what would be one. */
export class UsageError extends Error {}

export const HELP = `lab servers                           the three servers, and whether each is frozen
lab cloud                             the snapshots and images in the cloud
lab config SERVER                     a command that sets the config of your own project for a server
lab refuse OPERATION [TIMES] [CODE]   the API refuses the next TIMES (1) calls, with CODE (UnauthorizedOperation)
lab kill OPERATION                    kills the provider (kill -9) when the API has acted, and before it answers
lab disable IMAGE                     somebody disables the image in EC2
lab enable IMAGE                      and enables it again
lab mend                              the API refuses and kills no more`;

const MOST_TIMES = 1000;
const SERVICES: readonly object[] = [ec2, ssm, sts];

/** @throws UsageError */
export function commandOf(words: readonly string[]): Command {
    const [name = "help", ...args] = words;
    switch (name) {
        case "help":
        case "servers":
        case "cloud":
        case "mend":
            count(name, args, 0);
            return { name };
        case "config":
            count(name, args, 1);
            return { name, server: args[0] ?? "" };
        case "refuse":
            count(name, args, 1, 3);
            return {
                name,
                operation: operationOf(args[0]),
                times: timesOf(args[1]),
                code: codeOf(args[2]),
            };
        case "kill":
            count(name, args, 1);
            return { name, operation: operationOf(args[0]) };
        case "disable":
        case "enable":
            count(name, args, 1);
            return { name, imageId: imageOf(args[0]) };
        default:
            throw new UsageError(`"${name}" is no command of the lab:\n${HELP}`);
    }
}

function count(name: string, args: readonly string[], least: number, most = least): void {
    if (args.length < least || args.length > most) {
        const line = HELP.split("\n").find((one) => one.startsWith(`lab ${name}`)) ?? "";
        throw new UsageError(`usage: ${line}`);
    }
}

/** A fault of an operation that nobody has would wait for ever. */
function operationOf(word = ""): string {
    if (!SERVICES.some((service) => `${word}Command` in service)) {
        throw new UsageError(
            `"${word}" is no operation of EC2, STS or Systems Manager, such as CreateSnapshots`,
        );
    }
    return word;
}

function timesOf(word = "1"): number {
    const times = Number(word);
    if (!/^\d+$/.test(word) || times < 1 || times > MOST_TIMES) {
        throw new UsageError(`TIMES is a number from 1 to ${MOST_TIMES}, not "${word}"`);
    }
    return times;
}

function codeOf(word = "UnauthorizedOperation"): string {
    if (!/^[A-Z][A-Za-z.]+$/.test(word)) {
        throw new UsageError(`CODE is an error code of AWS, such as InternalError, not "${word}"`);
    }
    return word;
}

function imageOf(word = ""): string {
    if (!/^ami-[0-9a-f]+$/.test(word)) {
        throw new UsageError(`"${word}" is no id of an image: \`lab cloud\` shows them`);
    }
    return word;
}
