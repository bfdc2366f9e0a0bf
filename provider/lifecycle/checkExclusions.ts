import type { AwsSettings } from "../aws/awsConfig";
import type { Clients } from "../aws/clients";
import type { CheckFailure } from "../inputs/checkFailure";
import { SnapshotError } from "../base/errors";
import type { SnapshotInputs } from "../inputs/inputs";
import { containsUnknown } from "../base/unknown";

const LIMIT_MS = 10_000;

/**
 * Whether `volumes` leaves anything to snapshot. Only EC2 knows, so this asks it, at preview too, but only when
 * something is excluded; where EC2 cannot be asked, `create` finds out before it touches anything.
 */
export async function checkExclusions(
    inputs: Pick<SnapshotInputs, "instanceId" | "volumes" | "aws">,
    clientsFor: (settings?: AwsSettings) => Promise<Clients>,
): Promise<CheckFailure[]> {
    const { instanceId, volumes, aws } = inputs;
    const excludes = volumes?.excludeBootVolume === true || (volumes?.excludeDataVolumeIds?.length ?? 0) > 0;
    if (!excludes || containsUnknown([instanceId, volumes, aws])) {
        return [];
    }
    try {
        const { resolveSource } = await import("../aws/instance.js");
        const clients = await clientsFor(aws);
        await resolveSource(clients, "", instanceId, volumes, AbortSignal.timeout(LIMIT_MS));
        return [];
    } catch (error) {
        return error instanceof SnapshotError ? exclusionFailure(error) : [];
    }
}

function exclusionFailure({ code, failure }: SnapshotError): CheckFailure[] {
    if (code === "NO_VOLUMES") {
        return [{ property: "volumes", reason: failure.message }];
    }
    const property = /^(?<path>volumes\.\S+): (?<reason>.*)$/.exec(failure.message)?.groups;
    return code === "INVALID_INPUT" && property?.path !== undefined
        ? [{ property: property.path, reason: property.reason ?? "" }]
        : [];
}
