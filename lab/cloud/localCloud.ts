import { createHash } from "node:crypto";
import { realpathSync } from "node:fs";
import { Agent, request } from "node:http";
import { userInfo } from "node:os";
import { type CloudProcess, bringUpCloud } from "./cloudProcess";

const CONTROL_LIMIT_MS = 60_000;

export interface CloudOptions {
    /** Region of `env` and of everything that names none. Default `us-east-1`. */
    region?: string;
    /** Default `123456789012`. */
    accountId?: string;
    /** How long snapshots stay `pending`, in milliseconds. Default 400. */
    snapshotDurationMs?: number;
}

export interface VolumeSpec {
    /** Default: the root device's name for the first, then `/dev/sdf` and so on. */
    device?: string;
    /** Default 8. */
    sizeGiB?: number;
    /** Default `gp3`. */
    type?: string;
    iops?: number;
    throughput?: number;
    encrypted?: boolean;
    /** Default, when encrypted: the account's key for EBS. */
    kmsKeyId?: string;
    /** Needs `type` io1 or io2. */
    multiAttach?: boolean;
    /** Default: true for the root volume only. */
    deleteOnTermination?: boolean;
    tags?: Record<string, string>;
}

export type InstanceState = "pending" | "running" | "stopping" | "stopped" | "shutting-down" | "terminated";

export interface InstanceSpec {
    /** The root volume first; a number makes that many of the default kind. Default 3. */
    volumes?: number | VolumeSpec[];
    /** Default `linux`. */
    platform?: "linux" | "windows";
    /** Default `running`. */
    state?: InstanceState;
    region?: string;
    /** Default: the cloud's. */
    accountId?: string;
    imageId?: string;
    /** Default `m5.large`. */
    instanceType?: string;
    /** Default: the region's `a`. */
    availabilityZone?: string;
    /** Default `/dev/sda1`. */
    rootDeviceName?: string;
    tags?: Record<string, string>;
    productCodes?: string[];
    /** What GetConsoleOutput answers. Default: nothing yet. */
    consoleOutput?: string;
    architecture?: "x86_64" | "arm64";
    platformDetails?: string;
    usageOperation?: string;
    bootMode?: "legacy-bios" | "uefi" | "uefi-preferred";
    currentInstanceBootMode?: "legacy-bios" | "uefi";
    tpmSupport?: "v2.0";
    enaSupport?: boolean;
    sriovNetSupport?: "simple";
}

export interface CloudInstance {
    instanceId: string;
    imageId: string;
    availabilityZone: string;
    rootDeviceName: string;
    rootVolumeId: string;
    /** In the order in which they were given: the root volume first. */
    volumeIds: string[];
    /** Volume id by device name. */
    devices: Record<string, string>;
}

/** What there is, by region; for nobody but `restore` to read. */
export type Inventory = Readonly<Record<string, unknown>>;

/** How snapshots go; what is left out stays as it is. */
export interface SnapshotCourse {
    /** Milliseconds in `pending`. */
    durationMs?: number;
    /** Milliseconds for which Describe does not know of new snapshots (eventual consistency). */
    invisibleMs?: number;
    /** Milliseconds after which all snapshots of a set turn to `error`; null: they do not. */
    failAfterMs?: number | null;
    failMessage?: string;
}

export interface CloudSnapshot {
    snapshotId: string;
    volumeId: string;
    state: "pending" | "completed" | "error" | "recoverable" | "recovering";
    progress: string;
    startTime: string;
    description: string;
    tags: Record<string, string>;
}

/** One request, as the cloud saw it. */
export interface CloudCall {
    number: number;
    requestId: string;
    service: string;
    region: string;
    operation: string;
    /** By the SDK's names. */
    parameters: Record<string, unknown>;
    accessKeyId: string;
    /** Sent by a program on an instance, with the instance's role: not by the caller. */
    byInstance: boolean;
    dryRun: boolean;
    /** Which connection it came over: the port at the client's end. */
    connection: number;
    /** The IAM actions that AWS checks for it. */
    actions: string[];
    /** Milliseconds of the machine's monotonic clock, as in `Number(process.hrtime.bigint()) / 1e6`. */
    receivedAt: number;
    answeredAt: number | null;
    status: number | null;
    /** `Success`, AWS's error code, or null while there is none. */
    code: string | null;
    /** How often the operation was carried out. */
    acted: number;
    outcome: "open" | "answered" | "cut";
}

