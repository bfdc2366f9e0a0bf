import { expect } from "chai";
import { billingLoss, billingWayOut } from "../../components/billingGate";
import type { InstanceFacts } from "../../provider/base/outputs";
import { linux } from "../../lab/scenes/snapshotSet";

/** EC2 User Guide, "AMI billing information fields". */
const BILLED: [platformDetails: string, usageOperation: string][] = [
    ["Red Hat BYOL Linux", "RunInstances:00g0"],
    ["Red Hat Enterprise Linux", "RunInstances:0010"],
    ["Red Hat Enterprise Linux with HA", "RunInstances:1010"],
    ["Red Hat Enterprise Linux with SQL Server Standard and HA", "RunInstances:1014"],
    ["Red Hat Enterprise Linux with SQL Server Enterprise", "RunInstances:0110"],
    ["SQL Server Enterprise", "RunInstances:0100"],
    ["SQL Server Standard", "RunInstances:0004"],
    ["SQL Server Web", "RunInstances:0200"],
    ["SUSE Linux", "RunInstances:000g"],
    ["Ubuntu Pro", "RunInstances:0g00"],
];

const without = (...keys: (keyof InstanceFacts)[]): InstanceFacts =>
    Object.fromEntries(
        Object.entries(linux).filter(([key]) => !keys.includes(key as keyof InstanceFacts)),
    ) as unknown as InstanceFacts;

describe("billing gate", () => {
    it("lets plain Linux through, also when EC2 tells only one of its codes", () => {
        expect(billingLoss(linux)).to.equal(undefined);
        expect(billingLoss(without("platformDetails"))).to.equal(undefined);
        expect(billingLoss(without("usageOperation"))).to.equal(undefined);
    });

    for (const [platformDetails, usageOperation] of BILLED) {
        it(`refuses ${platformDetails}, by either of its codes`, () => {
            const facts = { ...linux, platformDetails, usageOperation };
            expect(billingLoss(facts)).to.equal(
                `the image would lose its billing code (${platformDetails}, ${usageOperation})`,
            );
            expect(billingLoss({ ...linux, platformDetails })).to.match(/would lose its billing code/);
            expect(billingLoss({ ...linux, usageOperation })).to.match(/would lose its billing code/);
        });
    }

    it("refuses what came from AWS Marketplace, and names the code", () => {
        const productCodes = [{ productCodeId: "abc123", productCodeType: "marketplace" }];
        expect(billingLoss({ ...linux, productCodes })).to.equal(
            "the image would lose its AWS Marketplace product code (abc123)",
        );
    });

    it("refuses Windows, and names the input that makes an image that starts", () => {
        const windows: InstanceFacts = { ...linux, platform: "windows", usageOperation: "RunInstances:0002" };
        expect(billingLoss(windows)).to.match(/Windows .* does not start/);
        expect(billingWayOut(windows)).to.match(/createImage: true/);
    });

    it("refuses what is not known", () => {
        expect(billingLoss(without("platformDetails", "usageOperation"))).to.match(/is not known/);
    });

    it("names the image to launch from instead", () => {
        expect(billingWayOut(linux)).to.match(/^Launch an instance from ami-00000000000000001,/);
        expect(billingWayOut(without("imageId"))).to.match(
            /from the image that the source was launched from,/,
        );
    });
});
