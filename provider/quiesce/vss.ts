import type { Image, Snapshot } from "@aws-sdk/client-ec2";
import type { Clients } from "../aws/clients";
import type { SetRequest } from "../aws/createSnapshots";
import { tagOf } from "../aws/earlierSets";
import { findImageByName, snapshotIdsOf } from "../aws/images";
import type { Source } from "../aws/instance";
import { setTags } from "../aws/setTags";
import { describeSnapshots, findSet } from "../aws/snapshots";
import { type CommandEnd, awaitCommand, cancelCommand, commentFor, sendCommand } from "../aws/systemsManager";
import { awsErrorName } from "../aws/request";
import { deleteState } from "../deleteState";
import { type Failure, SnapshotError, messageOf } from "../errors";
import type { VssEvidence } from "../evidence";
import type { Timeouts, VssQuiesce } from "../inputs";
import { isHurried } from "../interrupt";
import { poll } from "../poll";
import type { Undo } from "../undo";
import { imageName } from "./imageName";
import { QuiesceError } from "./quiesceError";
import type { Capture, CreatedSet, Quiescer } from "./quiescer";
import {
    CLEAN_REMOVAL_VERSION,
    type Components,
    ComponentsError,
    type ComponentsHost,
    compareVersions,
    installComponents,
    installedComponents,
    otherExecutions,
    removeComponents,
    requestRemoval,
} from "./vssComponents";
import { vssFailure } from "./vssMessages";
import { vssParameters } from "./vssParameters";
import { vssPreconditions } from "./vssPreconditions";

export interface VssSettings {
    readonly executionId: string;
    readonly source: Source;
    readonly quiesce: VssQuiesce;
    readonly set: SetRequest;
    readonly timeouts: Timeouts;
    readonly clients: Clients;
    readonly log: (line: string) => void;
    readonly signal: AbortSignal;
}

/**
 * The first takes the set with the components that are there; where a region lacks it, the second does the same after
 * making sure that there are some (EC2 User Guide, "Create VSS snapshots with Systems Manager").
 */
const DOCUMENTS = ["AWSEC2-CreateVssSnapshot", "AWSEC2-VssInstallAndSnapshot"] as const;
/** The step of both whose output tells of the snapshots. */
const PLUGIN = "CreateVssSnapshot";
/** AWS's tag on a snapshot that VSS vouches for. */
const APP_CONSISTENT = "AppConsistent";

const FIND_LIMIT_MS = 60_000;
const FIND_INTERVAL_MS = 1_000;
const REMOVAL_LIMIT_MS = 300_000;
const HURRIED_MS = 1_500;

/** Quiesces a Windows instance by VSS, through Systems Manager; AWS's document takes the set itself. */
export function vss(settings: VssSettings): Quiescer {
    return new Vss(settings);
}

class Vss implements Quiescer {
    readonly takesSetItself = true;
    readonly #settings: VssSettings;
    #components: Components = { present: false, version: "" };
    #installedByUs = false;

    constructor(settings: VssSettings) {
        this.#settings = settings;
    }

    async preconditions(): Promise<Failure[]> {
        const { clients, source, signal } = this.#settings;
        return await vssPreconditions(clients, source, signal);
    }

    async deploy(undo: Undo): Promise<void> {
        const { quiesce, log } = this.#settings;
        const host = this.#host(this.#settings.timeouts.command * 1000);
        try {
            this.#components = await installedComponents(host);
            const others = await otherExecutions(host);
            const wanted = quiesce.vssVersion;
            const fits =
                this.#components.present && (wanted === undefined || wanted === this.#components.version);
            this.#installedByUs = !this.#components.present || others.leftBehind;
            if (this.#installedByUs && quiesce.keepComponents !== true) {
                undo.cleanUp("remove the VSS components", () => this.#remove());
            }
            if (!fits) {
                log(`installing the VSS components${wanted === undefined ? "" : ` ${wanted}`}`);
                await installComponents(host, wanted);
                this.#components = await installedComponents(host);
            }
        } catch (error) {
            throw this.#deployError(error);
        }
    }

    async capture(_reserve: unknown, undo: Undo): Promise<Capture> {
        const { signal, timeouts, log } = this.#settings;
        undo.undo("delete the snapshots", () => this.#undoSet());
        const requestedAt = new Date().toISOString();
        const started = performance.now();
        const { document, commandId } = await this.#start();
        log(`${document} runs as command ${commandId}`);
        const end = await this.#await(commandId);
        const apiMs = performance.now() - started;
        if (end.status !== "Success") {
            const failure = vssFailure(document, end, timeouts.command);
            throw new QuiesceError(failure, { awake: true, froze: true, mayFallBack: true });
        }
        const image = await this.#findImage();
        const snapshots = await this.#findSnapshots(image);
        signal.throwIfAborted();
        return this.#capture({ document, commandId, image, snapshots, requestedAt, apiMs });
    }

    /** VSS lets go by itself after 10 s at the most, whatever happens (EC2 User Guide, "Troubleshoot VSS"). */
    recover(): Promise<void> {
        return Promise.resolve();
    }

    close(): Promise<void> {
        return Promise.resolve();
    }

    #host(limitMs: number, signal = this.#settings.signal): ComponentsHost {
        const { clients, executionId, source } = this.#settings;
        const { instanceId } = source.facts;
        return { clients, instanceId, executionId, deadline: performance.now() + limitMs, signal };
    }

    #deployError(error: unknown): unknown {
        if (!(error instanceof ComponentsError)) {
            return error;
        }
        const failure: Failure = {
            code: "PRECONDITION_FAILED",
            message: `[VSS_COMPONENTS] ${error.message}.`,
            remedy: "See the command in Systems Manager's history; the instance needs a way to AWS's package service.",
        };
        return new QuiesceError(failure, { awake: true, froze: false, mayFallBack: true });
    }

