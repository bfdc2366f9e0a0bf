import { CustomResource, createUrn } from "@pulumi/pulumi";
// Apart, as the TypeScript 3.8 that Pulumi ships knows no `type` among other names.
import type { CustomResourceOptions, Input, Output } from "@pulumi/pulumi";
import { restoreSecretTable } from "../base/secretTable";
import type { ConnectionArgs, AwsArgs, ScriptArgs } from "./appConsistentSnapshot";
import type { RestoreLaunchArgs } from "./launchArgs";
import { dynamicProperties } from "./dynamicProperties";
import { assertResolvable, assertUsable, hiding } from "./resourceOptions";
import { secretLeaves } from "./secretLeaves";

/**
 * How to log in to the copy over SSH. It has no `host`: its private address is known when it is launched. A `tunnel` has
 * the copy's id as `%h`. `hostKey` is read from the copy's console, where cloud-init prints it, unless it is given.
 */
export type CopyConnectionArgs = Omit<ConnectionArgs, "host">;

/** Inputs of a RestoreTest. docs/restore-test.md says what a change of each does. */
export interface RestoreTestArgs {
    /** The image to test, `ami-...`. A change tests anew. Default: that of `launchTemplate`, which is required then. */
    imageId?: Input<string> | undefined;
    /** A launch template that names the image, in the place of `imageId`. A change tests anew. Default: none. */
    launchTemplate?:
        | {
              /** Its id, `lt-...`. */
              id: Input<string>;
              /** Its version, such as `"3"`. Default: its default version. */
              version?: Input<string> | undefined;
          }
        | undefined;
    /** How the copy is launched; goes before what the launch template says. Fence it off: docs/restore-test.md. */
    launch: RestoreLaunchArgs;
    /** How to log in to the copy. */
    connection: CopyConnectionArgs;
    /**
     * What is run on the copy as root, with `verify` as its argument: a script of the image by its path, or the text of one.
     * Exit code 0 means that the copy is good.
     */
    verify: ScriptArgs;
    /** Runs as root through `sudo -n`. Default: true unless `connection.user` is root. */
    sudo?: boolean | undefined;
    /** Limits, in seconds. Default: those of `boot` and of `verify`. */
    timeouts?:
        | {
              /** Seconds from the launch until the copy lets us log in. Default 900. */
              boot?: Input<number> | undefined;
              /** Seconds for the verify script. Default 600. */
              verify?: Input<number> | undefined;
          }
        | undefined;
    /** Leaves a copy that failed the test running, to be looked at, until the next test or deletion. Default false. */
    keepOnFailure?: Input<boolean> | undefined;
    /** A change from one list to another tests anew; absent, empty or only nulls keep the last test. Default: none. */
    triggers?: Input<unknown[]> | undefined;
    /** Tags of the copy and of its volumes. Used at the next test. Default: none. */
    tags?: Input<Record<string, Input<string>>> | undefined;
    /** Where and as whom AWS is called. Default: as the stack's `aws:` config says. Updated in place. */
    aws?: AwsArgs | undefined;
}

const PROVIDER = "pulumi-app-consistent-snapshot/bin/provider/restoreTestProvider";
const TYPE = "pulumi-nodejs:dynamic/ec2:RestoreTest";

const EXISTING = "A test leaves nothing in AWS that could be imported.";

/** All of them, by the compiler's word. */
const INPUTS: { readonly [Name in keyof RestoreTestArgs]-?: true } = {
    imageId: true,
    launchTemplate: true,
    launch: true,
    connection: true,
    verify: true,
    sudo: true,
    timeouts: true,
    keepOnFailure: true,
    triggers: true,
    tags: true,
    aws: true,
};

/**
 * Proves that a server comes up from an image: launches a copy, waits until it answers, runs a script as root on it, and
 * terminates it, whatever happens. The time from launch to verified is the measured recovery time.
 *
 * Its type, for `--target`, transforms and policies: `pulumi-nodejs:dynamic/ec2:RestoreTest`.
 *
 * @example
 * const image = new AppConsistentAmi("db", { snapshot });
 * const test = new RestoreTest("db", {
 *     imageId: image.imageId,
 *     launch: { instanceType: "m7i.large", subnetId: "subnet-0fence00", vpcSecurityGroupIds: ["sg-0fence00"] },
 *     connection: { user: "snapshot", privateKey },
 *     verify: { script: "systemctl is-active --wait postgresql" },
 * });
 * export const { recoverySeconds } = test;
 */
export class RestoreTest extends CustomResource {
    /** Whether the copy came up, and the script exited with 0. */
    declare public readonly passed: Output<boolean>;
    /** Seconds from the launch until the copy let us log in; undefined when it did not. */
    declare public readonly bootSeconds: Output<number | undefined>;
    /** Seconds that the script took; undefined when it failed. */
    declare public readonly verifySeconds: Output<number | undefined>;
    /** Seconds from the launch until all was verified: the measured recovery time. */
    declare public readonly recoverySeconds: Output<number | undefined>;
    /** The copy; it is gone by then, unless it was kept. */
    declare public readonly instanceId: Output<string>;
    /** When the test ended. ISO 8601. */
    declare public readonly testedAt: Output<string>;
    /** Why it failed: one of the codes of docs/outcomes.md. */
    declare public readonly reason: Output<string | undefined>;
    /** The same in a sentence. */
    declare public readonly message: Output<string | undefined>;

    /** @throws RunError when an argument or an option of Pulumi cannot have the effect that its user expects. */
    constructor(name: string, args: RestoreTestArgs, opts?: CustomResourceOptions) {
        assertUsable({ type: "RestoreTest", name, existing: EXISTING }, args, opts);
        assertResolvable(PROVIDER);
        const inputs = secretLeaves(args, Object.keys(INPUTS), restoreSecretTable);
        const owner = createUrn(name, TYPE, opts?.parent);
        super(
            TYPE,
            name,
            dynamicProperties(PROVIDER, { ...inputs, owner }, outputs),
            hiding(opts, [...INTERNAL, ...Object.keys(outputs)]),
        );
    }
}

/** What the provider keeps for itself, and what the engine compares with outputs that never have it. */
const INTERNAL = ["owner", "left", "region", "accountId", "__provider", "connection", "verify", "launch"];

/** Declared, so that they are unknown, not absent, at preview. */
const outputs = {
    passed: undefined,
    bootSeconds: undefined,
    verifySeconds: undefined,
    recoverySeconds: undefined,
    instanceId: undefined,
    testedAt: undefined,
    reason: undefined,
    message: undefined,
};
