import { setTimeout as sleep } from "node:timers/promises";
import type { Evidence } from "../../../index";
import type { EngineResult, RunningOperation } from "../../../lab/engine/project";
import { GUARD_FOLDER, type MachineLab } from "./machineLab";
import { patiently, wasTooSlow } from "./patiently";
import type { Program } from "./program";

const REACHED_LIMIT_MS = 900_000;
/** Seconds. As short as an emulated machine allows, because some faults last longer than all of them. */
export const LIMITS = { preFreeze: 60, freeze: 30, postThaw: 20 };
/** For longer than the freeze may last. */
const PAUSED_MS = (LIMITS.freeze + 15) * 1000;

/** What a fault is thrown at. */
export interface Target {
    readonly lab: MachineLab;
    /** Starts an `up` that would take a new set. */
    readonly spawn: (changes?: Pick<Program, "inputs" | "user">) => RunningOperation;
}

export interface MachineFault {
    readonly name: string;
    /** What the struck `up` may end with: one of these codes, or `succeeded`. */
    readonly mayEnd: readonly string[];
    /** Before anybody writes, with the machine running. */
    readonly prepare?: (lab: MachineLab) => Promise<void>;
    /** Does the harm. @returns how the `up` ended */
    readonly strike: (target: Target) => Promise<EngineResult>;
    /** After the struck `up` has ended, before the next one. */
    readonly repair?: (lab: MachineLab) => Promise<void>;
    /** What else has to be so. @returns what is not */
    readonly check?: (result: EngineResult) => readonly string[];
    /** The machine boots anew in it: who wrote on it writes no more. */
    readonly boots?: true;
}

/** A way to do harm while the request for the set is on its way, and everything is frozen. */
function whileFrozen(harm: (lab: MachineLab, letGo: () => Promise<void>) => Promise<void>) {
    return async ({ lab, spawn }: Target): Promise<EngineResult> => {
        const gate = await lab.cloud.gate("CreateSnapshots");
        const reached = gate.reached({ limitMs: REACHED_LIMIT_MS });
        reached.catch(() => undefined);
        const { result } = await patiently(async () => {
            const { result } = spawn();
            // An `up` that is refused before sends no request.
            const refused = result.then((one) => wasTooSlow(one) || failsAsOver(one));
            if (await Promise.race([reached.then(() => false), refused])) {
                return await result;
            }
            refused.catch(() => undefined);
            await harm(lab, () => gate.release());
            return await result;
        });
        return result;
    };
}

function failsAsOver({ stdout }: EngineResult): never {
    throw new Error(`the up was over before anything was frozen: ${stdout}`);
}

const INSTANCE_STORE_MIB = 64;

/** One of the two volumes of the LVM stripe. */
const ofStripe = ({ instance }: MachineLab) => instance.volumeIds[1] ?? "";

const WAITS = "/run/lab-cloud-init-waits";
const MAY_END = "/run/lab-cloud-init-may-end";
const LATE = "late";
const RIGHTS = `/etc/sudoers.d/${LATE}`;
/** Gives its rights to an account that can log in, when somebody has said that it may. To YAML a colon and a space are a map. */
const USER_DATA = `#cloud-config
runcmd:
  - touch ${WAITS}
  - while [ ! -e ${MAY_END} ]; do sleep 1; done
  - echo "${LATE} ALL=(ALL) NOPASSWD:ALL" >${RIGHTS}
`;

