import { expect } from "chai";
import fc from "fast-check";
import { copyName } from "../../components/copyName";
import { defaultPrefix, imageName, prefixProblem, variantOf } from "../../components/imageName";
import { newExecutionId } from "../../provider/base/executionId";
import { EXECUTION } from "../../lab/scenes/snapshotSet";

/** EC2 API reference, RegisterImage, Name. */
const EC2_NAME = /^[A-Za-z0-9()[\] ./\-'@_]{3,128}$/;

const ORIGIN = {
    sourceImageId: "ami-0123456789abcdef0",
    region: "eu-west-1",
    urn: "urn:pulumi:dev::shop::a:b:C::db",
};
const executionIds = fc.uuid().map((uuid) => `acs-${uuid}`);
const texts = fc.string({ unit: "grapheme", maxLength: 300 });
const keys = fc.option(fc.string({ minLength: 1 }), { nil: undefined });

describe("names of images", () => {
    it("begin with the prefix and end with the set's id", () => {
        expect(imageName("web", EXECUTION)).to.equal(`web-${EXECUTION}`);
        expect(copyName("web", EXECUTION, ORIGIN)).to.match(new RegExp(`^web-${EXECUTION}-[0-9a-f]{8}$`));
        expect(defaultPrefix("db:primary ü")).to.equal("db-primary -");
    });

    it("are such as EC2 takes, whatever the resource is called", () => {
        fc.assert(
            fc.property(texts, executionIds, keys, (name, id, key) => {
                expect(imageName(defaultPrefix(name), id)).to.match(EC2_NAME);
                expect(copyName(name, id, { ...ORIGIN, kmsKeyId: key })).to.match(EC2_NAME);
            }),
        );
    });

    it("differ from set to set, and a copy's from its source's and by all that replaces it", () => {
        fc.assert(
            fc.property(texts, fc.uniqueArray(executionIds, { minLength: 2, maxLength: 2 }), (name, ids) => {
                const names = ids.flatMap((id) => [
                    imageName(defaultPrefix(name), id),
                    copyName(name, id, ORIGIN),
                    copyName(name, id, { ...ORIGIN, kmsKeyId: "arn:aws:kms:eu-west-1:123456789012:key/a" }),
                    copyName(name, id, { ...ORIGIN, region: "eu-central-1" }),
                    copyName(name, id, { ...ORIGIN, sourceImageId: "ami-0fedcba9876543210" }),
                ]);
                expect(new Set(names)).to.have.property("size", 10);
            }),
        );
    });

    it("keep a given prefix whole, and refuse one that EC2 would not take", () => {
        const longest = "x".repeat(80);
        expect(prefixProblem(longest)).to.equal(undefined);
        expect(imageName(longest, EXECUTION)).to.equal(`${longest}-${EXECUTION}`);
        for (const bad of ["", "x".repeat(81), "a:b", "ü"]) {
            expect(prefixProblem(bad), bad).to.match(/^`namePrefix` ".*" must be 1 to 80 of the characters/);
        }
    });

    describe("of one set", () => {
        const component = "app-consistent-snapshot:index:AppConsistentAmi";
        const replica = "app-consistent-snapshot:index:AppConsistentReplica";
        const urns = [
            `urn:pulumi:dev::shop::${component}::db`,
            `urn:pulumi:dev::shop::${replica}$${component}::db`,
            `urn:pulumi:dev::shop::shop:index:Backup$${component}::db`,
            `urn:pulumi:dev::shop::${component}::db:1`,
            `urn:pulumi:dev::shop::${component}::db-1`,
        ];
        const id = newExecutionId();

        it("differ, whatever has the same name or becomes the same", () => {
            const names = urns.map((urn) => imageName(defaultPrefix("db:1"), id, variantOf(urn, id)));
            expect(new Set(names)).to.have.property("size", urns.length);
            for (const name of names) {
                expect(name).to.match(/^db-1-acs-.{36}-[0-9a-f]{6}$/);
            }
            const copies = urns.map((urn) => copyName("db", id, { ...ORIGIN, urn }));
            expect(new Set(copies)).to.have.property("size", urns.length);
        });

        it("stay when the stack or the project is renamed", () => {
            const [urn = ""] = urns;
            expect(variantOf(urn.replace("dev::shop", "prod::store"), id)).to.equal(variantOf(urn, id));
        });

        it("stay as they were where a first release took the set", () => {
            for (const urn of urns) {
                expect(imageName("db", EXECUTION, variantOf(urn, EXECUTION))).to.equal(`db-${EXECUTION}`);
                expect(copyName("db", EXECUTION, { ...ORIGIN, urn })).to.equal(`db-${EXECUTION}-8f820e6e`);
            }
        });

        it("keep a given prefix whole", () => {
            const longest = "x".repeat(80);
            expect(imageName(longest, id, variantOf(urns[0] ?? "", id))).to.match(/^x{80}-acs-.{43}$/);
        });
    });
});
