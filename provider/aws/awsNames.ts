/** What an id of EC2 begins with, and what it is the id of (EC2 User Guide, "Resource IDs"). */
const KINDS: Readonly<Record<string, string>> = {
    i: "an instance",
    vol: "a volume",
    snap: "a snapshot",
    ami: "an image",
    eni: "a network interface",
    eice: "an EC2 Instance Connect Endpoint",
    acs: "a set of snapshots",
    subnet: "a subnet",
    sg: "a security group",
    lt: "a launch template",
    vpc: "a VPC",
};

/** How each is called that an input asks for. */
const WANTED = {
    i: "an EC2 instance id",
    vol: "an EBS volume id",
    ami: "the id of an image",
    subnet: "the id of a subnet",
    sg: "the id of a security group",
    lt: "the id of a launch template",
    eice: "the id of an EC2 Instance Connect Endpoint",
} as const;

/**
 * What is wrong with an id of EC2, or undefined. Its kind is followed by 8 (old) or 17 hexadecimal digits (EC2 User
 * Guide, "Resource IDs").
 */
export function idProblem(kind: keyof typeof WANTED, text: string): string | undefined {
    if (new RegExp(`^${kind}-([0-9a-f]{8}|[0-9a-f]{17})$`).test(text)) {
        return undefined;
    }
    const [, last] = /^arn:.*[:/]([^:/]+)$/.exec(text) ?? [];
    if (last !== undefined && idProblem(kind, last) === undefined) {
        return `is an ARN; give its last part, ${last}`;
    }
    if (text.trim() !== text && idProblem(kind, text.trim()) === undefined) {
        return `has blanks or line ends around the id; give ${JSON.stringify(text.trim())}`;
    }
    const [, other = ""] = /^([a-z]+)-[0-9a-f-]{8,}$/.exec(text) ?? [];
    const is =
        other !== kind && Object.hasOwn(KINDS, other)
            ? `is the id of ${KINDS[other] ?? ""}, and not`
            : "is not";
    return `${is} ${WANTED[kind]}, such as ${kind}-0123456789abcdef0`;
}

/** What is wrong with a region's code, or undefined. Clouds that only act like AWS call theirs as they like. */
export function regionProblem(text: string): string | undefined {
    if (text === "") {
        return "is empty";
    }
    const [, region] = /^([a-z]{2,4}(?:-[a-z]+)+-\d)[a-z]$/.exec(text) ?? [];
    if (region !== undefined) {
        return `is an availability zone; give its region, "${region}"`;
    }
    return /^[\w-]+$/.test(text) ? undefined : "is not the code of a region, such as eu-central-1";
}