export type LaunchEvent =
    | {
          what: "launched";
          instanceId: string;
          imageId: string;
          volumes: { device: string; volumeId: string; snapshotId: string; root: boolean }[];
      }
    | { what: "terminated"; instanceId: string };

export type Phase = "before" | "after";

/** Which requests a fault meets. */
export interface FaultMatch {
    /** The next so many. Default 1; null: all until `reset`. */
    times?: number | null;
    /** Lets the first so many matching requests pass. Default 0. */
    skip?: number;
    /** null: with and without. Default false, so that a dry run uses nothing up. */
    dryRun?: boolean | null;
    /** Only requests that name this id anywhere in their parameters. */
    resource?: string;
    accessKeyId?: string;
}

/** Phase: before the operation is carried out, or after it and before the answer. Default `before`. */
export type FaultSpec =
    | { kind: "error"; phase?: Phase; code: string; message?: string; status?: number }
    /** Of something between the client and AWS. */
    | { kind: "page"; phase?: Phase; status: number; body: string }
    | { kind: "cut"; phase?: Phase }
    | { kind: "never"; phase?: Phase }
    | { kind: "delay"; phase?: Phase; ms: number }
    | { kind: "actTwice" };

export interface ArmedFault {
    /** Resolves with the request that the fault met (the first, unless told otherwise); fails after the limit. */
    reached(options?: { count?: number; limitMs?: number }): Promise<CloudCall>;
}

export interface Gate extends ArmedFault {
    /** Lets the requests that wait at the gate, and those still to come, go on. */
    release(): Promise<void>;
}

export interface Denial {
    /** Only dry runs, or only real requests. Default: both. */
    dryRun?: boolean;
    /** Only requests that carry this tag key. */
    tagKey?: string;
    resource?: string;
}

/**
 * Starts a cloud of one's own on loopback: a real process with real HTTP, which ends when this process does.
 *
 * @throws when Python or its packages cannot be set up, or the cloud does not come up
 */
export async function startLocalCloud(options: CloudOptions = {}): Promise<LocalCloud> {
    const settings = {
        ...(options.accountId !== undefined && { account_id: options.accountId }),
        ...(options.snapshotDurationMs !== undefined && { snapshot_duration_ms: options.snapshotDurationMs }),
    };
    return new LocalCloud(await bringUpCloud(settings), options.region ?? "us-east-1");
}

export class LocalCloud {
    /** For `AWS_ENDPOINT_URL` or a client's `endpoint`: EC2, STS and Systems Manager. */
    readonly endpoint: string;
    /** Environment of a process that is to use this cloud; nothing of the machine's own AWS settings gets through. */
    readonly env: Record<string, string>;
    readonly accessKeyId = "AKIALOCALCLOUD000001";
    readonly secretAccessKey = "local-cloud-secret";

    private readonly agent = new Agent({ keepAlive: true });

    constructor(
        private readonly process: CloudProcess,
        readonly region: string,
    ) {
        this.endpoint = `http://127.0.0.1:${process.port}`;
        this.env = {
            AWS_ENDPOINT_URL: this.endpoint,
            AWS_ACCESS_KEY_ID: this.accessKeyId,
            AWS_SECRET_ACCESS_KEY: this.secretAccessKey,
            AWS_REGION: region,
            AWS_EC2_METADATA_DISABLED: "true",
            AWS_CONFIG_FILE: "/dev/null",
            AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
        };
    }

    /** For the constructor of an SDK client. */
    clientConfig(overrides: { region?: string; accessKeyId?: string } = {}) {
        return {
            endpoint: this.endpoint,
            region: overrides.region ?? this.region,
            credentials: {
                accessKeyId: overrides.accessKeyId ?? this.accessKeyId,
                secretAccessKey: this.secretAccessKey,
            },
        };
    }

