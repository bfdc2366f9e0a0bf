import { z } from "zod";
import { idProblem } from "../aws/awsNames";
import { checkedText, instanceId, noNul } from "./texts";

/*
 * What carries a connection instead of TCP: a schema for each kind. transport/tunnel.ts says which other inputs a kind does
 * without, and checkTunnel.ts looks at them.
 */

const command = z.strictObject({
    via: z.literal("command"),
    command: z
        .array(
            z.string("must be a text").min(1, "is empty").refine(noNul, "contains a NUL byte"),
            "must be a list: a program and its arguments",
        )
        .min(1, "is empty: it takes a program and its arguments"),
});

const instanceConnectEndpoint = z.strictObject({
    via: z.literal("instance-connect-endpoint"),
    endpointId: checkedText((text) => idProblem("eice", text)).optional(),
    instanceId: instanceId.optional(),
});

const KINDS = [
    '{ via: "instance-connect-endpoint" }',
    '{ via: "command", command: [...] }, a program whose standard input and output are the connection',
];

export const tunnel = z.discriminatedUnion("via", [command, instanceConnectEndpoint], {
    error: `must be ${KINDS.join(", or ")}`,
});
