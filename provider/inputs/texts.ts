import { z } from "zod";
import { idProblem } from "../aws/awsNames";

/** What is said of a value that is missing, and of one of another type. */
export const said = (required: string, must: string) => ({
    error: ({ input }: { readonly input?: unknown }) =>
        input === undefined ? `is required: ${required}` : must,
});

/** A text that has to be right for a reason that depends on the text. */
export const checkedText = (problemOf: (text: string) => string | undefined, schema = z.string()) =>
    schema.superRefine((text, context) => {
        const problem = problemOf(text);
        if (problem !== undefined) {
            context.addIssue({ code: "custom", message: problem });
        }
    });

export const noNul = (text: string) => !text.includes("\0");

export const instanceId = checkedText(
    (text) => idProblem("i", text),
    z.string(said("the id of the instance, such as server.id", "must be one instance id, as a string")),
);
