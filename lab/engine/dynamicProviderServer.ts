import { execFileSync, spawn } from "node:child_process";
import { createServer, type Server } from "node:net";
import { credentials, type ServiceError } from "@grpc/grpc-js";
import { ResourceProviderClient } from "@pulumi/pulumi/proto/provider_grpc_pb";
import * as proto from "@pulumi/pulumi/proto/provider_pb";
import { Status } from "@pulumi/pulumi/proto/status_pb";
import { Struct } from "google-protobuf/google/protobuf/struct_pb";
import { nodeEnvironment } from "./engine";
import { LINE_LIMIT_MS, type Lines, linesOf } from "../lines";

type Properties = Record<string, unknown>;

/** An error of `create` or `update` that left something behind, as the engine stores it. */
export class InitError extends Error {
    constructor(
        readonly id: string,
        readonly reasons: string[],
        readonly properties: Properties,
    ) {
        super(reasons.join("; "));
    }
}

/** The process that serves dynamic providers, without the rest of the engine. */
export interface DynamicProviderServer extends Lines {
    readonly pid: number;
    readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
    check(
        olds: Properties,
        news: Properties,
    ): Promise<{ inputs: Properties; failures: proto.CheckFailure.AsObject[] }>;
    diff(
        id: string,
        olds: Properties,
        news: Properties,
    ): Promise<{ changes: boolean | undefined; replaces: string[] }>;
    /** Fails with an InitError where something was left behind. */
    create(inputs: Properties): Promise<{ id: string; outputs: Properties }>;
    read(id: string, outputs: Properties): Promise<{ id: string; outputs: Properties }>;
    update(id: string, olds: Properties, news: Properties): Promise<{ outputs: Properties }>;
    delete(id: string, outputs: Properties): Promise<void>;
    /** What the second Ctrl-C sends, and every normal end of a run. */
    kill(signal: NodeJS.Signals): void;
    /** As if the engine had been killed: its address, which the process was given, no longer accepts. */
    stopEngine(): Promise<void>;
    /** Ends the process. */
    close(): Promise<void>;
}

export interface ServerOptions {
    /** The project's folder: what `require` in a provider resolves from. */
    cwd: string;
    /** The provider's text, see `serializeProvider`; it is added to all properties that are sent. */
    provider: string;
    /** Stack configuration with full keys, such as `aws:region`. */
    config?: Record<string, string>;
    /** The whole environment of the process. @default PATH alone */
    env?: Record<string, string>;
}

export async function startDynamicProviderServer(options: ServerOptions): Promise<DynamicProviderServer> {
    const engine = await listen();
    const child = spawn(
        process.execPath,
        [require.resolve("@pulumi/pulumi/cmd/dynamic-provider"), addressOf(engine)],
        {
            cwd: options.cwd,
            env: {
                PATH: process.env["PATH"] ?? "",
                PULUMI_NODEJS_PROJECT: "test",
                ...nodeEnvironment(),
                ...options.env,
            },
            stdio: ["ignore", "pipe", "pipe"],
        },
    );
    const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
        child.on("exit", (code, signal) => resolve({ code, signal }));
    });
    const lines = linesOf([child.stdout, child.stderr], ended);
    const stopEngine = (): Promise<void> => new Promise((resolve) => engine.close(() => resolve()));
    const close = async (): Promise<void> => {
        child.kill("SIGKILL");
        await ended;
        await stopEngine();
    };
    try {
        // The first thing that the process says is where it listens.
        const port = (await lines.waitForLine(/^\d+$/))[0];
        const client = new ResourceProviderClient(`127.0.0.1:${port}`, credentials.createInsecure());
        const calls = callsOf(client, options.provider);
        await calls.configure(options.config ?? {});
        return {
            ...calls,
            ...lines,
            pid: child.pid ?? 0,
            ended,
            kill: (signal) => child.kill(signal),
            stopEngine,
            close: () => {
                client.close();
                return close();
            },
        };
    } catch (error) {
        await close();
        throw error;
    }
}

/**
 * The text of a provider as a program in `cwd` would store it: `expression` is JavaScript that gives the provider.
 * In a process of its own, because what tsx makes of a source is not what the package ships.
 */
