/** What a promise is rejected with. @throws Error when it is not */
export async function rejection<T extends Error = Error>(promise: Promise<unknown>): Promise<T> {
    const value = await promise.then(
        (answer) => ({ answer }),
        (error: unknown) => ({ error }),
    );
    if ("error" in value) {
        return value.error as T;
    }
    throw new Error(`it succeeded with ${JSON.stringify(value.answer)}`);
}
