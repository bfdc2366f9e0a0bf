import type { Image, Snapshot } from "@aws-sdk/client-ec2";
import type { SetRequest } from "../../aws/createSnapshots";
import { findImageByName, snapshotIdsOf } from "../../aws/images";
import { setTags } from "../../aws/setTags";
import { describeSnapshots, findSet } from "../../aws/snapshots";
import { commentFor } from "../../aws/knownCommands";
import { type SentCommand, awaitCommand, endSent, sendCommand } from "../../aws/systemsManager";
import { APP_CONSISTENT, VSS_CONFIG, tagKeys, tagOf } from "../../aws/tags";
import { awsErrorName, isRefusal } from "../../aws/request";
import { deleteState } from "../../aws/deleteState";
import { type Failure, SnapshotError, combine, factOf } from "../../base/errors";
import type { VssEvidence } from "../../base/evidence";
import { isHurried } from "../../base/interruption";
import { makesImage } from "../../inputs/inputs";
import { poll } from "../../base/poll";
import { timing } from "../../base/timing";
import type { Undo } from "../../base/undo";
import { appConsistencyOf, isAppConsistent } from "./appConsistency";
import { imageName } from "./imageName";
import { OwnedComponents, type OwnedComponentsSettings } from "./ownedComponents";
import { QuiesceError } from "../quiesceError";
import type { CreatedSet } from "../../aws/createSnapshots";
import type { Capture, Quiescer, TakesSet } from "../quiescer";
import { ComponentsError } from "./vssComponents";
import { vssFailure } from "./vssMessages";
import { vssParameters } from "./vssParameters";
import { vssPreconditions } from "./vssPreconditions";

export interface VssSettings extends OwnedComponentsSettings {
    /** With a lease that begins now: installing may take as long as one lasts. */
    readonly set: () => SetRequest;
}

/**
 * The first takes the set with the components that are there; where a region lacks it, the second does the same after
 * making sure that there are some (EC2 User Guide, "Create VSS snapshots with Systems Manager").
 */
const DOCUMENTS: readonly [string, ...string[]] = [
    "AWSEC2-CreateVssSnapshot",
    "AWSEC2-VssInstallAndSnapshot",
];

const FIND_INTERVAL_MS = 1_000;
/** Covers the time that an image takes to let go of its snapshots (`timing.visibleMs`). */
const DELETE_LIMIT_MS = 180_000;
/** Quiesces a Windows instance by VSS, through Systems Manager; AWS's document takes the set itself. */
export function vss(settings: VssSettings): Quiescer {
    return new Vss(settings);
}

class Vss implements TakesSet {
    readonly #settings: VssSettings;
    readonly #components: OwnedComponents;
    /** The document that may have begun. */
    #sent: SentCommand | undefined;

    constructor(settings: VssSettings) {
        this.#settings = settings;
        this.#components = new OwnedComponents(settings);
    }

    async preconditions(): Promise<Failure[]> {
        const { clients, source, signal } = this.#settings;
        return await vssPreconditions(clients, source, signal);
    }

