import { EC2Client } from "@aws-sdk/client-ec2";
import { expect } from "chai";
import { type Clients, clientsFor } from "../../../provider/aws/clients";
import {
    type SetRequest,
    type SnapshotCallError,
    createSnapshots,
} from "../../../provider/aws/createSnapshots";
import { credentialsFailure } from "../../../provider/run/preconditions";
import type { Run } from "../../../provider/run/run";
import type { LocalCloud } from "../../../lab/cloud/localCloud";
import { rejection } from "../../../lab/rejection";
import { sharedCloud, useCloud } from "../../../lab/cloud/sharedCloud";

const never = new AbortController().signal;

function setOf(instanceId: string): SetRequest {
    return {
        instanceId,
        description: "",
        selection: undefined,
        copyTagsFromVolumes: false,
        tags: [{ Key: "a", Value: "b" }],
    };
}

describe("createSnapshots", () => {
    describe("with credentials that never come", () => {
        const ec2Once = new EC2Client({
            region: "us-east-1",
            credentials: () => new Promise<never>(() => undefined),
        });
        const clients = { ec2Once } as unknown as Clients;
        after(() => ec2Once.destroy());

        it("ends at its limit: whether there is a set is not known", async () => {
            const error = await rejection<SnapshotCallError>(
                createSnapshots(clients, setOf("i-1"), 50, never),
            );
            expect(error).to.include({ code: "SNAPSHOT_OUTCOME_UNKNOWN", outcome: "unknown" });
            expect(error.message).to.include("no answer within 0.05 s");
        });

        it("ends when it is aborted: whether there is a set is not known", async () => {
            const controller = new AbortController();
            const waiting = rejection<SnapshotCallError>(
                createSnapshots(clients, setOf("i-1"), 60_000, controller.signal),
            );
            controller.abort(new Error("enough"));
            expect(await waiting).to.include({ outcome: "unknown" });
        });
    });

    describe("with credentials that the SDK would renew", () => {
        let cloud: LocalCloud;
        let restore: () => void;

        before(async () => {
            cloud = await sharedCloud();
            restore = useCloud(cloud);
        });
        after(async () => {
            restore();
            await cloud.reset();
        });

        it("uses those that were checked before the freeze, and asks for no others", async () => {
            // Under 5 min: the SDK asks anew with each request.
            await cloud.setRoleDuration(200);
            const assumeRole = { roleArn: "arn:aws:iam::123456789012:role/renewed" };
            const clients = await clientsFor({ region: "us-east-1", assumeRole });
            const instance = await cloud.createInstance({ volumes: 1 });
            const inputs = { timeouts: { preFreeze: 10, freeze: 10 } };
            expect(await credentialsFailure({ clients, inputs, signal: never } as Run)).to.equal(undefined);
            await cloud.clearCalls();
            await createSnapshots(clients, setOf(instance.instanceId), 60_000, never);
            const operations = (await cloud.calls()).map(({ operation }) => operation);
            expect(operations).to.deep.equal(["CreateSnapshots"]);
        });
    });
});
