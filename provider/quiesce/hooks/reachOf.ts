import type { CaptureEvidence, HostKeyProof, RouteName } from "../../base/evidence";
import type { HooksQuiesce } from "../../inputs/inputs";
import { findsInstance } from "../../transport/tunnel";

type Connection = Pick<HooksQuiesce["connection"], "tunnel" | "hostKey" | "proxy">;

/** For the evidence: by what way, and how it was known that the right server answers. */
export function reachOf(connection: Connection): Pick<CaptureEvidence, "route" | "hostKey"> {
    return {
        route: routeOf(connection),
        hostKey: hostKeyProofOf(connection),
    };
}

/** AWS leads by the instance's id, over connections that it has authenticated itself. */
function hostKeyProofOf({ hostKey, tunnel }: Connection): HostKeyProof {
    if (hostKey !== undefined) {
        return "pinned";
    }
    return findsInstance(tunnel) ? "aws" : "ignored";
}

function routeOf({ tunnel, proxy }: Connection): RouteName {
    if (proxy === undefined) {
        return tunnel?.via ?? "tcp";
    }
    return proxy.tunnel === undefined ? "bastion" : `bastion by ${proxy.tunnel.via}`;
}