    async deploy(undo: Undo): Promise<void> {
        undo.cleanUp("remove the VSS components", () => this.#components.remove());
        try {
            await this.#components.makePresent();
        } catch (error) {
            throw this.#deployError(error);
        }
    }

    async capture(undo: Undo): Promise<Capture> {
        const { signal, log } = this.#settings;
        undo.undo("delete the snapshots", () => this.#undoSet());
        const requestedAt = new Date().toISOString();
        const started = performance.now();
        const { document, commandId } = await this.#start();
        log(`${document} runs as command ${commandId}`);
        await this.#await(document, commandId);
        const apiMs = Math.round((performance.now() - started) * 10) / 10;
        const { image, snapshots } = await this.#findSet();
        signal.throwIfAborted();
        return this.#capture({ document, commandId, image, snapshots, requestedAt, apiMs });
    }

    /** VSS lets go by itself after 10 s at the most, whatever happens (EC2 User Guide, "Troubleshoot VSS"). */
    recover(): Promise<undefined> {
        return Promise.resolve(undefined);
    }

    close(): Promise<void> {
        return Promise.resolve();
    }

    #deployError(error: unknown): unknown {
        if (!(error instanceof ComponentsError || isAwsError(error))) {
            return error;
        }
        const failure = combine("PRECONDITION_FAILED", [
            {
                code: "VSS_COMPONENTS",
                message: `${factOf(error)}.`,
                remedy:
                    "See the command in Systems Manager's history. The instance needs a way to AWS's package service. " +
                    "Raise timeouts.command if it only needs longer.",
            },
        ]);
        return this.#quiesceError(failure, { froze: false, cause: error });
    }

    #quiesceError(
        failure: Failure,
        { froze, mayFallBack = true, cause }: { froze: boolean; mayFallBack?: boolean; cause?: unknown },
    ): QuiesceError {
        const outcome = { awake: true, froze, mayFallBack, deployed: this.#components.areRemoved };
        return new QuiesceError(failure, outcome, { cause });
    }

    /** By the first of the documents that the region has. */
    async #start([document, ...others] = DOCUMENTS): Promise<{ document: string; commandId: string }> {
        try {
            return { document, commandId: await this.#send(document) };
        } catch (error) {
            const [next, ...rest] = others;
            if (awsErrorName(error) !== "InvalidDocument" || next === undefined) {
                throw this.#startError(document, error);
            }
            this.#settings.log(`${document} is not in this region; trying ${next}`);
            return await this.#start([next, ...rest]);
        }
    }

    /** Remembers what may have begun, whatever comes of the request. */
    async #send(document: string): Promise<string> {
        const { clients, executionId, source, quiesce, set, timeouts, signal } = this.#settings;
        const { instanceId } = source.facts;
        const parameters = vssParameters({
            document,
            executionId,
            quiesce,
            set: set(),
            limitS: timeouts.command,
            componentsVersion: this.#components.version,
        });
        const command = { instanceId, document, parameters, comment: commentFor(executionId) };
        this.#sent = { command, since: clients.clock.now() };
        try {
            const commandId = await sendCommand(clients, command, signal);
            this.#sent = { ...this.#sent, commandId };
            return commandId;
        } catch (error) {
            if (isRefusal(error)) {
                this.#sent = undefined;
            }
            throw error;
        }
    }

