import { DeregisterImageCommand, type Filter, type Image, paginateDescribeImages } from "@aws-sdk/client-ec2";
import { SnapshotError } from "../base/errors";
import type { Log } from "../base/log";
import { pause } from "../base/pause";
import { timing } from "../base/timing";
import type { Clients } from "./clients";
import { keyRemedy } from "./keyProblem";
import { awsErrorName, request } from "./request";
import { SetLostError } from "./setLostError";

/**
 * Images of this account that match, whatever they may be used for: EC2 shows a disabled one only to those who ask for
 * it, and a deprecated one to its owner always (EC2 API reference, DescribeImages).
 */
export async function findImages(clients: Clients, filters: Filter[], signal: AbortSignal): Promise<Image[]> {
    return await request("ec2:DescribeImages", signal, async (abortSignal) => {
        const found: Image[] = [];
        const pages = paginateDescribeImages(
            { client: clients.ec2, pageSize: PAGE_SIZE },
            { Owners: ["self"], Filters: filters, IncludeDisabled: true },
            { abortSignal },
        );
        for await (const page of pages) {
            found.push(...(page.Images ?? []));
        }
        // For a while EC2 may still tell of one that is gone (EC2 API reference, Image, `imageState`).
        return found.filter((image) => image.State !== "deregistered");
    });
}

/** The image, if there is one: in any state. */
export async function findImage(
    clients: Clients,
    imageId: string,
    signal: AbortSignal,
): Promise<Image | undefined> {
    const [image] = await findImages(clients, [{ Name: "image-id", Values: [imageId] }], signal);
    return image;
}

export async function findImageByName(
    clients: Clients,
    name: string,
    signal: AbortSignal,
): Promise<Image | undefined> {
    const [image] = await findImages(clients, [{ Name: "name", Values: [name] }], signal);
    return image;
}

/** The snapshots that an image is made of; they appear one after the other while it is made. */
export function snapshotIdsOf(image: Image): string[] {
    return (image.BlockDeviceMappings ?? []).flatMap((mapping) => mapping.Ebs?.SnapshotId ?? []);
}

/** Deregisters an image. Already gone is done. */
export async function deregisterImage(clients: Clients, imageId: string, signal: AbortSignal): Promise<void> {
    try {
        await request("ec2:DeregisterImage", signal, (abortSignal) =>
            clients.ec2.send(new DeregisterImageCommand({ ImageId: imageId }), { abortSignal }),
        );
    } catch (error) {
        if (!["InvalidAMIID.NotFound", "InvalidAMIID.Unavailable"].includes(awsErrorName(error))) {
            throw error;
        }
    }
}

/** What became of an image that cannot be used any more, and never will be; undefined: nothing. */
export function imageFailure(image: Image): string | undefined {
    return FAILED.has(image.State ?? "")
        ? `${image.ImageId ?? "the image"} failed: ${image.StateReason?.Message ?? "no message"}`
        : undefined;
}

const PAUSE_MS = 2_000;
/** As Karpenter, which asks for many, has it; EC2's other Describe calls take no more (EC2 API reference). */
const PAGE_SIZE = 1_000;
/** EC2 API reference, Image, `imageState`. */
const FAILED: ReadonlySet<string> = new Set(["error", "failed", "invalid"]);

/**
 * Waits until the image is `available`; its snapshots are completed by then.
 * @throws SnapshotError `SNAPSHOT_FAILED` when making it failed; `COMPLETION_PENDING` when the deadline passed.
 * SetLostError when it is gone.
 */
export async function waitForImage(
    clients: Clients,
    imageId: string,
    { deadline, log, signal }: { deadline: number; log: Log; signal: AbortSignal },
): Promise<void> {
    let seen = performance.now();
    let told = false;
    for (;;) {
        const image = await findImage(clients, imageId, signal);
        // Somebody who disables an image has waited for it.
        if (image?.State === "available" || image?.State === "disabled") {
            return;
        }
        // One answer may come from a replica that has not heard of the image yet.
        seen = image === undefined ? seen : performance.now();
        if (performance.now() - seen > timing.visibleMs) {
            throw new SetLostError([`${imageId} was deregistered`]);
        }
        const failure = image && imageFailure(image);
        if (failure !== undefined) {
            throw new SnapshotError({
                code: "SNAPSHOT_FAILED",
                message: `The image ${failure}.`,
                remedy: keyRemedy(failure) ?? "Run again.",
            });
        }
        const left = deadline - performance.now();
        if (left <= 0) {
            throw new SnapshotError({
                code: "COMPLETION_PENDING",
                message: `The snapshots are taken, but the image ${imageId} is not available yet.`,
                remedy: "Run again. The next run goes on waiting, and takes no new snapshots.",
            });
        }
        if (!told) {
            log(`waiting for the image ${imageId}, which is ${image?.State ?? "not shown yet"}`, "status");
            told = true;
        }
        await pause(Math.min(PAUSE_MS, left), signal);
    }
}