    createInstance(spec: InstanceSpec = {}): Promise<CloudInstance> {
        const volumes = spec.volumes ?? 3;
        const attributes = {
            architecture: spec.architecture,
            platform_details: spec.platformDetails,
            usage_operation: spec.usageOperation,
            boot_mode: spec.bootMode,
            current_instance_boot_mode: spec.currentInstanceBootMode,
            tpm_support: spec.tpmSupport,
            ena_support: spec.enaSupport,
            sriov_net_support: spec.sriovNetSupport,
        };
        return this.control("create_instance", {
            account_id: spec.accountId,
            region: spec.region ?? this.region,
            volumes: typeof volumes === "number" ? Array.from({ length: volumes }, () => ({})) : volumes,
            platform: spec.platform ?? "linux",
            state: spec.state ?? "running",
            image_id: spec.imageId ?? null,
            instance_type: spec.instanceType ?? "m5.large",
            availability_zone: spec.availabilityZone ?? null,
            root_device_name: spec.rootDeviceName ?? "/dev/sda1",
            tags: spec.tags ?? {},
            attributes: withoutUndefined(attributes),
            product_codes: spec.productCodes ?? [],
            console_output: spec.consoleOutput ?? null,
        });
    }

    /**
     * What the cloud's account has in all regions: instances, snapshots, images and launch templates, to be given to
     * `restore`. Without networks, Systems Manager, and how snapshots are to go on.
     */
    inventory(): Promise<Inventory> {
        return this.control("inventory");
    }

    /** Makes all of an inventory, under the ids that it has there; what is pending stays so until it is completed. */
    restore(regions: Inventory): Promise<void> {
        return this.control("restore", { regions });
    }

    /** `reason`: as EC2 tells it, such as `Client.InternalError: Client error on launch`. */
    setInstanceState(
        instanceId: string,
        state: InstanceState,
        reason?: string,
        region = this.region,
    ): Promise<void> {
        const what = withoutUndefined({ region, instance_id: instanceId, state, reason });
        return this.control("set_instance_state", what);
    }

    /** When it was started last; a new one says a day ago. */
    setInstanceStarted(instanceId: string, secondsAgo: number, region = this.region): Promise<void> {
        const what = { region, instance_id: instanceId, seconds_ago: secondsAgo };
        return this.control("set_instance_started", what);
    }

    setConsoleOutput(instanceId: string, text: string | null, region = this.region): Promise<void> {
        return this.control("set_console_output", { region, instance_id: instanceId, text });
    }

    /** Attaches a volume that there is (by id), or a new one. */
    attachVolume(
        instanceId: string,
        volume: VolumeSpec | { volumeId: string; device?: string } = {},
        region = this.region,
    ): Promise<{ volumeId: string; device: string }> {
        if (!("volumeId" in volume)) {
            return this.control("attach_new_volume", { region, instance_id: instanceId, volume });
        }
        const { volumeId, device } = volume;
        return this.control("attach_volume", {
            region,
            instance_id: instanceId,
            volume_id: volumeId,
            device,
        });
    }

    detachVolume(instanceId: string, volumeId: string, region = this.region): Promise<void> {
        return this.control("detach_volume", { region, instance_id: instanceId, volume_id: volumeId });
    }

    /**
     * Gives a volume real contents: a range of a file on XFS with reflink=1, in bytes. Its snapshots are then files
     * beside it that bear their ids. All ranges of one file are copied at one instant.
     */
    giveContents(volumeId: string, range: { file: string; offset: number; length: number }): Promise<void> {
        return this.control("give_contents", { volume_id: volumeId, ...range });
    }

    /**
     * What RunInstances has launched and TerminateInstances has ended: what comes after the first `skip`, once it is there;
     * null after the limit.
     */
    awaitLaunch(skip: number, limitMs: number): Promise<LaunchEvent | null> {
        const wait = { skip, seconds: limitMs / 1000 };
        return this.control("await_launch", wait, limitMs + CONTROL_LIMIT_MS);
    }

    /** The private address, whether requests know of the instance yet or not; null when it is terminated. */
    addressOf(instanceId: string, region = this.region): Promise<string | null> {
        return this.control("address_of", { region, instance_id: instanceId });
    }

    /** For how many milliseconds Describe and Terminate do not know of an instance that is launched. Default: not at all. */
    hideLaunches(milliseconds: number): Promise<void> {
        return this.control("hide_launches", { milliseconds });
    }

    /** For snapshots made from now on: of one instance, or of all that have no course of their own. */
    configureSnapshots(course: SnapshotCourse, instanceId?: string): Promise<void> {
        return this.control("configure_snapshots", {
            ...(instanceId !== undefined && { instance_id: instanceId }),
            ...withoutUndefined({
                duration_ms: course.durationMs,
                invisible_ms: course.invisibleMs,
                fail_after_ms: course.failAfterMs,
                fail_message: course.failMessage,
            }),
        });
    }

