import { expect } from "chai";
import { LEASE_MS, LEASE_RENEWAL_MS, newLease, tagList } from "../../../provider/aws/setTags";
import { TAG_PREFIX, healedTag, ownerTag, tagKeys } from "../../../provider/aws/tags";

describe("tags", () => {
    it("of ours keep their names, which are on users' snapshots", () => {
        expect(tagKeys).to.deep.equal({
            execution: "app-consistent-snapshot:execution",
            owner: "app-consistent-snapshot:owner",
            instance: "app-consistent-snapshot:instance",
            size: "app-consistent-snapshot:size",
            level: "app-consistent-snapshot:level",
            state: "app-consistent-snapshot:state",
            lease: "app-consistent-snapshot:lease",
            members: "app-consistent-snapshot:members",
            group: "app-consistent-snapshot:group",
            member: "app-consistent-snapshot:member",
            healed: "app-consistent-snapshot:healed",
            thaw: "app-consistent-snapshot:thaw",
        });
        expect(Object.values(tagKeys).every((key) => key.startsWith(TAG_PREFIX))).to.equal(true);
    });

    it("become EC2's list", () => {
        expect(tagList({ a: "1", b: "" })).to.deep.equal([
            { Key: "a", Value: "1" },
            { Key: "b", Value: "" },
        ]);
    });

    it("hold a lease that is renewed well before it runs out", () => {
        const now = Date.parse("2026-01-01T00:00:00Z");
        expect(newLease(now)).to.equal("2026-01-01T00:15:00.000Z");
        expect(LEASE_RENEWAL_MS * 2).to.be.below(LEASE_MS);
    });
});

describe("healedTag", () => {
    const id = (n: number) => `acs-00000000-0000-4000-8000-00000000000${n}`;

    it("is the executions, the newest first", () => {
        expect(healedTag(new Set([id(1), id(2)]))).to.equal(`${id(2)} ${id(1)}`);
    });

    it("holds as many as fit into a tag", () => {
        const tag = healedTag([1, 2, 3, 4, 5, 6, 7, 8].map(id));
        expect(tag.length).to.be.at.most(256);
        expect(tag.split(" ")).to.deep.equal([8, 7, 6, 5, 4, 3].map(id));
    });
});

describe("ownerTag", () => {
    const TYPE = "pulumi-nodejs:dynamic/ec2:AppConsistentSnapshot";

    it("is the URN", () => {
        expect(ownerTag(`urn:pulumi:dev::shop::${TYPE}::nightly`)).to.equal(
            `urn:pulumi:dev::shop::${TYPE}::nightly`,
        );
    });

    it("tells apart names that differ only in characters which no tag of VSS may have", () => {
        const owners = ["db_1", "db#1", "db*1", "db,1"].map((name) =>
            ownerTag(`urn:pulumi:dev::shop::${TYPE}::${name}`),
        );
        expect(new Set(owners).size).to.equal(owners.length);
        for (const owner of owners) {
            expect(owner).to.match(/^[A-Za-z0-9() ./\\\-"'@_+:={}]+$/);
        }
    });

    it("of a long URN fits a tag and still tells resources and stacks apart", () => {
        const parents = "pkg:index:Component$".repeat(20);
        const owners = ["dev", "prod"].flatMap((stack) =>
            ["a", "b"].map((name) => ownerTag(`urn:pulumi:${stack}::shop::${parents}${TYPE}::${name}`)),
        );
        expect(new Set(owners).size).to.equal(4);
        for (const owner of owners) {
            expect(owner.length).to.be.at.most(256);
        }
    });

    it("stays the same from run to run", () => {
        const urn = `urn:pulumi:dev::shop::${"x".repeat(300)}::nightly`;
        expect(ownerTag(urn)).to.equal(ownerTag(urn));
    });
});
