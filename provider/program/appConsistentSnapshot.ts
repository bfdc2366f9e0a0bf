import { CustomResource, createUrn } from "@pulumi/pulumi";
// Apart, as the TypeScript 3.8 that Pulumi ships knows no `type` among other names.
import type { CustomResourceOptions, ID, Input, Output } from "@pulumi/pulumi";
import type { ConsistencyLevel, Evidence } from "../base/evidence";
import type { InstanceFacts, SnapshotInfo } from "../base/outputs";
import { dynamicProperties } from "./dynamicProperties";
import { assertExecutionId, assertResolvable, assertUsable, hiding } from "./resourceOptions";
import { secretLeaves } from "./secretLeaves";
import type { Quiescing } from "./snapshotSet";
import { PROVIDER, TYPE } from "./snapshotType";

/** How to reach a host over SSH. The names are those of `command.remote.Command` (@pulumi/command). */
export interface SshTargetArgs {
    /**
     * Address of the host. With a tunnel by a program, what the program takes for one. No default: it is required, but for a
     * tunnel that leads to the instance by its id (`session-manager`, `instance-connect-endpoint`), beside which it is not
     * to be given.
     */
    host?: Input<string> | undefined;
    /** Account to log in as; stock images refuse root. */
    user: Input<string>;
    /** TCP port of its ssh server. Default 22, and nothing else through an `instance-connect-endpoint`. */
    port?: Input<number> | undefined;
    /** Password of the account. Also answers keyboard-interactive questions. Secret. Default: none. */
    password?: Input<string> | undefined;
    /** The key itself, not its path. Secret. Default: none. */
    privateKey?: Input<string> | undefined;
    /** Passphrase of `privateKey`. Secret. Default: the key is not encrypted. */
    privateKeyPassword?: Input<string> | undefined;
    /** Socket of an ssh-agent. Default: the environment's `SSH_AUTH_SOCK`. */
    agentSocketPath?: Input<string> | undefined;
    /**
     * What the host's key must be: a line as in `/etc/ssh/ssh_host_ed25519_key.pub`, a `SHA256:` fingerprint, or a
     * list of these, such as the `hostKeys` of an `InstanceHostKeys`. No default: it is required, unless
     * `insecureIgnoreHostKey` is true, or AWS vouches for the other end of the tunnel (`session-manager`,
     * `instance-connect-endpoint`).
     */
    hostKey?: Input<string> | Input<Input<string>[]> | undefined;
    /**
     * Log in with a key that is made for this login, and that EC2 Instance Connect gives to the instance for 60 s. Nothing
     * of it is kept. The instance needs the package `ec2-instance-connect`, and the caller the permission
     * `ec2-instance-connect:SendSSHPublicKey`. Not beside `password`, `privateKey`, `privateKeyPassword` and
     * `agentSocketPath`. A proxy needs `tunnel.instanceId` for it. Default false.
     */
    instanceConnect?: Input<boolean> | undefined;
    /** What carries the connection. Default: TCP to `host` and `port`. */
    tunnel?: CommandTunnelArgs | InstanceConnectEndpointTunnelArgs | SessionManagerTunnelArgs | undefined;
    /** Accepts any host key: whoever answers at the address gets the credentials. Default false. */
    insecureIgnoreHostKey?: Input<boolean> | undefined;
}

/** A program carries the connection, as with OpenSSH's ProxyCommand. */
export interface CommandTunnelArgs {
    /** The kind of tunnel. */
    via: "command";
    /**
     * The program and its arguments. No shell runs it. Its standard input and output are the connection to the host's
     * sshd. In each word `%h` becomes the host, `%p` the port, `%r` the user and `%%` a percent sign. It gets our
     * environment with the credentials of `aws` as `AWS_*`, and without what begins with `PULUMI_`. It is ended with the
     * connection. No secret: everybody on the machine sees arguments.
     */
    command: Input<Input<string>[]>;
}