    /** Snapshots that the account may have, and how long a volume must rest between two. Default: no limits. */
    setSnapshotLimits(limits: { account?: number | null; volumeIntervalMs?: number }): Promise<void> {
        return this.control("set_snapshot_limits", {
            account_limit: limits.account ?? null,
            volume_interval_ms: limits.volumeIntervalMs ?? 0,
        });
    }

    completeSnapshots(snapshotIds: string[], region = this.region): Promise<void> {
        return this.control("complete_snapshots", { region, snapshot_ids: snapshotIds });
    }

    /** The rest of their sets fails with them. */
    failSnapshots(snapshotIds: string[], message = "Client error", region = this.region): Promise<void> {
        return this.control("fail_snapshots", { region, snapshot_ids: snapshotIds, message });
    }

    /** Behind everybody's back: no request in the journal, no check. */
    deleteSnapshots(snapshotIds: string[], region = this.region): Promise<void> {
        return this.control("delete_snapshots", { region, snapshot_ids: snapshotIds });
    }

    /**
     * For how many milliseconds an image still holds its snapshots (`InvalidSnapshot.InUse`), and is still described,
     * after it was deregistered. Default: not at all.
     */
    letImagesLinger({ holdsMs = 0, seenMs = 0 }: { holdsMs?: number; seenMs?: number }): Promise<void> {
        return this.control("let_images_linger", { holds_ms: holdsMs, seen_ms: seenMs });
    }

    /** For locks of snapshots, which last for days. */
    passTimeOfLocks(hours: number): Promise<void> {
        return this.control("pass_time_of_locks", { hours });
    }

    /**
     * A retention rule for all snapshots of the region: what is deleted goes to the Recycle Bin. Default: none.
     * @param shows whether Describe tells of those in the bin, as `recoverable`
     * @param recoveringMs how long one that is restored is `recovering`
     */
    retainInRecycleBin({ shows = false, recoveringMs = 0 } = {}): Promise<void> {
        return this.control("set_recycle_bin", { retains: true, shows, recovering_ms: recoveringMs });
    }

    /** All that there are (also those that Describe does not know of yet), or those of an instance's volumes. */
    snapshots(of?: CloudInstance, region = this.region): Promise<CloudSnapshot[]> {
        return this.control("snapshots", { region, volume_ids: of?.volumeIds ?? null });
    }

    /** Arms a fault; it is in force when this resolves. `*` is every operation. */
    async fault(operation: string, spec: FaultSpec, match: FaultMatch = {}): Promise<ArmedFault> {
        const number = await this.addFault(operation, spec.kind, faultDetails(spec), match);
        return { reached: (options) => this.awaitFault(number, operation, options) };
    }

    /**
     * Arms a gate, in force when this resolves: a request that comes to it waits there, before it is carried out or
     * before it is answered. `reached` tells when one has come, `release` lets it go on.
     */
    async gate(operation: string, options: { phase?: Phase } & FaultMatch = {}): Promise<Gate> {
        const { phase = "before", ...match } = options;
        const number = await this.addFault(operation, "gate", { phase }, match);
        return {
            reached: (options) => this.awaitFault(number, operation, options),
            release: () => this.control("release_fault", { number }),
        };
    }

    /** For keys of EC2 Instance Connect, which an instance has for 60 s. */
    passTimeOfKeys(seconds: number): Promise<void> {
        return this.control("pass_time_of_keys", { seconds });
    }

    /** What the instance's metadata has for an account, as EC2 Instance Connect was given it. */
    sentKeys(instanceId: string, user: string): Promise<string[]> {
        return this.control("sent_keys", { instance_id: instanceId, user });
    }

    /**
     * Lines of sshd_config of a host whose sshd asks for the keys of EC2 Instance Connect, as with the package
     * ec2-instance-connect. What asks is a program of the machine, because sshd runs none that others could change.
     */
    instanceConnectConfig(instanceId: string): string[] {
        const keys = `http://127.0.0.1:${this.process.controlPort}/${instanceId}/latest/meta-data/managed-ssh-keys/active-keys`;
        return [
            `AuthorizedKeysCommand ${realpathSync("/usr/bin/busybox")} wget -q -O - ${keys}/%u/`,
            `AuthorizedKeysCommandUser ${userInfo().username}`,
        ];
    }

