import { randomBytes } from "node:crypto";

/**
 * The id of a new set. A UUID of version 7 (RFC 9562, 5.7), which begins with the time. The first releases made version 4:
 * so an id tells, wherever it is found, by which release its set was taken (components/imageName.ts).
 */
export function newExecutionId(now = Date.now()): string {
    const bytes = randomBytes(16);
    bytes.writeUIntBE(now, 0, 6);
    bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x70, 6);
    bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
    return `acs-${bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-")}`;
}

/** Whether the set was taken by one of the first releases. */
export function isOfFirstReleases(executionId: string): boolean {
    return !/^acs-.{8}-.{4}-7/.test(executionId);
}

export function isExecutionId(text: string): boolean {
    return /^acs-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text);
}
