import { CreateTagsCommand, DeleteTagsCommand, type Tag } from "@aws-sdk/client-ec2";
import type { SnapshotError } from "../base/errors";
import type { Clients } from "./clients";
import { dryRun, request } from "./request";

/** How long a lease is, and how often a living run renews it. */
export const LEASE_MS = 15 * 60_000;
export const LEASE_RENEWAL_MS = 5 * 60_000;

/**
 * The value of a lease that begins now.
 * @param now by AWS's clock, which all who read leases share (`AwsClock`)
 */
export function newLease(now: number): string {
    return new Date(now + LEASE_MS).toISOString();
}

export async function setTags(
    clients: Clients,
    ids: readonly string[],
    tags: Readonly<Record<string, string>>,
    signal: AbortSignal,
): Promise<void> {
    if (ids.length === 0 || Object.keys(tags).length === 0) {
        return;
    }
    await request("ec2:CreateTags", signal, (abortSignal) =>
        clients.ec2.send(new CreateTagsCommand({ Resources: [...ids], Tags: tagList(tags) }), {
            abortSignal,
        }),
    );
}

export async function removeTags(
    clients: Clients,
    ids: readonly string[],
    keys: readonly string[],
    signal: AbortSignal,
): Promise<void> {
    if (ids.length === 0 || keys.length === 0) {
        return;
    }
    await request("ec2:DeleteTags", signal, (abortSignal) =>
        clients.ec2.send(new DeleteTagsCommand({ Resources: [...ids], Tags: keys.map((Key) => ({ Key })) }), {
            abortSignal,
        }),
    );
}

/** Why AWS would not allow it; undefined: allowed. */
export async function dryRunSetTags(
    clients: Clients,
    id: string,
    tags: Readonly<Record<string, string>>,
    signal: AbortSignal,
): Promise<SnapshotError | undefined> {
    return await dryRun(
        request("ec2:CreateTags", signal, (abortSignal) =>
            clients.ec2.send(new CreateTagsCommand({ Resources: [id], Tags: tagList(tags), DryRun: true }), {
                abortSignal,
            }),
        ),
    );
}

export function tagList(tags: Readonly<Record<string, string>>): Tag[] {
    return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}
