import { CustomResource, RunError, createUrn, runtime } from "@pulumi/pulumi";
// Apart, as the TypeScript 3.8 that Pulumi ships knows no `type` among other names.
import type { CustomResourceOptions, ID, Input, Output } from "@pulumi/pulumi";
import type { ConsistencyLevel, Evidence } from "../base/evidence";
import type { InstanceFacts, SnapshotInfo } from "../base/outputs";
import { providerText } from "./providerText";
import { assertResolvable, assertUsable, hiding } from "./resourceOptions";
import { secretLeaves } from "./secretLeaves";
import type { Quiescing } from "./snapshotSet";
import { PROVIDER, TYPE } from "./snapshotType";

/** How to reach a host over SSH. The names are those of `command.remote.Command` (@pulumi/command). */
export interface SshTargetArgs {
    /** Address of the host. With a tunnel, what its program takes for one. */
    host: Input<string>;
    /** Account to log in as; stock images refuse root. */
    user: Input<string>;
    /** Default 22. */
    port?: Input<number> | undefined;
    /** Also answers keyboard-interactive questions. Secret. */
    password?: Input<string> | undefined;
    /** The key itself, not its path. Secret. */
    privateKey?: Input<string> | undefined;
    /** Passphrase of `privateKey`. Secret. */
    privateKeyPassword?: Input<string> | undefined;
    /** Socket of an ssh-agent. Default: the environment's `SSH_AUTH_SOCK`. */
    agentSocketPath?: Input<string> | undefined;
    /**
     * What the host's key must be: a line as in `/etc/ssh/ssh_host_ed25519_key.pub`, a `SHA256:` fingerprint, or a
     * list of these, such as the `hostKeys` of an `InstanceHostKeys`. Required, unless `insecureIgnoreHostKey` is true.
     */
    hostKey?: Input<string> | Input<Input<string>[]> | undefined;
    /** What carries the connection. Default: TCP to `host` and `port`. */
    tunnel?: CommandTunnelArgs | undefined;
    /** Accepts any host key: whoever answers at the address gets the credentials. Default false. */
    insecureIgnoreHostKey?: Input<boolean> | undefined;
}

/** A program carries the connection, as with OpenSSH's ProxyCommand. */
export interface CommandTunnelArgs {
    via: "command";
    /**
     * The program and its arguments. No shell runs it. Its standard input and output are the connection to the host's
     * sshd. In each word `%h` becomes the host, `%p` the port, `%r` the user and `%%` a percent sign. It gets our
     * environment with the credentials of `aws` as `AWS_*`, and without what begins with `PULUMI_`. It is ended with the
     * connection. No secret: everybody on the machine sees arguments.
     */
    command: Input<Input<string>[]>;
}

export interface ConnectionArgs extends SshTargetArgs {
    /** One bastion on the way. Not beside `tunnel`: a bastion behind a tunnel has a `tunnel` of its own. */
    proxy?: SshTargetArgs | undefined;
}

/** A hook script: what is on the instance already, or what is deployed for the run and removed afterwards. */
export type ScriptArgs =
    | {
          /** Absolute path on the instance. */
          path: Input<string>;
      }
    | {
          /** Text of the script, with any `#!` interpreter; without one it is run by `sh`. Secret. */
          script: Input<string>;
      };

/** Both scripts, or neither: then those at the standard paths. */
export type ScriptsArgs = ScriptOptions &
    (
        | {
              preFreeze: ScriptArgs;
              /** Must be idempotent. Exit 205 counts as "already thawed". */
              postThaw: ScriptArgs;
          }
        | { preFreeze?: undefined; postThaw?: undefined }
    );

export interface ScriptOptions {
    /** What the scripts vouch for when pre-freeze exits 0. Default `"application"`. */
    level?: "application" | "filesystem" | undefined;
    /**
     * Name of the recipe that the scripts follow (`recipes`). Pre-freeze is then also run with `check`, when
     * CreateSnapshots has answered, and its exit code tells whether all that it froze is still held.
     */
    recipe?: string | undefined;
    /**
     * Runs post-thaw once with `thaw` before anything is frozen: it has to exit with 0, or with 205. Default true. A
     * post-thaw that fails then would leave the instance for frozen whenever freezing fails halfway.
     */
    rehearse?: boolean | undefined;
}

