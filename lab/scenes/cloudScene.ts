import { EC2Client } from "@aws-sdk/client-ec2";
import type { LocalCloud } from "../cloud/localCloud";
import { sharedCloud, useCloud } from "../cloud/sharedCloud";
import { configure } from "./lifecycle";

/** The cloud of this process, as its provider sees it, and a client beside the provider's. */
export interface CloudScene {
    readonly cloud: LocalCloud;
    readonly ec2: EC2Client;
    /** In `after`: puts the environment back. The cloud stays for others. */
    readonly stop: () => void;
}

/** In `before`. */
export async function startCloudScene(): Promise<CloudScene> {
    const cloud = await sharedCloud();
    const ec2 = new EC2Client(cloud.clientConfig());
    const restore = useCloud(cloud);
    configure(new Map<string, string>());
    return {
        cloud,
        ec2,
        stop: () => {
            ec2.destroy();
            restore();
        },
    };
}
