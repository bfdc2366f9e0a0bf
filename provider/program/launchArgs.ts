import type { Input } from "@pulumi/pulumi";

/** How a copy is launched, in its own region. */
export interface LaunchArgs {
    /** Such as `m7i.large`; the same architecture as that of the source. */
    instanceType: Input<string>;
    /** Subnet, `subnet-...`. */
    subnetId: Input<string>;
    /** Security groups, `sg-...`. */
    vpcSecurityGroupIds: Input<Input<string>[]>;
    /** Name or ARN of an instance profile. Default: none. */
    iamInstanceProfile?: Input<string> | undefined;
    /** Name of an EC2 key pair. Default: none. */
    keyName?: Input<string> | undefined;
    /** Address in `subnetId`; free when the copy is launched. Default: one that EC2 chooses. */
    privateIp?: Input<string> | undefined;
    /** User data, in plain text. Default: none. */
    userData?: Input<string> | undefined;
}

/** How a restore test launches its copy. It has to be fenced off: docs/restore-test.md. */
export interface RestoreLaunchArgs extends LaunchArgs {
    /** The instance metadata service of the copy. Default: on, with session tokens (IMDSv2); number of hops: 2. */
    metadataOptions?:
        | {
              /** `"disabled"` keeps the copy from having the credentials of a role. Default `"enabled"`. */
              httpEndpoint?: Input<"enabled" | "disabled"> | undefined;
              /** Whether it asks for session tokens (IMDSv2). Default `"required"`. */
              httpTokens?: Input<"required" | "optional"> | undefined;
              /** For how many network hops its answer is good, 1 to 64. Default 2, which containers need. */
              httpPutResponseHopLimit?: Input<number> | undefined;
          }
        | undefined;
}
