import type { CaptureEvidence, RouteName } from "../../base/evidence";
import type { HooksQuiesce } from "../../inputs/inputs";

type Connection = Pick<HooksQuiesce["connection"], "tunnel" | "hostKey" | "proxy">;

/** For the evidence: by what way, and how it was known that the right server answers. */
export function reachOf(connection: Connection): Pick<CaptureEvidence, "route" | "hostKey"> {
    return {
        route: routeOf(connection),
        hostKey: connection.hostKey === undefined ? "ignored" : "pinned",
    };
}

function routeOf({ tunnel, proxy }: Connection): RouteName {
    if (proxy === undefined) {
        return tunnel?.via ?? "tcp";
    }
    return proxy.tunnel === undefined ? "bastion" : `bastion by ${proxy.tunnel.via}`;
}
