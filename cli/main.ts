#!/usr/bin/env node
import { messageOf } from "../provider/base/errors";
import { importCommand, importUsage } from "./importCommand";
import { UsageError } from "./usageError";

async function main([command, ...args]: readonly string[]): Promise<number> {
    try {
        if (command === "--help" || command === "-h") {
            console.log(importUsage);
            return 0;
        }
        if (command !== "import") {
            throw new UsageError(
                command === undefined ? "give a command" : `there is no command ${JSON.stringify(command)}`,
            );
        }
        const { stdout, stderr } = await importCommand(args);
        if (stderr !== "") {
            console.error(stderr);
        }
        console.log(stdout);
        return 0;
    } catch (error) {
        const isUsage = error instanceof UsageError;
        console.error(isUsage ? `${error.message}\n\n${importUsage}` : messageOf(error));
        return isUsage ? 2 : 1;
    }
}

void main(process.argv.slice(2)).then((code) => (process.exitCode = code));
