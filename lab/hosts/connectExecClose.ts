import { connect, type SshSettings } from "../../provider/transport/ssh/connection";

// A process of its own for the tests: connects, runs a command, closes, and must then end by itself.
async function main(settings: SshSettings, until: string): Promise<void> {
    const signal = new AbortController().signal;
    const connection = await connect(settings, { timeoutMs: 30_000, signal, log: () => undefined }).catch(
        (error: unknown) => {
            console.log(error instanceof Error ? error.message : "failed");
        },
    );
    if (!connection) {
        return;
    }
    if (until === "cut") {
        await connection.exec('kill -9 "$PPID"; sleep 60');
        const { asked } = await connection.closed;
        console.log(`closed, asked: ${String(asked)}`);
        return;
    }
    const channel = await connection.exec("echo in; cat");
    console.log(await channel.nextLine(20_000));
    // With the command still running and a line being waited for.
    const last = channel.nextLine(600_000);
    await connection.close();
    console.log(String(await last));
}

void main(JSON.parse(process.argv[2] ?? "") as SshSettings, process.argv[3] ?? "");