    /** An EC2 Instance Connect Endpoint as EC2 describes it; `changes` are members of API Ec2InstanceConnectEndpoint. */
    createConnectEndpoint(changes: object, region = this.region): Promise<{ endpointId: string }> {
        return this.control("create_connect_endpoint", { region, changes });
    }

    /** The secret of an access key, as AWS knows it: of whoever signs what is no request to this cloud. */
    secretOf(accessKeyId: string): Promise<string | null> {
        return this.control("secret_of", { access_key_id: accessKeyId });
    }

    /** Refuses an operation for lack of permission. */
    deny(operation: string, denial: Denial = {}): Promise<void> {
        return this.control("deny", {
            operation,
            dry_run: denial.dryRun ?? null,
            tag_key: denial.tagKey ?? null,
            resource: denial.resource ?? null,
        });
    }

    /** Like an IAM policy that allows these actions and no others; null allows everything again. */
    allowOnly(actions: string[] | null): Promise<void> {
        return this.control("allow_only", { actions });
    }

    /** Only what these statements of IAM policies allow, with their conditions (`aws:ResourceTag`, ...); null: all. */
    allowPolicy(statements: readonly object[] | null): Promise<void> {
        return this.control("allow_policy", { statements });
    }

    /** From now on until `reset`: one access key, or all. */
    expireCredentials(accessKeyId?: string): Promise<void> {
        return this.control("expire_credentials", withoutUndefined({ access_key_id: accessKeyId }));
    }

    /** The account that an access key belongs to, or all that have none of their own. */
    setAccount(accountId: string, accessKeyId?: string): Promise<void> {
        return this.control(
            "set_account",
            withoutUndefined({ account_id: accountId, access_key_id: accessKeyId }),
        );
    }

    /** Lifetime of the credentials that AssumeRole hands out from now on, whatever was asked for; null: as asked. */
    setRoleDuration(seconds: number | null): Promise<void> {
        return this.control("set_role_duration", { seconds });
    }

    /** A token bucket, full at first. `rate` in requests a second. */
    throttle(operation: string, limit: { rate: number; burst: number }): Promise<void> {
        return this.control("throttle", { operation, ...limit });
    }

    /** Milliseconds that an operation (`*`: each) takes; a number is all before it is carried out. */
    setLatency(operation: string, latency: number | { before?: number; after?: number }): Promise<void> {
        const { before = 0, after = 0 } = typeof latency === "number" ? { before: latency } : latency;
        return this.control("set_latency", { operation, before, after });
    }

    /**
     * AWS's clock, by so many milliseconds ahead of this machine's; behind it, when negative. Requests that are signed
     * more than 5 min off are refused, by EC2 with `code`; roles' credentials expire by it. Nothing else goes by it.
     */
    setClock(offsetMs: number, code: "AuthFailure" | "RequestExpired" = "AuthFailure"): Promise<void> {
        return this.control("set_clock", { offset_ms: offsetMs, ec2_code: code });
    }

    /** Connections on which nothing is asked for so long are closed; null: they never are. */
    setIdleLimit(milliseconds: number | null): Promise<void> {
        return this.control("set_idle_limit", { milliseconds });
    }

    /** Cuts all connections and refuses new ones until `acceptConnections`. */
    refuseConnections(): Promise<void> {
        return this.control("refuse_connections");
    }

    acceptConnections(): Promise<void> {
        return this.control("accept_connections");
    }

    /** Every request since the start, or since `clearCalls`, in the order of arrival. */
    calls(): Promise<CloudCall[]> {
        return this.control("calls");
    }

    clearCalls(): Promise<void> {
        return this.control("clear_calls");
    }

    /** Takes back all faults, denials, limits and settings; held requests are cut. Resources and journal stay. */
    reset(): Promise<void> {
        return this.control("reset");
    }

    /** The last that the clouds of this process wrote to their stderr: their own faults, not AWS's. */
    stderr(): string {
        return this.process.stderr();
    }

    async stop(): Promise<void> {
        this.agent.destroy();
        await this.process.end();
    }

    private addFault(operation: string, kind: string, details: object, match: FaultMatch): Promise<number> {
        return this.control("add_fault", {
            operation,
            kind,
            ...details,
            ...withoutUndefined({
                times: match.times,
                skip: match.skip,
                dry_run: match.dryRun,
                resource: match.resource,
                access_key_id: match.accessKeyId,
            }),
        });
    }

