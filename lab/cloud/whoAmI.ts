// A process of its own, because Node reads NODE_EXTRA_CA_CERTS only when it starts: prints the account that the
// product's clients find with the environment and the stack's config that are given.
import type { StackConfig } from "../../provider/aws/awsConfig";
import { accountOf, clientsFor } from "../../provider/aws/clients";

async function main(config: StackConfig): Promise<void> {
    const clients = await clientsFor({}, config);
    console.log(await accountOf(clients, AbortSignal.timeout(60_000)));
}

void main(JSON.parse(process.argv[2] ?? "{}") as StackConfig);