export function serializeProvider({ cwd, expression }: { cwd: string; expression: string }): string {
    const script = `
        const provider = ${expression};
        require("@pulumi/pulumi").runtime.serializeFunction(() => provider, { allowSecrets: true })
            .then(({ text }) => process.stdout.write(text));`;
    return execFileSync(process.execPath, ["-e", script], { cwd, encoding: "utf8", timeout: LINE_LIMIT_MS });
}

function listen(): Promise<Server> {
    return new Promise((resolve, reject) => {
        const server = createServer((socket) => socket.destroy());
        server.once("error", reject).listen(0, "127.0.0.1", () => resolve(server));
    });
}

function addressOf(server: Server): string {
    const address = server.address();
    if (address === null || typeof address === "string") {
        throw new Error("the server does not listen on a port");
    }
    return `127.0.0.1:${address.port}`;
}

type Calls = Pick<DynamicProviderServer, "check" | "diff" | "create" | "read" | "update" | "delete"> & {
    configure(config: Record<string, string>): Promise<void>;
};

function callsOf(client: ResourceProviderClient, provider: string): Calls {
    const struct = (properties: Properties): Struct =>
        Struct.fromJavaScript({ ...properties, __provider: provider });
    return {
        async configure(config) {
            const request = new proto.ConfigureRequest();
            request.setArgs(Struct.fromJavaScript(config));
            await call<proto.ConfigureResponse>((done) => client.configure(request, done));
        },
        async check(olds, news) {
            const request = new proto.CheckRequest();
            request.setOlds(struct(olds));
            request.setNews(struct(news));
            const response = await call<proto.CheckResponse>((done) => client.check(request, done));
            return { inputs: plain(response.getInputs()), failures: response.toObject().failuresList };
        },
        async diff(id, olds, news) {
            const request = new proto.DiffRequest();
            request.setId(id);
            request.setOlds(struct(olds));
            request.setNews(struct(news));
            const response = await call<proto.DiffResponse>((done) => client.diff(request, done));
            return { changes: CHANGES[response.getChanges()], replaces: response.getReplacesList() };
        },
        async create(inputs) {
            const request = new proto.CreateRequest();
            request.setProperties(struct(inputs));
            const response = await call<proto.CreateResponse>((done) => client.create(request, done));
            return { id: response.getId(), outputs: plain(response.getProperties()) };
        },
        async read(id, outputs) {
            const request = new proto.ReadRequest();
            request.setId(id);
            request.setProperties(struct(outputs));
            const response = await call<proto.ReadResponse>((done) => client.read(request, done));
            return { id: response.getId(), outputs: plain(response.getProperties()) };
        },
        async update(id, olds, news) {
            const request = new proto.UpdateRequest();
            request.setId(id);
            request.setOlds(struct(olds));
            request.setNews(struct(news));
            const response = await call<proto.UpdateResponse>((done) => client.update(request, done));
            return { outputs: plain(response.getProperties()) };
        },
        async delete(id, outputs) {
            const request = new proto.DeleteRequest();
            request.setId(id);
            request.setProperties(struct(outputs));
            await call((done) => client.delete(request, done));
        },
    };
}

/** By number of `DiffResponse.DiffChanges`: unknown, none, some. */
const CHANGES = [undefined, false, true];

function plain(struct: Struct | undefined): Properties {
    return struct?.toJavaScript() ?? {};
}

function call<Response>(
    start: (done: (error: ServiceError | null, response: Response) => void) => void,
): Promise<Response> {
    return new Promise((resolve, reject) => {
        start((error, response) => {
            if (error === null) {
                resolve(response);
            } else {
                reject(initErrorIn(error) ?? error);
            }
        });
    });
}

/** Where the dynamic provider packs what was left behind: in the details of the status. */
function initErrorIn(error: ServiceError): InitError | undefined {
    const [packed] = error.metadata.get("grpc-status-details-bin");
    if (!(packed instanceof Buffer)) {
        return undefined;
    }
    const detail = Status.deserializeBinary(packed)
        .getDetailsList()[0]
        ?.unpack(
            (bytes) => proto.ErrorResourceInitFailed.deserializeBinary(bytes),
            "pulumirpc.ErrorResourceInitFailed",
        );
    if (!detail) {
        return undefined;
    }
    return new InitError(detail.getId(), detail.getReasonsList(), plain(detail.getProperties()));
}