/**
 * An EC2 Instance Connect Endpoint in the instance's VPC carries the connection: no public address, no bastion, no program
 * on this machine. The caller needs `ec2-instance-connect:OpenTunnel`.
 */
export interface InstanceConnectEndpointTunnelArgs {
    /** The kind of tunnel. */
    via: "instance-connect-endpoint";
    /** Id of the endpoint (`eice-...`). Default: one of the instance's subnet, else one of its VPC. */
    endpointId?: Input<string> | undefined;
    /** Of a proxy only, where it is required: the id of the bastion's instance. Default: none. */
    instanceId?: Input<string> | undefined;
}

/**
 * A session of AWS Systems Manager carries the connection: no open port, no public address, no bastion. The instance needs
 * the SSM agent and a role with AmazonSSMManagedInstanceCore. AWS's `session-manager-plugin` has to be on PATH where
 * Pulumi runs. The caller needs `ssm:StartSession` and `ssm:TerminateSession`.
 */
export interface SessionManagerTunnelArgs {
    /** The kind of tunnel. */
    via: "session-manager";
    /** Of a proxy only, where it is required: the id of the bastion's instance. Default: none. */
    instanceId?: Input<string> | undefined;
}

/** How to log in to the instance over SSH, directly or through a bastion. */
export interface ConnectionArgs extends SshTargetArgs {
    /** A bastion to go through. Default: none. Not beside `tunnel`: a bastion behind a tunnel has a `tunnel` of its own. */
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
              /** Makes the applications quiescent. Exit code 0 means that they are. */
              preFreeze: ScriptArgs;
              /** Lets the applications go on. Must be idempotent. Exit 205 counts as "already thawed". */
              postThaw: ScriptArgs;
          }
        | {
              /** Default: the script at the standard path. */
              preFreeze?: undefined;
              /** Default: the script at the standard path. */
              postThaw?: undefined;
          }
    );

/** What is said of a pair of scripts beside where they are. */
export interface ScriptOptions {
    /** What the scripts vouch for when pre-freeze exits 0. Default `"application"`. */
    level?: "application" | "filesystem" | undefined;
    /**
     * Name of the recipe that the scripts follow (`recipes`). Pre-freeze is then also run with `check`, when
     * CreateSnapshots has answered, and its exit code tells whether all that it froze is still held. Default: the scripts
     * are asked nothing.
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
    /** By scripts, over SSH. A change replaces. */
    method: "hooks";
    /** How to log in to the instance. */
    connection: ConnectionArgs;
    /** Default: `/usr/sbin/pre-freeze-script` and `/usr/sbin/post-thaw-script`, as VMware's and NAKIVO's tools use. */
    scripts?: ScriptsArgs | undefined;
    /** Runs as root through `sudo -n`. Default: true unless `user` is root. */
    sudo?: boolean | undefined;
    /** Variables for both scripts, beside `ACS_EXECUTION_ID` and `ACS_INSTANCE_ID`. Values are secret. Default: none. */
    environment?: Record<string, Input<string>> | undefined;
    /** Refuses a host that is another instance. Default true; with false the level is `crash` at most. */
    verifyInstanceIdentity?: boolean | undefined;
    /** `"onFailure"` puts the last 2 KiB of each failed script's stderr into the error. Default `"never"`. */
    showHookOutput?: "never" | "onFailure" | undefined;
}

/** Quiesces a running Windows instance by VSS, through AWS Systems Manager. */
export interface VssArgs {
    /** By VSS, through Systems Manager. A change replaces. */
    method: "vss";
    /** Leaves the chain of native SQL Server backups alone. Default false: a full backup to VSS. */
    copyOnly?: boolean | undefined;
    /** Without the application writers: the level is `filesystem`. Default false. A change replaces. */
    noWriters?: boolean | undefined;
    /** Version of AwsVssComponents. Default: AWS's recommended one, or what is installed. */
    vssVersion?: string | undefined;
    /** Also makes an image, the only way to one that boots. Default false. A change replaces. */
    createImage?:
        | boolean
        | {
              /** What the image's name begins with; the set's id comes behind. */
              namePrefix: string;
          }
        | undefined;
    /** Leaves the components that were installed for the run on the instance. Default false. */
    keepComponents?: boolean | undefined;
}

