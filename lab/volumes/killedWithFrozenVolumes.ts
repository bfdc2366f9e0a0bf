// Freezes its volumes, with a writer that waits for them, and says so; for volumes.test.ts to kill it.
import { spawn } from "node:child_process";
import { startLocalCloud } from "../cloud/localCloud";
import { startSshHost } from "../hosts/sshHost";
import { hostRun, mountVolumes } from "./volumes";

async function main(): Promise<void> {
    const cloud = await startLocalCloud();
    const instance = await cloud.createInstance({ volumes: 3 });
    const host = await startSshHost({ instanceId: instance.instanceId });
    const volumes = await mountVolumes(cloud, instance, host, [
        { mountPoint: "/mnt/data", fileSystem: "ext4" },
        { mountPoint: "/mnt/log", fileSystem: "xfs" },
    ]);
    const places = "/mnt/data /mnt/log /run/volume-store";
    const devices = `$(for place in ${places}; do findmnt -n -o SOURCE $place; done)`;
    const listed = await hostRun(host, `for one in ${devices}; do losetup -n -l -O NAME,BACK-INO $one; done`);
    const loops = listed
        .trim()
        .split("\n")
        .map((line) => line.trim().split(/\s+/).join(" "));
    await volumes.thawAfter(100);
    await hostRun(host, "fsfreeze -f /mnt/data && fsfreeze -f /mnt/log");
    const [program, args] = host.commandLine("echo >/mnt/data/waits");
    spawn(program, args, { stdio: "ignore" });
    console.log(JSON.stringify({ pid: host.pid, loops }));
    setInterval(() => undefined, 1_000);
}

void main();
