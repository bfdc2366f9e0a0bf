import { isRecord } from "../base/record";
import { isUnknown } from "../base/unknown";
import { TUNNELS, type Tunnel } from "../transport/tunnel";
import { unknownToken } from "../transport/tunnelTokens";
import type { CheckFailure } from "./checkFailure";
import { hostProblem } from "./hostAddress";

type Inputs = Readonly<Record<string, unknown>>;

/** What is wrong with how a server is reached. `at`: the path of its object. */
export function checkWay(at: string, target: Inputs): CheckFailure[] {
    const tunnel = isRecord(target.tunnel) ? target.tunnel : undefined;
    return [
        ...(byId(target.tunnel) === true
            ? checkFound(at, target)
            : checkAddress(at, target, target.tunnel !== undefined)),
        ...(target.host === undefined && byId(target.tunnel) === false
            ? [{ property: `${at}.host`, reason: NO_HOST }]
            : []),
        ...(tunnel === undefined ? [] : [...checkCommand(`${at}.tunnel`, tunnel), ...checkProxy(at, target)]),
    ];
}

/** Whether the way leads to an instance by its id; undefined when the tunnel is not known, or is none that there is. */
export function byId(tunnel: unknown): boolean | undefined {
    return tunnel === undefined ? false : traitsOf(tunnel)?.findsInstance;
}

function traitsOf(tunnel: unknown): (typeof TUNNELS)[Tunnel["via"]] | undefined {
    const via = isRecord(tunnel) ? tunnel.via : undefined;
    return typeof via === "string" && Object.hasOwn(TUNNELS, via) ? TUNNELS[via as Tunnel["via"]] : undefined;
}

/** What is given, or missing, beside a tunnel that leads to the instance by its id. */
function checkFound(at: string, { host, port, tunnel }: Inputs): CheckFailure[] {
    const onlyPort = traitsOf(tunnel)?.onlyPort;
    const isProxy = at.endsWith(".proxy");
    const given = isRecord(tunnel) ? tunnel.instanceId : undefined;
    const failures: (CheckFailure | false)[] = [
        host !== undefined && {
            property: `${at}.host`,
            reason: "has no effect beside this tunnel, which leads to the instance by its id; leave it out",
        },
        onlyPort !== undefined &&
            typeof port === "number" &&
            port !== onlyPort && {
                property: `${at}.port`,
                reason: `must be ${onlyPort}, because this tunnel leads to no other port of an instance that ssh could use`,
            },
        isProxy &&
            given === undefined && {
                property: `${at}.tunnel.instanceId`,
                reason: "is required: the id of the bastion's instance",
            },
        !isProxy &&
            given !== undefined && {
                property: `${at}.tunnel.instanceId`,
                reason: "has no effect here, where the tunnel leads to `instanceId` of the resource; it is for a proxy",
            },
    ];
    return failures.filter((one) => one !== false);
}

/** To a program an instance's id may be an address. */
function checkAddress(at: string, { host, user }: Inputs, byProgram: boolean): CheckFailure[] {
    const known = (value: unknown): value is string => typeof value === "string" && !isUnknown(value);
    const problem = known(host) && !(byProgram && INSTANCE_ID.test(host)) ? hostProblem(host) : undefined;
    return [
        ...(problem === undefined ? [] : [{ property: `${at}.host`, reason: problem }]),
        ...(byProgram && known(user) && user.startsWith("-")
            ? [
                  {
                      property: `${at}.user`,
                      reason: 'begins with "-", which the tunnel\'s program takes for an option',
                  },
              ]
            : []),
    ];
}

const NO_HOST =
    'is required: the address that ssh connects to (only tunnel: { via: "instance-connect-endpoint" } does without)';
const INSTANCE_ID = /^i-[0-9a-f]{8,17}$/;

function checkCommand(at: string, { command }: Inputs): CheckFailure[] {
    if (!Array.isArray(command)) {
        return [];
    }
    return command.flatMap((word: unknown, index) => {
        const token = typeof word === "string" && !isUnknown(word) ? unknownToken(word) : undefined;
        return token === undefined
            ? []
            : [
                  {
                      property: `${at}.command[${index}]`,
                      reason: `has ${JSON.stringify(token)}: only %h (host), %p (port), %r (user) and %% are replaced`,
                  },
              ];
    });
}

function checkProxy(at: string, { proxy }: Inputs): CheckFailure[] {
    return proxy === undefined
        ? []
        : [
              {
                  property: `${at}.proxy`,
                  reason: "has no effect beside `tunnel`; a bastion that is behind a tunnel has it as `proxy.tunnel`",
              },
          ];
}
