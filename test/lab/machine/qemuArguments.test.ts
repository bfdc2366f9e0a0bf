import { expect } from "chai";
import { diskOf, instanceStoreCommands, qemuArguments } from "../../../lab/machine/qemuArguments";

describe("the arguments of a virtual machine", () => {
    const settings = {
        instanceId: "i-0123456789abcdef0",
        volumes: [
            { volumeId: "vol-0123456789abcdef0", file: "/store/volumes", offsetMiB: 0, sizeMiB: 2048 },
            { volumeId: "vol-0123456789abcdef1", file: "/store/volumes", offsetMiB: 2048, sizeMiB: 1024 },
        ],
        address: "127.77.0.4",
        port: 2222,
        folder: "/run/machine",
    };
    /** What follows each of the options of this name. */
    const optionsOf = (name: string, changes: object = {}) => {
        const args = qemuArguments({ ...settings, ...changes });
        return args.filter((_, index) => args[index - 1] === name);
    };

    it("each volume is a range of its file, and an NVMe disk whose serial number is its id", () => {
        const contents = optionsOf("-blockdev").map((one) => JSON.parse(one) as Record<string, unknown>);
        expect(contents.map(({ offset, size }) => [offset, size])).to.deep.equal([
            [0, 2 ** 31],
            [2 ** 31, 2 ** 30],
        ]);
        expect(optionsOf("-device").filter((one) => one.startsWith("nvme"))).to.deep.equal([
            "nvme,id=vol0123456789abcdef0,drive=vol0123456789abcdef0-contents,serial=vol0123456789abcdef0",
            "nvme,id=vol0123456789abcdef1,drive=vol0123456789abcdef1-contents,serial=vol0123456789abcdef1",
        ]);
        // NVMe knows no more of a serial number.
        expect(diskOf("vol-0123456789abcdef0")).to.have.lengthOf(20);
    });

    it("claims to be the instance, by the board's asset tag", () => {
        expect(optionsOf("-smbios")).to.include("type=2,asset=i-0123456789abcdef0");
    });

    it("reaches nobody, and is reached at its own address of loopback only", () => {
        expect(optionsOf("-netdev")).to.deep.equal([
            "user,id=network,restrict=on,hostfwd=tcp:127.77.0.4:2222-:22",
        ]);
    });

    it("never needs KVM", () => {
        expect(optionsOf("-accel")[0]).to.match(/^tcg,thread=multi/);
        expect(optionsOf("-accel", { processors: 1 })[0]).to.match(/^tcg,thread=single/);
    });

    it("tells cloud-init to run only when it is to", () => {
        const ofSystem = (changes?: object) =>
            optionsOf("-smbios", changes).find((one) => one.startsWith("type=1"));
        expect(ofSystem()).not.to.include("nocloud");
        expect(ofSystem({ cloudInit: true })).to.include("serial=ds=nocloud;i=i-0123456789abcdef0;");
    });

    it("an instance store bears the model's name that is looked for", () => {
        const [, parameters] = instanceStoreCommands("/store/instance-store").at(-1)!;
        expect(parameters).to.include({ driver: "scsi-hd", product: "Instance Storage" });
    });
});
