import { sharedCloud, useCloud } from "../cloud/sharedCloud";
import { LocalSystemsManager } from "../cloud/localSystemsManager";
import { pathWithPlugin } from "../sessionManagerPlugin/pluginPath";
import { awsAccess } from "../../provider/aws/awsAccess";
import { clientsFor } from "../../provider/aws/clients";
import type { AwsAccess } from "../../provider/transport/awsAccess";

/** An instance of the local cloud that Session Manager leads to. Its agent dials ports of this machine's loopback. */
export interface SessionScene {
    readonly instanceId: string;
    readonly manager: LocalSystemsManager;
    readonly aws: AwsAccess;
    /** In `after`: fails when a session is left. */
    readonly stop: () => Promise<void>;
}

export async function startSessionScene(): Promise<SessionScene> {
    const cloud = await sharedCloud();
    const { PATH } = process.env;
    const restore = useCloud(cloud);
    process.env["PATH"] = pathWithPlugin();
    const manager = new LocalSystemsManager(cloud);
    const { instanceId } = await cloud.createInstance();
    await manager.manage(instanceId, { platformType: "Linux" });
    return {
        instanceId,
        manager,
        aws: awsAccess(await clientsFor()),
        stop: async () => {
            try {
                await manager.noSessionLeft();
            } finally {
                await cloud.reset();
                restore();
                process.env["PATH"] = PATH;
            }
        },
    };
}
