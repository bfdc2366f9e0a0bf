import { connect } from "node:net";

const CONNECT_LIMIT_MS = 2_000;

export interface EngineAddress {
    readonly host: string;
    readonly port: number;
}

/** The engine's address is the last argument of a provider's process; its parent process never changes when it dies. */
export function engineAddress(argv: readonly string[]): EngineAddress | undefined {
    const match = /^(?<host>127\.0\.0\.1|localhost|\[::1\]):(?<port>\d+)$/.exec(argv.at(-1) ?? "");
    const { host, port } = match?.groups ?? {};
    return host === undefined || port === undefined
        ? undefined
        : { host: host.replace(/[[\]]/g, ""), port: Number(port) };
}

/** Looks once whether the engine still listens; false where none started this process. */
export async function isEngineGone(): Promise<boolean> {
    const engine = engineAddress(process.argv);
    return engine !== undefined && (await refuses(engine));
}

/** Only a refusal says that nobody listens: a stopped or busy engine lets connections wait. */
export async function refuses(address: EngineAddress): Promise<boolean> {
    return await new Promise((resolve) => {
        const socket = connect(address);
        const answer = (refused: boolean) => {
            socket.destroy();
            resolve(refused);
        };
        socket.setTimeout(CONNECT_LIMIT_MS, () => answer(false));
        socket.once("connect", () => answer(false));
        socket.once("error", (error: NodeJS.ErrnoException) => answer(error.code === "ECONNREFUSED"));
        socket.unref();
    });
}