/** Quiesces a running Linux instance by a pre-freeze and a post-thaw script over SSH. */
export interface HooksArgs {
    method: "hooks";
    connection: ConnectionArgs;
    /** Default: `/usr/sbin/pre-freeze-script` and `/usr/sbin/post-thaw-script`, as VMware's and NAKIVO's tools use. */
    scripts?: ScriptsArgs | undefined;
    /** Runs as root through `sudo -n`. Default: true unless `user` is root. */
    sudo?: boolean | undefined;
    /** Passed to both scripts, beside `ACS_EXECUTION_ID` and `ACS_INSTANCE_ID`. Values are secret. */
    environment?: Record<string, Input<string>> | undefined;
    /** Refuses a host that is another instance. Default true; with false the level is `crash` at most. */
    verifyInstanceIdentity?: boolean | undefined;
    /** `"onFailure"` puts the last 2 KiB of each failed script's stderr into the error. Default `"never"`. */
    showHookOutput?: "never" | "onFailure" | undefined;
}

/** Quiesces a running Windows instance by VSS, through AWS Systems Manager. */
export interface VssArgs {
    method: "vss";
    /** Leaves the chain of native SQL Server backups alone. Default false: a full backup to VSS. */
    copyOnly?: boolean | undefined;
    /** Without the application writers: the level is `filesystem`. Default false. A change replaces. */
    noWriters?: boolean | undefined;
    /** Version of AwsVssComponents. Default: AWS's recommended one, or what is installed. */
    vssVersion?: string | undefined;
    /** Also makes an image, the only way to one that boots. Default false. A change replaces. */
    createImage?: boolean | { namePrefix: string } | undefined;
    /** Leaves the components that were installed for the run on the instance. Default false. */
    keepComponents?: boolean | undefined;
}

/** A plain, crash-consistent set; of a stopped instance too. */
export interface NoneArgs {
    method: "none";
}

/** Where and as whom AWS is called. What is absent comes from the stack's `aws:` config, then from the SDK's chain. */
export interface AwsArgs {
    region?: Input<string> | undefined;
    profile?: Input<string> | undefined;
    assumeRole?:
        { roleArn: Input<string>; sessionName?: Input<string>; externalId?: Input<string> } | undefined;
}

/** Limits of phases that do not overlap. Seconds. */
export interface TimeoutArgs {
    /** Until a login succeeds, also while the instance still boots. Default 300. */
    connect?: Input<number> | undefined;
    /** Waiting for another run's lock on the instance. Default 0: fail at once. */
    lock?: Input<number> | undefined;
    /** The pre-freeze script. Default 60. */
    preFreeze?: Input<number> | undefined;
    /** From pre-freeze's end to letting go, 1 to 120. Default 10. */
    freeze?: Input<number> | undefined;
    /** The post-thaw script. Default 60. */
    postThaw?: Input<number> | undefined;
    /** A Systems Manager command. Default 900. */
    command?: Input<number> | undefined;
    /** Until every snapshot is `completed`. Default 86400. */
    completion?: Input<number> | undefined;
}

export interface AppConsistentSnapshotArgs {
    /** The instance. A change replaces. */
    instanceId: Input<string>;
    /** How to quiesce. A plain object whose leaves may be Outputs, so that `pulumi preview` can check it. */
    quiesce: HooksArgs | VssArgs | NoneArgs;
    /** Below this nothing is kept and the resource fails. Default: what `quiesce` promises. */
    minimumLevel?: Input<ConsistencyLevel> | undefined;
    /** Volumes to leave out. A change replaces. */
    volumes?:
        { excludeBootVolume?: Input<boolean>; excludeDataVolumeIds?: Input<Input<string>[]> } | undefined;
    /** A change from one list to another takes a new set; absent, empty or only nulls keep what is there. */
    triggers?: Input<unknown[]> | undefined;
    /** Tags of the snapshots. Changed in place. */
    tags?: Input<Record<string, Input<string>>> | undefined;
    /** Description of the snapshots. Used at the next set. */
    description?: Input<string> | undefined;
    /** Copies the volumes' tags to their snapshots. Default false. Used at the next set. */
    copyTagsFromVolumes?: Input<boolean> | undefined;
    timeouts?: TimeoutArgs | undefined;
    /** Waits until every snapshot is `completed`. Default true. */
    waitForCompletion?: Input<boolean> | undefined;
    aws?: AwsArgs | undefined;
    /**
     * An execution id (`acs-...`), as THAW_PENDING and STALE_FREEZE name it: "I have made sure that the instance is
     * awake." The next `pulumi up` removes what that execution left on the host, without running its post-thaw. Any
     * other id does nothing.
     */
    confirmAwake?: Input<string> | undefined;
    /**
     * Has `pulumi preview` look at everything that `pulumi up` would look at before it freezes: AWS, login, sudo, scripts,
     * lock. It touches nothing, and looks only where this program would take a set, for 60 s at most. `"warn"` says what
     * stands against the set, `"fail"` fails the preview. Default: preview looks at the inputs alone.
     */
    preflight?: Input<"warn" | "fail"> | undefined;
}

