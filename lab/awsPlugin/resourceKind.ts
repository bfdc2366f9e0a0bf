import type { EC2Client } from "@aws-sdk/client-ec2";

export type Properties = Record<string, unknown>;

/** An input that is served. Nothing else is: a program that uses more is refused, not misunderstood. */
export interface InputKind {
    /** What a change of it means, as in the real provider's schema. */
    readonly change: "replace" | "update";
    readonly required?: true;
    /** Of an object, or of each object in a list: the properties that are served. */
    readonly fields?: readonly string[];
}

/** A type of resource: a translation to calls of EC2, which alone judges the values. */
export interface ResourceKind {
    readonly type: string;
    readonly inputs: Readonly<Record<string, InputKind>>;
    /** What only EC2 knows: unknown while a creation is previewed. */
    readonly computed: readonly string[];
    /** Those of them that an update changes. */
    readonly changedByUpdate?: readonly string[];
    /** Has a `name`, made from the resource's where the program gives none. */
    readonly named: boolean;
    /** @returns the id */
    create(ec2: EC2Client, inputs: Properties): Promise<string>;
    /** Waits until it can be used; what was created is kept when that fails. */
    settle(ec2: EC2Client, id: string): Promise<void>;
    /** What EC2 says of it now; undefined when it is gone. */
    read(ec2: EC2Client, id: string): Promise<Properties | undefined>;
    update(ec2: EC2Client, id: string, olds: Properties, news: Properties): Promise<void>;
    delete(ec2: EC2Client, id: string, state: Properties): Promise<void>;
}