/** A plain, crash-consistent set; of a stopped instance too. */
export interface NoneArgs {
    /** Not at all. A change replaces. */
    method: "none";
}

/** Where and as whom AWS is called. What is absent comes from the stack's `aws:` config, then from the SDK's chain. */
export interface AwsArgs {
    /** Region of the instance, such as `eu-central-1`. Default: `aws:region` of the stack, then `AWS_REGION`. */
    region?: Input<string> | undefined;
    /** Profile of AWS's shared config files. Default: `aws:profile` of the stack, then `AWS_PROFILE`. */
    profile?: Input<string> | undefined;
    /** Role to assume, for some seconds at a time. Default: those of `aws:assumeRoles` of the stack. */
    assumeRole?:
        | {
              /** ARN of the role, `arn:aws:iam::123456789012:role/...`. */
              roleArn: Input<string>;
              /** Name of the session, as CloudTrail shows it. Default `pulumi-app-consistent-snapshot`. */
              sessionName?: Input<string> | undefined;
              /** What the role's trust policy asks for. Default: none. */
              externalId?: Input<string> | undefined;
              /**
               * Seconds for which the role's credentials are valid, 900 to 43200, and no more than the role allows. They
               * are renewed while a run lasts. Default: what STS gives, 3600.
               */
              durationSeconds?: Input<number> | undefined;
              /** Who acts, as CloudTrail shows it in all that the role does. The trust policy must allow it. Default: none. */
              sourceIdentity?: Input<string> | undefined;
          }
        | undefined;
}

/** Limits of phases that do not overlap. Seconds. */
export interface TimeoutArgs {
    /** Seconds until a login succeeds, also while the instance still boots. Default 300. */
    connect?: Input<number> | undefined;
    /** Seconds to wait for another run's lock on the instance. Default 0: fail at once. */
    lock?: Input<number> | undefined;
    /** Seconds for the pre-freeze script. Default 60. */
    preFreeze?: Input<number> | undefined;
    /** Seconds from pre-freeze's end to letting go, 1 to 120. Default 10. */
    freeze?: Input<number> | undefined;
    /** Seconds for the post-thaw script, each try. Default 60. */
    postThaw?: Input<number> | undefined;
    /** Seconds for a Systems Manager command. Default 900. */
    command?: Input<number> | undefined;
    /** Seconds until every snapshot is `completed`. Default 86400. */
    completion?: Input<number> | undefined;
}

