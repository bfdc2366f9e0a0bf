import { messageOf } from "../base/errors";

/** What of an SDK's error tells who answered. */
interface SdkError {
    /** Who is at fault: of each error that AWS itself has answered. */
    readonly $fault?: unknown;
    readonly $metadata?: { readonly httpStatusCode?: number };
    readonly $response?: { readonly statusCode?: number };
    /** Where the answer was to be XML. */
    readonly $responseBodyText?: unknown;
}

/** What the SDK calls an error that came without any words (`loadErrorCode` of its protocols). */
const NAMELESS: ReadonlySet<string> = new Set(["Unknown", "UnknownError"]);
const QUOTED = 120;

/**
 * An answer that something between here and AWS gave in its place: a proxy, a load balancer, a firewall. The SDK cannot
 * read it, and says so in words about XML or JSON.
 * @returns what it was, in short; undefined: it was AWS's own answer, or there was none
 */
export function foreignAnswer(error: unknown): string | undefined {
    if (!(error instanceof Error)) {
        return undefined;
    }
    const { $fault, $metadata, $response, $responseBodyText } = error as SdkError;
    const status = $response?.statusCode ?? $metadata?.httpStatusCode;
    const own = $fault !== undefined && !NAMELESS.has(error.name);
    if (own || status === undefined || $response === undefined) {
        return undefined;
    }
    const said = quoted($responseBodyText);
    return `HTTP ${status}, which is no answer of AWS's${said === "" ? "" : `: "${said}"`}`;
}

/** The title of a page, or what it says: on one line, and the beginning of it. */
function quoted(body: unknown): string {
    if (typeof body !== "string") {
        return "";
    }
    const title = /<title[^>]*>(?<title>[^<]*)/i.exec(body)?.groups?.["title"];
    const text = (title ?? body.replace(/<[^>]*>/g, " ")).replace(/\s+/g, " ").trim();
    return text.length > QUOTED ? `${text.slice(0, QUOTED)}...` : text;
}

/** AWS's words, with their name; of an answer that is not AWS's, what it was. */
export function wordsOf(error: unknown): string {
    const foreign = foreignAnswer(error);
    if (foreign !== undefined) {
        return foreign;
    }
    const name = error instanceof Error ? error.name : "";
    return [name, messageOf(error)].filter((text) => text !== "").join(": ");
}
