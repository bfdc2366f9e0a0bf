import { EC2Client } from "@aws-sdk/client-ec2";
import {
    type handleUnaryCall,
    Metadata,
    Server,
    ServerCredentials,
    type ServiceError,
    status,
    type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { PluginInfo } from "@pulumi/pulumi/proto/plugin_pb";
import { ResourceProviderService } from "@pulumi/pulumi/proto/provider_grpc_pb";
import * as proto from "@pulumi/pulumi/proto/provider_pb";
import { Status } from "@pulumi/pulumi/proto/status_pb";
import { Any } from "google-protobuf/google/protobuf/any_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { Struct } from "google-protobuf/google/protobuf/struct_pb";
import { checkInputs, compare, UNKNOWN } from "./plan";
import type { Properties, ResourceKind } from "./resourceKind";

/** What a program may set on `aws.Provider`; the rest has no meaning here, and is refused. */
const SETTINGS = [
    "region",
    "accessKey",
    "secretKey",
    "token",
    "skipCredentialsValidation",
    "skipRegionValidation",
    "version",
];

/**
 * Serves kinds of resources to the engine. Not by `pulumi.provider.main`, which never tells the provider's settings,
 * such as the region, and hands secrets over wrapped.
 */
export async function serve(kinds: readonly ResourceKind[], environment: NodeJS.ProcessEnv): Promise<void> {
    const server = new Server();
    server.addService(ResourceProviderService, implementation(kinds, environment));
    const port = await new Promise<number>((resolve, reject) => {
        server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) => {
            if (error === null) {
                resolve(bound);
            } else {
                reject(error);
            }
        });
    });
    // What the engine waits for.
    console.log(String(port));
}

function implementation(
    kinds: readonly ResourceKind[],
    environment: NodeJS.ProcessEnv,
): UntypedServiceImplementation {
    let settings: Properties = {};
    const clients = new Map<string, EC2Client>();

    const regionOf = (properties: Properties): string => {
        const region = properties["region"] ?? settings["region"] ?? environment["AWS_REGION"];
        if (typeof region !== "string") {
            throw new Error("Missing region configuration");
        }
        return region;
    };
    const clientOf = (properties: Properties): EC2Client => {
        const region = regionOf(properties);
        const { accessKey, secretKey, token } = settings as Record<string, string | undefined>;
        const keys = accessKey !== undefined && secretKey !== undefined;
        const credentials = keys
            ? { accessKeyId: accessKey, secretAccessKey: secretKey, ...(token && { sessionToken: token }) }
            : undefined;
        const client = clients.get(region) ?? new EC2Client({ region, ...(credentials && { credentials }) });
        clients.set(region, client);
        return client;
    };
    const kindOf = (urn: string): ResourceKind => {
        const type = urn.split("::")[2]?.split("$").at(-1);
        const kind = kinds.find((one) => one.type === type);
        if (kind === undefined) {
            throw new Error(`the test plugin does not serve ${type ?? urn}`);
        }
        return kind;
    };
    /** What EC2 says, and of what it says nothing, what was asked for. */
    const stateOf = async (
        kind: ResourceKind,
        id: string,
        given: Properties,
    ): Promise<Properties | undefined> => {
        const found = await kind.read(clientOf(given), id);
        return found && { ...given, ...defined(found), region: regionOf(given) };
    };
    const settled = async (kind: ResourceKind, id: string, given: Properties): Promise<Properties> => {
        try {
            await kind.settle(clientOf(given), id);
        } catch (error) {
            throw new InitError(id, String(error), (await stateOf(kind, id, given)) ?? given);
        }
        return (await stateOf(kind, id, given)) ?? given;
    };

    return {
        getPluginInfo: answer(() => {
            const info = new PluginInfo();
            info.setVersion("7.48.0");
            return info;
        }),
        configure: answer((request: proto.ConfigureRequest) => {
            settings = plain(request.getArgs());
            const refused = Object.keys(settings).filter((name) => !SETTINGS.includes(name));
            if (refused.length > 0) {
                throw new Error(`the test plugin does not serve aws.Provider's ${refused.join(", ")}`);
            }
            const response = new proto.ConfigureResponse();
            response.setSupportspreview(true);
            return response;
        }),
        check: answer((request: proto.CheckRequest) => {
            const kind = kindOf(request.getUrn());
            const name = request.getUrn().split("::").at(-1) ?? "";
            const { inputs, failures } = checkInputs(
                kind,
                name,
                plain(request.getOlds()),
                plain(request.getNews()),
            );
            const response = new proto.CheckResponse();
            response.setInputs(struct(inputs));
            response.setFailuresList(
                failures.map(({ property, reason }) => {
                    const failure = new proto.CheckFailure();
                    failure.setProperty(property);
                    failure.setReason(reason);
                    return failure;
                }),
            );
            return response;
        }),
        diff: answer((request: proto.DiffRequest) => {
            const kind = kindOf(request.getUrn());
            const difference = compare(kind, plain(request.getOldInputs()), plain(request.getNews()));
            const { DIFF_SOME, DIFF_NONE } = proto.DiffResponse.DiffChanges;
            const response = new proto.DiffResponse();
            response.setChanges(difference.changed.length > 0 ? DIFF_SOME : DIFF_NONE);
            response.setDiffsList([...difference.changed]);
            response.setReplacesList([...difference.replaces]);
            response.setDeletebeforereplace(difference.deleteBeforeReplace);
            return response;
        }),
        create: answer(async (request: proto.CreateRequest) => {
            const kind = kindOf(request.getUrn());
            const inputs = plain(request.getProperties());
            const response = new proto.CreateResponse();
            if (request.getPreview()) {
                response.setProperties(
                    struct({ ...unknown(kind.computed), region: regionOf(inputs), ...inputs }),
                );
                return response;
            }
            const id = await kind.create(clientOf(inputs), inputs);
            response.setId(id);
            response.setProperties(struct(await settled(kind, id, inputs)));
            return response;
        }),
        read: answer(async (request: proto.ReadRequest) => {
            const kind = kindOf(request.getUrn());
            const state = await stateOf(kind, request.getId(), plain(request.getProperties()));
            const response = new proto.ReadResponse();
            if (state !== undefined) {
                response.setId(request.getId());
                response.setProperties(struct(state));
                response.setInputs(request.getInputs());
            }
            return response;
        }),
        update: answer(async (request: proto.UpdateRequest) => {
            const kind = kindOf(request.getUrn());
            const news = plain(request.getNews());
            const olds = plain(request.getOlds());
            const response = new proto.UpdateResponse();
            if (request.getPreview()) {
                response.setProperties(struct({ ...olds, ...news, ...unknown(kind.changedByUpdate ?? []) }));
                return response;
            }
            await kind.update(clientOf(olds), request.getId(), olds, news);
            response.setProperties(
                struct(await settled(kind, request.getId(), { ...news, region: regionOf(olds) })),
            );
            return response;
        }),
        delete: answer(async (request: proto.DeleteRequest) => {
            const kind = kindOf(request.getUrn());
            const state = plain(request.getProperties());
            if ((await stateOf(kind, request.getId(), state)) !== undefined) {
                await kind.delete(clientOf(state), request.getId(), state);
            }
            return new Empty();
        }),
        invoke: answer((request: proto.InvokeRequest) => {
            throw new Error(`the test plugin does not serve ${request.getTok()}`);
        }),
        cancel: answer(() => new Empty()),
    };
}