export const FAULTS: readonly MachineFault[] = [
    {
        name: "reset while frozen",
        mayEnd: ["HOLD_UNPROVEN", "CONNECTION_LOST", "THAW_PENDING"],
        boots: true,
        strike: whileFrozen(async ({ machine }, letGo) => {
            await machine.reset();
            await letGo();
        }),
    },
    {
        name: "power off while frozen",
        mayEnd: ["HOLD_UNPROVEN", "CONNECTION_LOST"],
        boots: true,
        strike: whileFrozen(async ({ machine, cloud, instance }, letGo) => {
            await machine.powerOff();
            await cloud.setInstanceState(instance.instanceId, "stopped");
            await letGo();
        }),
        async repair({ machine, cloud, instance }) {
            await machine.powerOn();
            await cloud.setInstanceState(instance.instanceId, "running");
        },
    },
    {
        name: "reboot between pre-freeze and thaw",
        // It takes its time: the set may be requested before the guard is ended.
        mayEnd: ["succeeded", "HOLD_UNPROVEN", "CONNECTION_LOST", "THAW_PENDING"],
        boots: true,
        strike: whileFrozen(async ({ machine }, letGo) => {
            await machine.reboot();
            await letGo();
        }),
    },
    {
        name: "a disk hangs while freezing",
        mayEnd: ["PRE_FREEZE_TIMEOUT", "PRE_FREEZE_FAILED", "THAW_PENDING"],
        async strike({ lab, spawn }) {
            const { result } = spawn();
            // Those who look come by the root volume, which answers.
            await lab.machine.run(`until [ -s ${GUARD_FOLDER}/marker ]; do sleep 0.2; done`);
            await lab.machine.hang(ofStripe(lab));
            return await result;
        },
        repair: (lab) => lab.machine.release(ofStripe(lab)),
    },
    {
        name: "a disk hangs while thawing",
        mayEnd: ["THAW_PENDING"],
        strike: whileFrozen(async (lab, letGo) => {
            await lab.machine.hang(ofStripe(lab));
            await letGo();
        }),
        repair: (lab) => lab.machine.release(ofStripe(lab)),
    },
    {
        name: "paused for longer than the freeze may last",
        // Its own clocks stand still as well: it held all the time that there was for it.
        mayEnd: ["succeeded", "FREEZE_EXPIRED", "HOLD_UNPROVEN", "THAW_PENDING"],
        strike: whileFrozen(async ({ machine }, letGo) => {
            await machine.pause();
            await letGo();
            await sleep(PAUSED_MS);
            await machine.resume();
        }),
    },
    {
        name: "one volume of the LVM stripe is excluded",
        mayEnd: ["SPLIT_VOLUME_GROUP"],
        strike: ({ lab, spawn }) =>
            spawn({ inputs: { volumes: { excludeDataVolumeIds: [ofStripe(lab)] } } }).result,
    },
    {
        name: "an instance store is mounted",
        mayEnd: ["succeeded"],
        async prepare({ machine, store }) {
            await machine.addInstanceStore(await store.empty("instance-store", INSTANCE_STORE_MIB));
            await machine.run(
                "udevadm settle; disk=$(lsblk -dnpo NAME,MODEL | awk '/Instance Storage/ { print $1 }'); " +
                    'mkdir -p /mnt/scratch && mkfs.ext4 -q -F "$disk" && mount "$disk" /mnt/scratch',
            );
        },
        strike: async ({ spawn }) => (await patiently(() => spawn().result)).result,
        async repair({ machine }) {
            await machine.run("umount /mnt/scratch");
        },
        check: ({ outputs }) => {
            const { notCovered = [] } = (outputs["evidence"] ?? {}) as Evidence;
            return notCovered.includes("/mnt/scratch (instance store)")
                ? []
                : [`no instance store among what is not covered: ${notCovered.join(", ")}`];
        },
    },
    {
        name: "cloud-init still runs, and gives the account its rights at its end",
        mayEnd: ["succeeded"],
        async prepare({ machine }) {
            await machine.run(
                `id ${LATE} >/dev/null 2>&1 || useradd -m -s /bin/sh ${LATE}; ` +
                    `cp -r /home/admin/.ssh /home/${LATE}/ && chown -R ${LATE}: /home/${LATE}/.ssh && ` +
                    `printf %s '${USER_DATA}' >/var/lib/lab-seed/user-data && rm -f ${RIGHTS} && ` +
                    // It runs once for an instance.
                    "rm -rf /var/lib/cloud/instance /var/lib/cloud/instances /var/lib/cloud/sem && sync",
            );
            await machine.powerOff();
            await machine.powerOn({ cloudInit: true });
            await machine.ready();
            await machine.run(`until [ -e ${WAITS} ]; do sleep 1; done`);
        },
        async strike({ lab, spawn }) {
            const running = spawn({ user: LATE });
            await Promise.race([
                running.waitForLine(/waiting for cloud-init/, REACHED_LIMIT_MS),
                running.result.then(failsAsOver),
            ]);
            await lab.machine.run(`touch ${MAY_END}`);
            const result = await running.result;
            // That it waits was seen.
            return wasTooSlow(result) ? (await patiently(() => spawn({ user: LATE }).result)).result : result;
        },
    },
];