    /** Not from under another execution: that one, or the next, finds our commands and removes them. */
    async #remove(): Promise<void> {
        const { signal, log } = this.#settings;
        if (isHurried(signal)) {
            await requestRemoval(this.#host(HURRIED_MS, AbortSignal.timeout(HURRIED_MS)));
            return;
        }
        const host = this.#host(REMOVAL_LIMIT_MS, AbortSignal.timeout(REMOVAL_LIMIT_MS));
        if ((await otherExecutions(host)).inProgress) {
            log("another execution uses the VSS components; it removes them");
            return;
        }
        if (
            this.#components.version !== "" &&
            compareVersions(this.#components.version, CLEAN_REMOVAL_VERSION) < 0
        ) {
            log(
                `warning: ${this.#components.version} leaves its VSS provider registered; ${CLEAN_REMOVAL_VERSION} does not`,
            );
        }
        await removeComponents(host);
    }

    async #start(): Promise<{ document: string; commandId: string }> {
        const { clients, executionId, source, quiesce, set, timeouts, signal, log } = this.#settings;
        const { instanceId } = source.facts;
        for (const [index, document] of DOCUMENTS.entries()) {
            const parameters = vssParameters({
                document,
                executionId,
                quiesce,
                set,
                limitS: timeouts.command,
            });
            try {
                const command = { instanceId, document, parameters, comment: commentFor(executionId) };
                return { document, commandId: await sendCommand(clients, command, signal) };
            } catch (error) {
                if (awsErrorName(error) !== "InvalidDocument" || index === DOCUMENTS.length - 1) {
                    throw this.#startError(document, error);
                }
                log(`${document} is not in this region; trying ${DOCUMENTS[index + 1] ?? ""}`);
            }
        }
        throw new TypeError("no document");
    }

