/** The arguments of a command are wrong. Its message says what is. */
export class UsageError extends Error {
    override readonly name = "UsageError";
}