/** Inputs of an AppConsistentSnapshot. docs/inputs.md says what a change of each does. */
export interface AppConsistentSnapshotArgs {
    /** The instance. A change replaces. */
    instanceId: Input<string>;
    /** How to quiesce. A plain object whose leaves may be Outputs, so that `pulumi preview` can check it. */
    quiesce: HooksArgs | VssArgs | NoneArgs;
    /** Below this nothing is kept and the resource fails. Default: what `quiesce` promises. */
    minimumLevel?: Input<ConsistencyLevel> | undefined;
    /** Volumes to leave out. Default: all are taken. A change replaces. */
    volumes?:
        | {
              /** Leaves the boot volume out. Default false. */
              excludeBootVolume?: Input<boolean> | undefined;
              /** Ids of data volumes to leave out, `vol-...`. Default: none. Not with VSS. */
              excludeDataVolumeIds?: Input<Input<string>[]> | undefined;
          }
        | undefined;
    /**
     * A change from one list to another takes a new set; absent, empty or only nulls keep what is there. Default: none, so
     * that one set is taken and kept.
     */
    triggers?: Input<unknown[]> | undefined;
    /** Tags of the snapshots. Changed in place. Default: those of `aws:defaultTags` of the stack. */
    tags?: Input<Record<string, Input<string>>> | undefined;
    /** Description of the snapshots, 255 characters at most. Used at the next set. Default: none. */
    description?: Input<string> | undefined;
    /** Copies the volumes' tags to their snapshots. Default false. Used at the next set. */
    copyTagsFromVolumes?: Input<boolean> | undefined;
    /** Limits of the phases, in seconds. Default: one for each phase. Used at the next set. */
    timeouts?: TimeoutArgs | undefined;
    /** Waits until every snapshot is `completed`. Default true. */
    waitForCompletion?: Input<boolean> | undefined;
    /** Where and as whom AWS is called. Default: as the stack's `aws:` config says. Updated in place. */
    aws?: AwsArgs | undefined;
    /**
     * An execution id (`acs-...`), as THAW_PENDING and STALE_FREEZE name it: "I have made sure that the instance is
     * awake." The next `pulumi up` removes what that execution left on the host, without running its post-thaw. Any
     * other id does nothing. Default: none.
     */
    confirmAwake?: Input<string> | undefined;
    /**
     * Has `pulumi preview` look at everything that `pulumi up` would look at before it freezes: AWS, login, sudo, scripts,
     * lock. It touches nothing, and looks only where this program would take a set, for 60 s at most. `"warn"` says what
     * stands against the set, `"fail"` fails the preview. Default: preview looks at the inputs alone.
     */
    preflight?: Input<"warn" | "fail"> | undefined;
}

const EXISTING =
    "To take a finished set into this stack, run `npx pulumi-app-consistent-snapshot import acs-...` (docs/import.md). " +
    'To read one without managing it, use AppConsistentSnapshot.get("NAME", "acs-...").';

type Own = "instanceId" | "quiesce" | "volumes";

/** Those that a group has as well. All of them, by the compiler's word. */
export const SHARED_INPUTS: { readonly [Name in Exclude<keyof AppConsistentSnapshotArgs, Own>]-?: true } = {
    minimumLevel: true,
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
const INPUTS: { readonly [Name in keyof AppConsistentSnapshotArgs]-?: true } = {
    instanceId: true,
    quiesce: true,
    volumes: true,
    ...SHARED_INPUTS,
};

/**
 * Snapshots of all EBS volumes of an instance, taken at one instant while the instance is quiesced, with a level of
 * consistency that is proven.
 *
 * Its type, for `--target`, transforms and policies: `pulumi-nodejs:dynamic/ec2:AppConsistentSnapshot`.
 *
 * @example
 * const nightly = new AppConsistentSnapshot("nightly", {
 *     instanceId: server.id,
 *     quiesce: {
 *         method: "hooks", // runs /usr/sbin/pre-freeze-script and /usr/sbin/post-thaw-script on the instance
 *         connection: { host: server.privateIp, user: "snapshot", privateKey, hostKey },
 *     },
 *     triggers: [config.get("run")], // a new value takes a new set
 * });
 * export const level = nightly.consistencyLevel;
 */
export class AppConsistentSnapshot extends CustomResource {
    /** Boot volume first, then by device name. */
    declare public readonly snapshotIds: Output<string[]>;
    /** What an image's block device mapping needs of each snapshot, in the same order. */
    declare public readonly snapshots: Output<SnapshotInfo[]>;
    /** What the evidence proves. */
    declare public readonly consistencyLevel: Output<ConsistencyLevel>;
    /** The proof of the level: what was seen, and for how many milliseconds the instance was frozen. */
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
        super(
            TYPE,
            name,
            dynamicProperties(PROVIDER, { ...inputs, owner }, outputs),
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
        assertExecutionId(id, {
            type: "AppConsistentSnapshot",
            name,
            kind: "a set",
            tag: "app-consistent-snapshot:execution",
        });
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