    #startError(document: string, error: unknown): unknown {
        if (!(error instanceof SnapshotError) || error.code !== "AWS_ERROR") {
            return error;
        }
        const failure: Failure = {
            code: "VSS_FAILED",
            message: `${document} could not be started: ${messageOf(error)}`,
            remedy: "See AWS's message.",
        };
        return new QuiesceError(failure, { awake: true, froze: false, mayFallBack: true }, { cause: error });
    }

    /** A command that is not waited for any more is cancelled. */
    async #await(commandId: string): Promise<CommandEnd> {
        const { clients, source, timeouts, signal } = this.#settings;
        const deadline = performance.now() + timeouts.command * 1000;
        let end: CommandEnd | undefined;
        try {
            end = await awaitCommand(
                clients,
                source.facts.instanceId,
                commandId,
                { deadline, signal },
                PLUGIN,
            );
            return end;
        } finally {
            if (end === undefined || end.status === "OwnTimeout") {
                await cancelCommand(clients, commandId, AbortSignal.timeout(HURRIED_MS)).catch(
                    () => undefined,
                );
            }
        }
    }

    /** Whatever the document made, whether or not it came to tell of it. */
    async #undoSet(): Promise<void> {
        const { clients, quiesce, executionId } = this.#settings;
        const signal = AbortSignal.timeout(REMOVAL_LIMIT_MS);
        const image =
            quiesce.createImage === undefined
                ? undefined
                : await findImageByName(clients, imageName(quiesce, executionId), signal);
        const made = {
            imageId: image?.ImageId,
            snapshotIds: image === undefined ? [] : snapshotIdsOf(image),
        };
        await deleteState(clients, executionId, made, signal);
    }

    async #findImage(): Promise<Image | undefined> {
        const { clients, quiesce, executionId, source, signal } = this.#settings;
        if (quiesce.createImage === undefined) {
            return undefined;
        }
        const name = imageName(quiesce, executionId);
        const image = await poll(
            async () => {
                const found = await findImageByName(clients, name, signal);
                return found !== undefined && snapshotIdsOf(found).length >= source.volumes.length
                    ? found
                    : undefined;
            },
            { deadline: performance.now() + FIND_LIMIT_MS, interval: FIND_INTERVAL_MS, signal },
        );
        if (image === undefined) {
            throw this.#incomplete(`no image ${name} with ${source.volumes.length} snapshots was found`);
        }
        return image;
    }

    /** In the number that the instance's volumes demand: a command that succeeds may hide a volume that failed. */
    async #findSnapshots(image: Image | undefined): Promise<Snapshot[]> {
        const { clients, executionId, source, signal } = this.#settings;
        const look = async () =>
            image === undefined
                ? await findSet(clients, executionId, signal)
                : await describeSnapshots(clients, snapshotIdsOf(image), signal);
        const found = await poll(
            async () => {
                const visible = await look();
                return visible.length >= source.volumes.length ? visible : undefined;
            },
            { deadline: performance.now() + FIND_LIMIT_MS, interval: FIND_INTERVAL_MS, signal },
        );
        if (found === undefined) {
            throw this.#incomplete(
                `${(await look()).length} snapshots of ${source.volumes.length} volumes were found`,
            );
        }
        await this.#tagThoseOf(image, found);
        return found;
    }

    /** The document tags the image; the snapshots behind it are found by the execution's tag like all others. */
    async #tagThoseOf(image: Image | undefined, snapshots: readonly Snapshot[]): Promise<void> {
        const { clients, set, signal } = this.#settings;
        if (image === undefined) {
            return;
        }
        const tags = Object.fromEntries(set.tags.map((tag) => [tag.Key ?? "", tag.Value ?? ""]));
        await setTags(
            clients,
            snapshots.flatMap((snapshot) => snapshot.SnapshotId ?? []),
            tags,
            signal,
        );
    }

    #incomplete(what: string): QuiesceError {
        const failure: Failure = {
            code: "VSS_FAILED",
            message: `The document succeeded, but ${what}.`,
            remedy: "See the command's output in Systems Manager's history, and the instance's role (EC2's permissions).",
        };
        return new QuiesceError(failure, { awake: true, froze: true, mayFallBack: true });
    }

    #capture(taken: Taken): Capture {
        const { quiesce } = this.#settings;
        const { document, commandId, image, snapshots, requestedAt, apiMs } = taken;
        const appConsistent = Object.fromEntries(
            snapshots.map((snapshot) => [snapshot.SnapshotId ?? "", isAppConsistent(snapshot, image)]),
        );
        const evidence: VssEvidence = {
            document,
            commandId,
            componentsVersion: this.#components.version,
            installedByUs: this.#installedByUs,
            appConsistent,
        };
        const returnedAt = new Date().toISOString();
        const held = Object.values(appConsistent).every(Boolean);
        const set: CreatedSet = { snapshots: snapshots.map(created), requestedAt, returnedAt, apiMs };
        return {
            set,
            awake: true,
            deployed: this.#installedByUs,
            ...(image?.ImageId === undefined ? {} : { imageId: image.ImageId }),
            evidence: {
                method: "vss",
                vouchedBy: "vss",
                vouchedLevel: quiesce.noWriters ? "filesystem" : "application",
                identity: "ssm",
                requestedAt,
                returnedAt,
                apiMs: Math.round(apiMs * 10) / 10,
                held,
                vss: evidence,
                ...(held ? {} : notConsistent(appConsistent)),
            },
        };
    }
}

interface Taken {
    readonly document: string;
    readonly commandId: string;
    readonly image: Image | undefined;
    readonly snapshots: readonly Snapshot[];
    readonly requestedAt: string;
    readonly apiMs: number;
}

/** AWS tags the snapshots; behind an image it may tag the image alone. */
function isAppConsistent(snapshot: Snapshot, image: Image | undefined): boolean {
    const own = tagOf(snapshot, APP_CONSISTENT);
    const value =
        own ??
        (image === undefined ? undefined : image.Tags?.find((tag) => tag.Key === APP_CONSISTENT)?.Value);
    return value?.toLowerCase() === "true";
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
