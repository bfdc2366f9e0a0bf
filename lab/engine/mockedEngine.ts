import * as pulumi from "@pulumi/pulumi";

/** A resource as the program asked the engine for it. */
export interface Registration {
    readonly type: string;
    readonly name: string;
    readonly inputs: Record<string, unknown>;
    readonly parent: string;
    readonly protect: boolean;
    /** Reference of the provider that was chosen; empty: the default one. */
    readonly provider: string;
    /** URNs and names that it had before. */
    readonly aliases: readonly string[];
    /** How many it has of its own. */
    readonly transforms: number;
    readonly ignoreChanges: readonly string[];
    readonly deleteBeforeReplace: boolean;
    readonly createTimeout: string;
}

export interface MockedRun<T> {
    readonly value: T;
    readonly resources: readonly Registration[];
    /** What the program failed with after its last line. */
    readonly errors: readonly Error[];
}

export interface MockedOptions {
    /** Outputs of a resource; in a preview what is absent is not known. Default: its inputs. */
    readonly stateOf?: (resource: { type: string; name: string; inputs: Record<string, unknown> }) => Outputs;
    readonly preview?: boolean;
}

interface Outputs {
    readonly id?: string;
    readonly [name: string]: unknown;
}

/** What is used of a request of the engine's protocol (pulumi/pulumi, proto/pulumi/resource.proto). */
interface Request {
    getType(): string;
    getName(): string;
    getParent(): string;
    getProtect(): boolean;
    getProvider(): string;
    getAliasesList(): { getUrn(): string; getSpec(): { getName(): string } | undefined }[];
    getTransformsList(): unknown[];
    getIgnorechangesList(): string[];
    getDeletebeforereplace(): boolean;
    getCustomtimeouts(): { getCreate(): string } | undefined;
}
interface Monitor {
    registerResource(request: Request, callback: unknown): Promise<void>;
}

/** Runs a program against Pulumi's mocks, and waits for all that it starts. */
export async function runMocked<T>(
    program: () => T | Promise<T>,
    { stateOf = ({ inputs }) => inputs, preview = false }: MockedOptions = {},
): Promise<MockedRun<T>> {
    const resources: Registration[] = [];
    let options: Omit<Registration, "type" | "name" | "inputs"> | undefined;
    await pulumi.runtime.setMocks(
        {
            newResource: ({ type, name, inputs }) => {
                const plain = inputs as Record<string, unknown>;
                if (options !== undefined) {
                    resources.push({ type, name, inputs: plain, ...options });
                }
                const { id = preview ? undefined : `${name}-id`, ...state } = stateOf({
                    type,
                    name,
                    inputs: plain,
                });
                return { id, state };
            },
            call: ({ inputs }) => inputs as Record<string, unknown>,
        },
        "project",
        "stack",
        preview,
        "organization",
    );
    const monitor = pulumi.runtime.getMonitor() as unknown as Monitor;
    const registerResource = monitor.registerResource.bind(monitor);
    monitor.registerResource = async (request, callback) => {
        options = optionsOf(request);
        // The mocks are called before this is given back to the event loop.
        const done = registerResource(request, callback);
        options = undefined;
        await done;
    };
    const { value, errors } = await catchingRejections(async () => {
        const result = await program();
        await pulumi.runtime.disconnect();
        return result;
    });
    return { value, resources, errors };
}

function optionsOf(request: Request): Omit<Registration, "type" | "name" | "inputs"> {
    return {
        parent: request.getParent(),
        protect: request.getProtect(),
        provider: request.getProvider(),
        aliases: request.getAliasesList().map((alias) => alias.getSpec()?.getName() ?? alias.getUrn()),
        transforms: request.getTransformsList().length,
        ignoreChanges: request.getIgnorechangesList(),
        deleteBeforeReplace: request.getDeletebeforereplace(),
        createTimeout: request.getCustomtimeouts()?.getCreate() ?? "",
    };
}

/** As Pulumi does for a program: an Output that fails has nobody who waits for it. */
async function catchingRejections<T>(work: () => Promise<T>): Promise<{ value: T; errors: Error[] }> {
    const errors = new Set<Error>();
    const before = process.listeners("unhandledRejection");
    const collect = (error: unknown) => void errors.add(error as Error);
    process.removeAllListeners("unhandledRejection");
    process.on("unhandledRejection", collect);
    try {
        const value = await work();
        // Node tells of rejections when the microtasks are done.
        await new Promise((resolve) => setImmediate(resolve));
        return { value, errors: [...errors] };
    } finally {
        process.removeListener("unhandledRejection", collect);
        for (const listener of before) {
            process.on("unhandledRejection", listener);
        }
    }
}

/** What an Output holds, and whether it is known. */
export async function valueOf<T>(
    output: pulumi.Output<T>,
): Promise<{ known: boolean; value: T | undefined }> {
    const inside = output as unknown as { promise(): Promise<T>; isKnown: Promise<boolean> };
    const known = await inside.isKnown;
    return { known, value: known ? await inside.promise() : undefined };
}