    #startError(document: string, error: unknown): unknown {
        if (!isAwsError(error)) {
            return error;
        }
        if (this.#sent !== undefined) {
            const failure: Failure = {
                code: "SNAPSHOT_OUTCOME_UNKNOWN",
                message: `It is not known whether ${document} was started: ${factOf(error)}`,
                remedy: "Run again.",
            };
            return this.#quiesceError(failure, { froze: true, mayFallBack: false, cause: error });
        }
        const failure: Failure = {
            code: "VSS_FAILED",
            message: `${document} could not be started: ${factOf(error)}`,
            remedy: "Mend the cause that AWS names. Check that the instance is still Online in Systems Manager.",
        };
        return this.#quiesceError(failure, { froze: false, cause: error });
    }

    /** @throws QuiesceError when the command did not succeed */
    async #await(document: string, commandId: string): Promise<void> {
        const { clients, source, timeouts, log, signal } = this.#settings;
        const deadline = performance.now() + timeouts.command * 1000;
        const onStatus = (status: string) => log(`${document} is ${status}`, "status");
        const { instanceId } = source.facts;
        try {
            const end = await awaitCommand(clients, instanceId, commandId, { deadline, signal, onStatus });
            if (end.status !== "Success") {
                throw this.#quiesceError(vssFailure(document, end, timeouts.command), { froze: true });
            }
        } catch (error) {
            if (!isAwsError(error)) {
                throw error;
            }
            const failure: Failure = {
                code: "VSS_FAILED",
                message: `It could not be found out how ${document} (command ${commandId}) ended: ${factOf(error)}`,
                remedy: "See the command in Systems Manager's history.",
            };
            throw this.#quiesceError(failure, { froze: true, cause: error });
        }
    }

    /**
     * Deletes whatever the document made, whether or not it came to tell of it. A document that has just failed, or was
     * cancelled, may have made snapshots that are not seen yet; one whose start is not known may not be seen itself.
     */
    async #undoSet(): Promise<void> {
        const sent = this.#sent;
        if (sent === undefined) {
            return;
        }
        const { source, signal } = this.#settings;
        const hurried = isHurried(signal);
        const limitMs = hurried ? 0 : sent.commandId === undefined ? timing.visibleMs : timing.vssSettleMs;
        const own = AbortSignal.timeout(limitMs + DELETE_LIMIT_MS);
        const seen = { snapshots: new Set<string>(), document: "running" as Sent };
        const isWhole = () => seen.snapshots.size >= source.volumes.length;
        await poll(
            async () => {
                seen.document = hurried ? "running" : await this.#end(sent, own);
                for (const id of await this.#deleteMade()) {
                    seen.snapshots.add(id);
                }
                return isWhole() && seen.document === "ended" ? true : undefined;
            },
            { deadline: performance.now() + limitMs, interval: FIND_INTERVAL_MS, signal: own },
        );
        if (!isWhole() && seen.document === "running") {
            throw new Error("the document has not ended yet, or AWS does not show yet what it made");
        }
    }

    /** Has the document end. That it could not be asked to says nothing of it. */
    async #end(sent: SentCommand, signal: AbortSignal): Promise<Sent> {
        try {
            return await endSent(this.#settings.clients, sent, signal);
        } catch (error) {
            if (!(error instanceof SnapshotError)) {
                throw error;
            }
            return "running";
        }
    }

    /** @returns the snapshots that there were */
    async #deleteMade(): Promise<string[]> {
        const { clients, quiesce, executionId } = this.#settings;
        const signal = AbortSignal.timeout(DELETE_LIMIT_MS);
        const image = !makesImage(quiesce)
            ? undefined
            : await findImageByName(clients, imageName(quiesce, executionId), signal);
        const tagged = (await findSet(clients, executionId, signal)).flatMap(
            ({ SnapshotId }) => SnapshotId ?? [],
        );
        const bare = (image === undefined ? [] : snapshotIdsOf(image)).filter((id) => !tagged.includes(id));
        if (image === undefined && tagged.length === 0) {
            return [];
        }
        // The caller may only be allowed to delete what carries the tag, and once the image is gone nothing else leads to them.
        await setTags(clients, bare, this.#tags, signal);
        const made = { imageId: image?.ImageId, snapshotIds: [...tagged, ...bare] };
        await deleteState(clients, executionId, made, { log: this.#settings.log, signal });
        return made.snapshotIds;
    }

    /**
     * In the number that the instance's volumes demand, as a command that succeeds may hide a volume that failed; and
     * with AWS's tags, which may be seen a little later than the snapshots.
     */
    async #findSet(): Promise<Found> {
        const { source, log, signal } = this.#settings;
        let last: Found = { image: undefined, snapshots: [] };
        const isWhole = () => last.snapshots.length >= source.volumes.length;
        // The tags of the snapshots may be seen later than that of the image.
        const imageCounts = performance.now() + timing.vssSettleMs;
        await poll(
            async () => {
                last = await this.#look();
                const seen = appConsistencyOf(last.snapshots, last.image);
                const isLast = !seen.byImage || performance.now() >= imageCounts;
                return isWhole() && isAppConsistent(seen) && isLast ? true : undefined;
            },
            {
                deadline: performance.now() + this.#visibleMs,
                interval: FIND_INTERVAL_MS,
                signal,
                onWait: () => log("waiting for EC2 to show the snapshots and AWS's tags on them", "status"),
            },
        );
        if (!isWhole()) {
            throw this.#incomplete(last);
        }
        await this.#tag(last);
        return last;
    }

    /** An image's mapping fills while EC2 makes it. */
    get #visibleMs(): number {
        return !makesImage(this.#settings.quiesce) ? timing.vssVisibleMs : timing.visibleMs;
    }

    async #look(): Promise<Found> {
        const { clients, quiesce, executionId, signal } = this.#settings;
        if (!makesImage(quiesce)) {
            return { image: undefined, snapshots: await findSet(clients, executionId, signal) };
        }
        const image = await findImageByName(clients, imageName(quiesce, executionId), signal);
        const ids = image === undefined ? [] : snapshotIdsOf(image);
        return { image, snapshots: await describeSnapshots(clients, ids, signal) };
    }

    /** The document tags what it makes; if it tags the image alone, or only the snapshots, the rest gets the same tags. */
    async #tag({ image, snapshots }: Found): Promise<void> {
        const { clients, signal } = this.#settings;
        const made = [
            ...snapshots.map((snapshot) => ({ id: snapshot.SnapshotId ?? "", Tags: snapshot.Tags })),
            ...(image === undefined ? [] : [{ id: image.ImageId ?? "", Tags: image.Tags }]),
        ];
        const bare = made.filter((one) => tagOf(one, tagKeys.execution) === undefined);
        await setTags(
            clients,
            bare.map(({ id }) => id),
            this.#tags,
            signal,
        );
    }

    get #tags(): Record<string, string> {
        const { tags } = this.#settings.set();
        return Object.fromEntries(tags.map(({ Key, Value }) => [Key ?? "", Value ?? ""]));
    }

    #incomplete({ image, snapshots }: Found): QuiesceError {
        const { quiesce, source } = this.#settings;
        const noImage = makesImage(quiesce) && image === undefined;
        const what = noImage
            ? "no image"
            : `snapshots of ${snapshots.length} of ${source.volumes.length} volumes`;
        const failure: Failure = {
            code: "VSS_FAILED",
            message: `The document succeeded, but ${what} could be found.`,
            remedy: "See the command's output in Systems Manager's history, and check the permissions of the instance's role.",
        };
        return this.#quiesceError(failure, { froze: true });
    }

    #capture(taken: Taken): Capture {
        const { quiesce } = this.#settings;
        const { document, commandId, image, snapshots, requestedAt, apiMs } = taken;
        const consistency = appConsistencyOf(snapshots, image);
        const evidence: VssEvidence = {
            document,
            commandId,
            componentsVersion:
                versionOf([...snapshots, ...(image === undefined ? [] : [image])]) ??
                this.#components.version,
            installedByUs: this.#components.ours,
            appConsistent: consistency.bySnapshot,
            ...(consistency.byImage ? { byImage: true } : {}),
        };
        const returnedAt = new Date().toISOString();
        const held = isAppConsistent(consistency);
        const set: CreatedSet = { snapshots: snapshots.map(created), requestedAt, returnedAt, apiMs };
        return {
            set,
            awake: true,
            deployed: this.#components.areRemoved,
            ...(image?.ImageId === undefined ? {} : { imageId: image.ImageId }),
            evidence: {
                method: "vss",
                vouchedBy: "vss",
                vouchedLevel: quiesce.noWriters ? "filesystem" : "application",
                identity: "ssm",
                requestedAt,
                returnedAt,
                apiMs,
                held,
                vss: evidence,
                ...(held ? {} : notConsistent(consistency.bySnapshot)),
            },
        };
    }
}