    private async awaitFault(
        number: number,
        operation: string,
        { count = 1, limitMs = 30_000 }: { count?: number; limitMs?: number } = {},
    ): Promise<CloudCall> {
        const wait = { number, count, seconds: limitMs / 1000 };
        const call = await this.control<CloudCall | null>("await_fault", wait, limitMs + CONTROL_LIMIT_MS);
        if (call === null) {
            throw new Error(`no request ${operation} came to the fault within ${limitMs} ms`);
        }
        return call;
    }

    /** For the classes that control one service each, such as `LocalSystemsManager`. */
    async control<T>(command: string, parameters: object = {}, limitMs = CONTROL_LIMIT_MS): Promise<T> {
        const { status, body } = await this.post(
            `/__control/${command}`,
            JSON.stringify(parameters),
            limitMs,
        );
        const result = JSON.parse(body) as unknown;
        if (status !== 200) {
            throw new Error(`the local cloud refused ${command}: ${String(result)}`);
        }
        return result as T;
    }

    // Not fetch(): its connections would keep the process alive for a while, and nothing waits without a limit here.
    private post(path: string, body: string, limitMs: number): Promise<{ status: number; body: string }> {
        return new Promise((resolve, reject) => {
            const options = {
                host: "127.0.0.1",
                port: this.process.controlPort,
                path,
                method: "POST",
                agent: this.agent,
                headers: { "Content-Length": Buffer.byteLength(body) },
                signal: AbortSignal.timeout(limitMs),
            };
            const outgoing = request(options, (response) => {
                const chunks: Buffer[] = [];
                response.on("data", (chunk: Buffer) => chunks.push(chunk));
                response.on("error", reject);
                response.on("end", () => {
                    resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() });
                });
            });
            outgoing.on("error", reject);
            outgoing.end(body);
        });
    }
}

function faultDetails(spec: FaultSpec): object {
    switch (spec.kind) {
        case "error":
            return withoutUndefined({
                phase: spec.phase ?? "before",
                code: spec.code,
                message: spec.message,
                status: spec.status,
            });
        case "page":
            return { phase: spec.phase ?? "before", status: spec.status, body: spec.body };
        case "delay":
            return { phase: spec.phase ?? "before", milliseconds: spec.ms };
        case "actTwice":
            return { phase: "before" };
        default:
            return { phase: spec.phase ?? "before" };
    }
}

function withoutUndefined(values: Record<string, unknown>): Record<string, unknown> {
    return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

/**
 * What cloud-init prints on the console about host keys (`/usr/lib/cloud-init/write-ssh-key-fingerprints`, by way of
 * `logger -s -t ec2`), with a few lines around it.
 *
 * @param publicKeys lines as in `/etc/ssh/ssh_host_*_key.pub`
 * @param prefix before each line of the block; default `ec2: `
 */
export function consoleOutputOfHostKeys(publicKeys: string[], { prefix = "ec2: " } = {}): string {
    const fingerprints = publicKeys.map((line) => {
        const [type = "", key = "", comment = "no comment"] = line.trim().split(/\s+/);
        const hash = createHash("sha256")
            .update(Buffer.from(key, "base64"))
            .digest("base64")
            .replace(/=+$/, "");
        const [bits, name] = KEY_TYPES.find(([, , pattern]) => pattern.test(type)) ?? [0, "UNKNOWN"];
        return `${bits} SHA256:${hash} ${comment} (${name})`;
    });
    const rule = "#############################################################";
    const block = [
        rule,
        "-----BEGIN SSH HOST KEY FINGERPRINTS-----",
        ...fingerprints,
        "-----END SSH HOST KEY FINGERPRINTS-----",
        rule,
    ].map((line) => prefix + line);
    return [
        "[    0.000000] Linux version 6.1.0-cloud-amd64",
        "[    9.312000] cloud-init[612]: Cloud-init v. 22.4.2 running 'modules:final'",
        ...block,
        "-----BEGIN SSH HOST KEY KEYS-----",
        ...publicKeys.map((line) => line.trim()),
        "-----END SSH HOST KEY KEYS-----",
        "[   10.014000] cloud-init[612]: Cloud-init v. 22.4.2 finished. Up 10.01 seconds",
        "",
        "ip-10-0-0-1 login: ",
    ].join("\r\n");
}

const KEY_TYPES: [bits: number, name: string, pattern: RegExp][] = [
    [256, "ED25519", /ed25519/],
    [256, "ECDSA", /ecdsa/],
    [3072, "RSA", /rsa/],
];
