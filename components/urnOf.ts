import type { Resource } from "@pulumi/pulumi";

/**
 * The URN, for names of what belongs to a component. As a Promise, because the Output depends on the component, which
 * counts as made when all that belongs to it is: each would wait for the other.
 */
export function urnOf({ urn }: Resource): Promise<string> {
    return new Promise((resolve) => {
        urn.apply(resolve);
    });
}
