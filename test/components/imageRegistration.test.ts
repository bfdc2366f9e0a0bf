import { expect } from "chai";
import { imageRegistration } from "../../components/imageRegistration";
import type { InstanceFacts } from "../../provider/base/outputs";
import { boot, data, linux } from "../../lab/scenes/snapshotSet";

const of = (facts: Partial<InstanceFacts>, snapshots = [boot, data]) =>
    imageRegistration({ ...linux, ...facts }, snapshots);

const without = (key: keyof InstanceFacts): InstanceFacts => {
    const { [key]: _, ...others } = linux;
    return others as InstanceFacts;
};

describe("registration of an image", () => {
    it("is what the source was", () => {
        expect(imageRegistration(linux, [boot, data])).to.include({
            rootDeviceName: "/dev/xvda",
            architecture: "x86_64",
            virtualizationType: "hvm",
            enaSupport: true,
            sriovNetSupport: "simple",
            bootMode: "uefi-preferred",
            tpmSupport: "v2.0",
        });
    });

    it("boots as the source's image says, else as the source booted, else as the type does", () => {
        const neither = without("bootMode");
        expect(imageRegistration(neither, [boot]).bootMode).to.equal("uefi");
        const { currentInstanceBootMode: _, ...unknown } = neither;
        expect(imageRegistration(unknown, [boot])).not.to.have.property("bootMode");
    });

    it("leaves out what the source has not", () => {
        expect(imageRegistration(without("tpmSupport"), [boot])).not.to.have.property("tpmSupport");
        expect(imageRegistration(without("sriovNetSupport"), [boot])).not.to.have.property("sriovNetSupport");
        expect(imageRegistration(without("enaSupport"), [boot]).enaSupport).to.equal(false);
    });

    for (const [what, refused, text] of [
        [
            "Red Hat",
            () => of({ usageOperation: "RunInstances:0010" }),
            /billing code.*Launch an instance from/,
        ],
        ["Windows", () => of({ platform: "windows" }), /does not start.*createImage/],
        ["a paravirtual source", () => of({ virtualizationType: "paravirtual" }), /needs the kernel/],
        [
            "a set without its boot volume",
            () => of({}, [data]),
            /no snapshot of its boot volume \(\/dev\/xvda\).*`volumes`/,
        ],
        [
            "an instance that is gone",
            () => imageRegistration(without("rootDeviceName"), [boot]),
            /not known what the image has to be like/,
        ],
        [
            "an instance of no architecture",
            () => imageRegistration(without("architecture"), [boot]),
            /not known what the image has to be like/,
        ],
        [
            "a volume that is gone",
            () => of({}, [boot, { ...data, deviceName: "" }]),
            /not known what the image has to be like/,
        ],
    ] as const) {
        it(`refuses ${what}, says why, and what to do`, () => {
            expect(refused).to.throw(text);
            expect(refused).to.throw(
                /^no image can be registered from the snapshots of i-0123456789abcdef0, because /,
            );
        });
    }
});
