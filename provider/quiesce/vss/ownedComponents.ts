import type { Clients } from "../../aws/clients";
import type { Log } from "../../base/log";
import type { Source } from "../../aws/instance";
import type { VssQuiesce } from "../../inputs/inputs";
import type { Timeouts } from "../../inputs/timeouts";
import { compareVersions } from "../../base/compareVersions";
import { isHurried } from "../../base/interruption";
import { timing } from "../../base/timing";
import {
    CLEAN_REMOVAL_VERSION,
    type Components,
    type ComponentsHost,
    type OtherUsers,
    installComponents,
    installedComponents,
    otherUsers,
    pauseWhileLocked,
    removeComponents,
    requestRemoval,
    waitUntilUnused,
} from "./vssComponents";

export interface OwnedComponentsSettings {
    readonly executionId: string;
    readonly source: Source;
    readonly quiesce: VssQuiesce;
    readonly timeouts: Timeouts;
    readonly clients: Clients;
    readonly log: Log;
    readonly signal: AbortSignal;
}

const HURRIED_MS = 1_500;
const SLACK_MS = 500;

/** The VSS components on an instance during a run, and whose they are: who installed them removes them. */
export class OwnedComponents {
    readonly #settings: OwnedComponentsSettings;
    #components: Components = { present: false, version: "" };
    #ours = false;

    constructor(settings: OwnedComponentsSettings) {
        this.#settings = settings;
    }

    /** They are on the instance because of this run, or of an earlier one that could not remove them. */
    get ours(): boolean {
        return this.#ours;
    }

    /** Empty when it cannot be told. */
    get version(): string {
        return this.#components.version;
    }

    get areRemoved(): boolean {
        return this.#ours && this.#settings.quiesce.keepComponents !== true;
    }

    /** What somebody else installs meanwhile is looked at again: it is not ours. */
    async makePresent(): Promise<void> {
        this.#settings.log("looking for the VSS components on the instance", "status");
        const host = this.#host(this.#settings.timeouts.command * 1000);
        for (;;) {
            this.#components = await installedComponents(host);
            const others = await otherUsers(host);
            if (this.#fits(others)) {
                this.#ours = others.leftBehind;
                return;
            }
            if (await this.#install(host, others)) {
                return;
            }
            await pauseWhileLocked(host, "Install");
        }
    }

    #fits({ beingRemoved }: OtherUsers): boolean {
        const { present, version } = this.#components;
        const { vssVersion } = this.#settings.quiesce;
        return present && !beingRemoved && (vssVersion === undefined || vssVersion === version);
    }

    async #install(host: ComponentsHost, others: OtherUsers): Promise<boolean> {
        const { quiesce, log } = this.#settings;
        const version = quiesce.vssVersion;
        const before = this.#ours;
        this.#ours = !this.#components.present || others.leftBehind || others.beingRemoved;
        log(`installing the VSS components${version === undefined ? "" : ` ${version}`}`);
        if (this.#ours && version !== undefined && compareVersions(version, CLEAN_REMOVAL_VERSION) < 0) {
            log(
                `warning: AwsVssComponents ${version} leave their VSS provider registered when they are removed; ` +
                    `${CLEAN_REMOVAL_VERSION} and newer do not`,
            );
        }
        const kept = quiesce.keepComponents === true || !this.#ours;
        const installed = await installComponents(host, { version, kept });
        if (installed) {
            this.#components = { present: true, version: version ?? "" };
        } else {
            this.#ours = before;
        }
        return installed;
    }

    /** An interruption ends the waiting, not the removal. */
    async remove(): Promise<void> {
        const { signal } = this.#settings;
        if (!this.areRemoved) {
            return;
        }
        if (!signal.aborted) {
            try {
                await this.#removeUnlessInUse(timing.removalMs, timing.inUseMs, signal, removeComponents);
                return;
            } catch (error) {
                if (!isAborted(signal)) {
                    throw error;
                }
            }
        }
        if (isHurried(signal)) {
            await this.#removeUnlessInUse(HURRIED_MS, 0, undefined, requestRemoval);
        } else {
            await this.#removeUnlessInUse(timing.removalMs, timing.inUseMs, undefined, removeComponents);
        }
    }

    /** Not from under somebody else who uses them. */
    async #removeUnlessInUse(
        limitMs: number,
        waitMs: number,
        signal: AbortSignal | undefined,
        remove: (host: ComponentsHost) => Promise<void>,
    ): Promise<void> {
        // A moment later, for the deadline to tell what did not end.
        const limit = AbortSignal.timeout(limitMs + SLACK_MS);
        const host = this.#host(limitMs, signal === undefined ? limit : AbortSignal.any([limit, signal]));
        await waitUntilUnused({ ...host, deadline: performance.now() + waitMs });
        await remove(host);
    }

    #host(limitMs: number, signal = this.#settings.signal): ComponentsHost {
        const { clients, executionId, source, log } = this.#settings;
        const { instanceId } = source.facts;
        return { clients, instanceId, executionId, deadline: performance.now() + limitMs, log, signal };
    }
}

/** A function, as the compiler takes a property that was false for false after an `await`. */
function isAborted(signal: AbortSignal): boolean {
    return signal.aborted;
}
