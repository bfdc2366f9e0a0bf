/** The floors below say "run again"; here it is said how. */
function inWords(text: string): string {
    return text.replace(/\b([Rr])un again\b/g, "$1un `pulumi up` again");
}

/** A verb whose errors say what the user runs. */
export async function inEngineWords<T>(verb: () => Promise<T>): Promise<T> {
    try {
        return await verb();
    } catch (error) {
        if (error instanceof Error) {
            error.message = inWords(error.message);
            translateReasons(error);
        }
        throw error;
    }
}

/** What the engine shows of an error that has a state (see `reporting`). */
function translateReasons(error: Error & { reasons?: unknown }): void {
    if (Array.isArray(error.reasons)) {
        error.reasons = error.reasons.map((reason) => inWords(String(reason)));
    }
}
