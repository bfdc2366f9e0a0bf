/** A signal that is aborted for the same reason as another one, but so much later. To be ended, as it keeps a timer. */
export function outliving(signal: AbortSignal, ms: number): { readonly signal: AbortSignal; end(): void } {
    const late = new AbortController();
    let timer: NodeJS.Timeout | undefined;
    const begin = () => {
        timer = setTimeout(() => late.abort(signal.reason), ms);
    };
    signal.addEventListener("abort", begin, { once: true });
    return {
        signal: late.signal,
        end: () => {
            signal.removeEventListener("abort", begin);
            clearTimeout(timer);
        },
    };
}
