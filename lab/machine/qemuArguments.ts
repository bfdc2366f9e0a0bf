/** A volume of a machine: a range of a file. */
export interface MachineVolume {
    /** `vol-0123456789abcdef0` */
    readonly volumeId: string;
    readonly file: string;
    readonly offsetMiB: number;
    readonly sizeMiB: number;
}

export interface QemuSettings {
    readonly instanceId: string;
    /** The boot volume first. */
    readonly volumes: readonly MachineVolume[];
    /** Whether cloud-init runs, as at the first boot of an instance. Default: it does not. */
    readonly cloudInit?: boolean;
    /** Default 2. */
    readonly processors?: number;
    /** Of loopback, for the machine's port 22. */
    readonly address: string;
    readonly port: number;
    /** For `qmp` and `console`. */
    readonly folder: string;
}

const MIB = 1024 * 1024;
const MEMORY_MIB = 1024;
const FREE_SLOT = "free-slot";
/** Of translated code. The more, the less is translated anew. */
const TRANSLATED_MIB = 512;

/**
 * The arguments of QEMU for a machine that looks like an EC2 instance on Nitro: volumes as NVMe disks whose serial numbers
 * are their ids, the instance id as the board's asset tag (EC2 user guide, "Identify EC2 instances"). In software alone:
 * where there is a /dev/kvm, it need not run a whole kernel.
 */
export function qemuArguments(settings: QemuSettings): string[] {
    const { instanceId, volumes, address, port, folder } = settings;
    const processors = settings.processors ?? 2;
    const threads = processors > 1 ? "multi" : "single";
    return [
        ...["-nodefaults", "-no-user-config", "-display", "none"],
        // On a busy machine the BIOS may give a disk up that answers late: then it begins anew.
        ...["-boot", "reboot-timeout=1000"],
        ...["-machine", "q35", "-m", String(MEMORY_MIB), "-smp", String(processors)],
        ...["-accel", `tcg,thread=${threads},tb-size=${TRANSLATED_MIB}`, "-cpu", "max"],
        ...volumes.flatMap(nvmeDisk),
        ...["-device", `pcie-root-port,id=${FREE_SLOT}`],
        // Nothing of it reaches anybody but the port that leads to it.
        ...["-netdev", `user,id=network,restrict=on,hostfwd=tcp:${address}:${port}-:22`],
        ...["-device", "virtio-net-pci,romfile=,netdev=network", "-device", "virtio-rng-pci"],
        ...["-smbios", `type=2,asset=${instanceId}`],
        ...["-smbios", `type=1,manufacturer=Amazon EC2,product=m5.large${cloudInitOf(settings)}`],
        ...["-qmp", `unix:${folder}/qmp,server=on,wait=off`, "-serial", `file:${folder}/console`],
    ];
}

/** The id of a volume's disk in QEMU. */
export function diskOf(volumeId: string): string {
    return serialOf(volumeId);
}

/** NVMe knows 20 characters of it: there is room for an id without its dash. */
function serialOf(volumeId: string): string {
    return volumeId.replace("-", "");
}

function nvmeDisk({ volumeId, file, offsetMiB, sizeMiB }: MachineVolume): string[] {
    const node = `${diskOf(volumeId)}-contents`;
    const contents = {
        driver: "raw",
        "node-name": node,
        offset: offsetMiB * MIB,
        size: sizeMiB * MIB,
        discard: "unmap",
        // Several disks are ranges of one file.
        file: { driver: "file", filename: file, locking: "off", discard: "unmap" },
    };
    const device = `nvme,id=${diskOf(volumeId)},drive=${node},serial=${serialOf(volumeId)}`;
    return ["-blockdev", JSON.stringify(contents), "-device", device];
}

/**
 * QMP's commands that add a disk which is no EBS volume, as some instance types have it. QEMU's NVMe disks all bear one
 * model's name, so it is one of SCSI: what is asked for is the model's name. Into a machine that runs, because its
 * BIOS would boot from it.
 */
export function instanceStoreCommands(file: string): [command: string, parameters: object][] {
    const node = "instance-store";
    return [
        ["device_add", { driver: "virtio-scsi-pci", id: "scsi", bus: FREE_SLOT }],
        ["blockdev-add", { driver: "raw", "node-name": node, file: { driver: "file", filename: file } }],
        [
            "device_add",
            {
                driver: "scsi-hd",
                id: node,
                bus: "scsi.0",
                drive: node,
                product: "Instance Storage",
                serial: "AWS0123456789ABCDEF",
            },
        ],
    ];
}

/** What cloud-init's NoCloud looks for in the DMI (cloud-init, "NoCloud"); the seed is in the boot disk. */
function cloudInitOf({ cloudInit, instanceId }: QemuSettings): string {
    return cloudInit === true ? `,serial=ds=nocloud;i=${instanceId};s=file:///var/lib/lab-seed/` : "";
}
