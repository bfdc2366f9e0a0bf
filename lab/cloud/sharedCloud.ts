import { type LocalCloud, startLocalCloud } from "./localCloud";

let started: Promise<LocalCloud> | undefined;

/**
 * The one local cloud of this process, for code that runs in process: the provider keeps its clients, and with them
 * the endpoint that the environment named when they were made. Whoever uses it resets it after each test.
 */
export function sharedCloud(): Promise<LocalCloud> {
    started ??= startLocalCloud();
    return started;
}

/** Puts the cloud into the environment of this process. @returns what puts the environment back */
export function useCloud(cloud: LocalCloud, more: Readonly<Record<string, string>> = {}): () => void {
    const before = awsEnvironment();
    setAwsEnvironment({ ...cloud.env, ...more });
    return () => setAwsEnvironment(before);
}

function awsEnvironment(): Record<string, string | undefined> {
    return Object.fromEntries(Object.entries(process.env).filter(([name]) => name.startsWith("AWS_")));
}

function setAwsEnvironment(values: Readonly<Record<string, string | undefined>>): void {
    for (const name of Object.keys(awsEnvironment())) {
        Reflect.deleteProperty(process.env, name);
    }
    Object.assign(process.env, values);
}
