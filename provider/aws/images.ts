import { DeregisterImageCommand, DescribeImagesCommand, type Filter, type Image } from "@aws-sdk/client-ec2";
import { SnapshotError } from "../errors";
import { pause } from "../pause";
import { timing } from "../timing";
import type { Clients } from "./clients";
import { awsErrorName, request } from "./request";
import { SetLostError } from "./setLostError";

/** Images of this account that match. */
export async function findImages(clients: Clients, filters: Filter[], signal: AbortSignal): Promise<Image[]> {
    const answer = await request("ec2:DescribeImages", signal, (abortSignal) =>
        clients.ec2.send(new DescribeImagesCommand({ Owners: ["self"], Filters: filters }), { abortSignal }),
    );
    return answer.Images ?? [];
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

const PAUSE_MS = 2_000;
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
    { deadline, signal }: { deadline: number; signal: AbortSignal },
): Promise<void> {
    let seen = performance.now();
    for (;;) {
        const [image] = await findImages(clients, [{ Name: "image-id", Values: [imageId] }], signal);
        // Somebody who disables an image has waited for it.
        if (image?.State === "available" || image?.State === "disabled") {
            return;
        }
        // One answer may come from a replica that has not heard of the image yet.
        seen = image === undefined ? seen : performance.now();
        if (performance.now() - seen > timing.visibleMs) {
            throw new SetLostError([`${imageId} was deregistered`]);
        }
        if (image?.State !== undefined && FAILED.has(image.State)) {
            throw new SnapshotError({
                code: "SNAPSHOT_FAILED",
                message: `The image ${imageId} failed: ${image.StateReason?.Message ?? "no message"}.`,
                remedy: "Run again.",
            });
        }
        const left = deadline - performance.now();
        if (left <= 0) {
            throw new SnapshotError({
                code: "COMPLETION_PENDING",
                message: `The snapshots are taken, but the image ${imageId} is not available yet.`,
                remedy: "Run `pulumi up` again: it goes on waiting and takes no new snapshot.",
            });
        }
        await pause(Math.min(PAUSE_MS, left), signal);
    }
}