type Sent = Awaited<ReturnType<typeof endSent>>;

/** What is seen of the document's work. */
interface Found {
    readonly image: Image | undefined;
    readonly snapshots: readonly Snapshot[];
}

interface Taken extends Found {
    readonly document: string;
    readonly commandId: string;
    readonly requestedAt: string;
    readonly apiMs: number;
}

/** AWS did not do it, for a reason that concerns quiescing alone: neither a missing permission nor the caller's credentials. */
function isAwsError(error: unknown): boolean {
    return error instanceof SnapshotError && error.code === "AWS_ERROR";
}

/** As AWS has noted it on what the document made. */
function versionOf(made: readonly (Snapshot | Image)[]): string | undefined {
    const configs = made.map((one) => tagOf(one, VSS_CONFIG) ?? "");
    return configs.flatMap((config) => /\d+(\.\d+){1,3}/.exec(config)?.[0] ?? [])[0];
}

function created(snapshot: Snapshot): CreatedSet["snapshots"][number] {
    return {
        snapshotId: snapshot.SnapshotId ?? "",
        volumeId: snapshot.VolumeId ?? "",
        startTime: snapshot.StartTime?.toISOString() ?? new Date().toISOString(),
    };
}

function notConsistent(appConsistent: Readonly<Record<string, boolean>>) {
    const without = Object.keys(appConsistent).filter((id) => !appConsistent[id]);
    return {
        reason: "VSS_NOT_CONSISTENT" as const,
        message: `The document succeeded, but ${without.join(", ")} does not carry ${APP_CONSISTENT} = True.`,
    };
}