function answer<Request, Response>(
    act: (request: Request) => Response | Promise<Response>,
): handleUnaryCall<Request, Response> {
    return (call, callback) => {
        Promise.resolve(call.request)
            .then(act)
            .then(
                (response) => callback(null, response),
                (error: unknown) => callback(statusOf(error)),
            );
    };
}

function statusOf(error: unknown): Partial<ServiceError> {
    if (!(error instanceof Error)) {
        return { code: status.UNKNOWN, details: String(error) };
    }
    const details = `${error.name}: ${error.message}`;
    return { code: status.UNKNOWN, details, ...(error instanceof InitError && { metadata: error.metadata }) };
}

/** There is something, though it cannot be used: the engine keeps it in the state. */
class InitError extends Error {
    override readonly name = "InitError";
    readonly metadata = new Metadata();

    constructor(id: string, reason: string, properties: Properties) {
        super(reason);
        const detail = new proto.ErrorResourceInitFailed();
        detail.setId(id);
        detail.setReasonsList([reason]);
        detail.setProperties(struct(properties));
        const packed = new Any();
        packed.pack(detail.serializeBinary(), "pulumirpc.ErrorResourceInitFailed");
        const full = new Status();
        full.setCode(status.UNKNOWN);
        full.setMessage(reason);
        full.addDetails(packed);
        this.metadata.add("grpc-status-details-bin", Buffer.from(full.serializeBinary()));
    }
}

function plain(properties: Struct | undefined): Properties {
    return properties?.toJavaScript() ?? {};
}

/** Without what is undefined, which a Struct cannot hold. */
function struct(properties: Properties): Struct {
    return Struct.fromJavaScript(defined(properties));
}

function defined(properties: Properties): Record<string, never> {
    return JSON.parse(JSON.stringify(properties)) as Record<string, never>;
}

function unknown(properties: readonly string[]): Properties {
    return Object.fromEntries(properties.map((property) => [property, UNKNOWN]));
}
