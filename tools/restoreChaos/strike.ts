import { setTimeout as sleep } from "node:timers/promises";
import type { HostProcess } from "../../lab/hosts/hostProcesses";
import type { SshHost } from "../../lab/hosts/sshHost";
import type { RestoreChaosLab } from "./lab";
import type { Anchor, Blow, Fault } from "./plan";

const STOPPED_MS = 4_000;
const REFUSED_MS = 1_000;
const LOOK_MS = 30;

/** The run, for whoever strikes it. */
export interface Target {
    readonly isOver: () => boolean;
    /** @returns whether there was a process to be sent it */
    readonly signalProvider: (signal: NodeJS.Signals) => boolean;
    readonly killEngine: () => Promise<boolean>;
    readonly interrupt: (times: number) => Promise<boolean>;
    readonly killAll: () => boolean;
}

/** Waits for the moment, and strikes. @returns whether there was something to strike */
export async function strike(
    lab: RestoreChaosLab,
    fault: Extract<Fault, { kind: "moment" }>,
    target: Target,
): Promise<boolean> {
    if (!(await reached(lab, fault.anchor, target))) {
        return false;
    }
    await sleep(fault.delayMs);
    return !target.isOver() && (await BLOWS[fault.what](lab, target));
}

async function reached(lab: RestoreChaosLab, anchor: Anchor, target: Target): Promise<boolean> {
    const { scene, cloud } = lab;
    const asked = async (operation: string) =>
        (await cloud.calls()).some((call) => call.operation === operation);
    const isThere: Record<Anchor, () => boolean | Promise<boolean>> = {
        started: () => target.signalProvider("SIGCONT"),
        launched: () => asked("RunInstances"),
        verifying: () => [...scene.copies.hosts.values()].some(({ events }) => events.includes("verifying")),
        terminating: () => asked("TerminateInstances"),
    };
    while (!(await isThere[anchor]())) {
        if (target.isOver()) {
            return false;
        }
        await sleep(LOOK_MS);
    }
    return true;
}

type Strike = (lab: RestoreChaosLab, target: Target) => boolean | Promise<boolean>;

const BLOWS: Record<Blow, Strike> = {
    "kill the provider": (_lab, target) => target.signalProvider("SIGKILL"),
    "end the provider": (_lab, target) => target.signalProvider("SIGTERM"),
    "second Ctrl-C": (_lab, target) => target.signalProvider("SIGINT"),
    "Ctrl-C": (_lab, target) => target.interrupt(1),
    "Ctrl-C twice": (_lab, target) => target.interrupt(2),
    "kill the engine": (_lab, target) => target.killEngine(),
    "kill the whole process group": (_lab, target) => target.killAll(),
    "stop the provider for 4 s": async (_lab, target) => {
        const stopped = target.signalProvider("SIGSTOP");
        await sleep(STOPPED_MS);
        target.signalProvider("SIGCONT");
        return stopped;
    },
    "kill sshd's sessions": (lab) => onHosts(lab, (host) => host.killSessions()),
    "kill the verify script": (lab) => onHosts(lab, (host) => killOn(host, ofVerify)),
    // Its first process ends all others with it; nobody tells EC2.
    "kill all on the copy": (lab) => onHosts(lab, (host) => killOn(host, ({ pid }) => pid > 1)),
    "somebody terminates the copy": (lab) =>
        onCopies(lab, (id) => lab.cloud.setInstanceState(id, "terminated")),
    "somebody stops the copy": (lab) => onCopies(lab, (id) => lab.cloud.setInstanceState(id, "stopped")),
    "somebody protects the copy": (lab) => onCopies(lab, (id) => lab.scene.protect(id, true)),
    "the credentials end": async ({ cloud }) => {
        await cloud.expireCredentials(cloud.accessKeyId);
        return true;
    },
    "refuse connections to the cloud for 1 s": async ({ cloud }) => {
        await cloud.refuseConnections();
        await sleep(REFUSED_MS);
        await cloud.acceptConnections();
        return true;
    },
};

function onHosts({ scene }: RestoreChaosLab, act: (host: SshHost) => void): boolean {
    const hosts = [...scene.copies.hosts.values()];
    for (const host of hosts) {
        try {
            act(host);
        } catch {
            // It ended in between.
        }
    }
    return hosts.length > 0;
}

const ofVerify = ({ command }: HostProcess) => /^sleep (0\.5|300)$/.test(command.trim());

function killOn(host: SshHost, isMeant: (process: HostProcess) => boolean): void {
    for (const { pid } of host.processes().filter(isMeant)) {
        host.signal(pid, "SIGKILL");
    }
}

async function onCopies(
    { scene }: RestoreChaosLab,
    act: (instanceId: string) => Promise<unknown>,
): Promise<boolean> {
    const found = await scene.instances();
    await Promise.all(found.map(({ InstanceId = "" }) => act(InstanceId)));
    return found.length > 0;
}
