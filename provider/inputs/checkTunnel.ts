import { isRecord } from "../base/record";
import { isUnknown } from "../base/unknown";
import { unknownToken } from "../transport/tunnelTokens";
import type { CheckFailure } from "./checkFailure";
import { hostProblem } from "./hostAddress";

type Inputs = Readonly<Record<string, unknown>>;

/** What is wrong with how a server is reached. `at`: the path of its object. */
export function checkWay(at: string, target: Inputs): CheckFailure[] {
    const tunnel = isRecord(target.tunnel) ? target.tunnel : undefined;
    return [
        ...checkAddress(at, target, tunnel !== undefined || isUnknown(target.tunnel)),
        ...(tunnel === undefined ? [] : [...checkCommand(`${at}.tunnel`, tunnel), ...checkProxy(at, target)]),
    ];
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