const EXISTING = 'AppConsistentSnapshot.get("NAME", "acs-...") reads a set that exists, without managing it';

/** All of them, by the compiler's word. */
const INPUTS: { readonly [Name in keyof AppConsistentSnapshotArgs]-?: true } = {
    instanceId: true,
    quiesce: true,
    minimumLevel: true,
    volumes: true,
    triggers: true,
    tags: true,
    description: true,
    copyTagsFromVolumes: true,
    timeouts: true,
    waitForCompletion: true,
    aws: true,
    confirmAwake: true,
    preflight: true,
};

/**
 * Snapshots of all EBS volumes of an instance, taken at one instant while the instance is quiesced, with a level of
 * consistency that is proven.
 */
export class AppConsistentSnapshot extends CustomResource {
    /** Boot volume first, then by device name. */
    declare public readonly snapshotIds: Output<string[]>;
    /** What an image's block device mapping needs of each snapshot, in the same order. */
    declare public readonly snapshots: Output<SnapshotInfo[]>;
    /** What the evidence proves. */
    declare public readonly consistencyLevel: Output<ConsistencyLevel>;
    declare public readonly evidence: Output<Evidence>;
    /** The instance at the time of the snapshot. */
    declare public readonly instance: Output<InstanceFacts>;
    /** True while the instance is not known to be awake; the next `pulumi up` thaws it. */
    declare public readonly thawPending: Output<boolean>;
    /** The image, with `createImage` only. */
    declare public readonly imageId: Output<string | undefined>;
    /** When the snapshots were taken. ISO 8601. */
    declare public readonly startTime: Output<string>;
    /**
     * What of `quiesce` a component has to know before anything is known; undefined for a set that was got by its id.
     * @internal
     */
    public readonly quiescing: Quiescing | undefined;

    /** @throws RunError when an argument or an option of Pulumi cannot have the effect that its user expects. */
    constructor(name: string, args: AppConsistentSnapshotArgs, opts?: CustomResourceOptions) {
        assertUsable({ type: "AppConsistentSnapshot", name, existing: EXISTING }, args, opts);
        assertResolvable(PROVIDER);
        const inputs = opts?.id === undefined ? secretLeaves(args, Object.keys(INPUTS)) : { aws: args.aws };
        const owner = opts?.id === undefined ? createUrn(name, TYPE, opts?.parent) : undefined;
        // A dynamic provider is not told; `check` takes it out again.
        const previewing = runtime.isDryRun() ? true : undefined;
        super(
            TYPE,
            name,
            { ...inputs, owner, previewing, ...outputs, __provider: providerText(PROVIDER) },
            hiding(opts, [...INTERNAL, ...Object.keys(outputs)]),
        );
        this.quiescing = opts?.id === undefined ? quiescingOf(args.quiesce) : undefined;
    }

    /** Finds an existing set by its execution id (`acs-...`), the id of the resource that took it. */
    static get(
        name: string,
        id: Input<ID>,
        args: Pick<AppConsistentSnapshotArgs, "aws"> = {},
        opts?: CustomResourceOptions,
    ): AppConsistentSnapshot {
        if (typeof id === "string" && !/^acs-[0-9a-f-]{36}$/.test(id)) {
            throw new RunError(
                `AppConsistentSnapshot "${name}": ${JSON.stringify(id)} is not the id of a set; give that of the resource that ` +
                    "took it (acs-...), which is also the tag app-consistent-snapshot:execution of its snapshots.",
            );
        }
        return new AppConsistentSnapshot(name, args as AppConsistentSnapshotArgs, { ...opts, id });
    }
}

/** A program that is not checked by TypeScript may lack what the provider then asks for, or have an Output there. */
function quiescingOf(quiesce: unknown): Quiescing | undefined {
    const { method, createImage } = (quiesce ?? {}) as Partial<VssArgs>;
    if (typeof method !== "string") {
        return undefined;
    }
    return { method, createImage: createImage !== undefined && createImage !== false };
}

/**
 * What a diff says nothing true about. The provider keeps it for itself; or the engine compares it with old outputs, which
 * never have it, because it holds secrets (`quiesce`).
 */
const INTERNAL = [
    "owner",
    "recorded",
    "unfinished",
    "lost",
    "quiesced",
    "healed",
    "adopted",
    "__provider",
    "quiesce",
];

/** Declared, so that they are unknown, not absent, at preview. */
const outputs = {
    snapshotIds: undefined,
    snapshots: undefined,
    consistencyLevel: undefined,
    evidence: undefined,
    instance: undefined,
    thawPending: undefined,
    imageId: undefined,
    startTime: undefined,
};
