import { type CustomResourceOptions } from "@pulumi/pulumi";
import { expect } from "chai";
import { assertOptions, assertResolvable } from "../../../provider/program/resourceOptions";

const providerOf = (pkg: string) => ({ provider: { pkg } }) as unknown as CustomResourceOptions;

describe("resource options", () => {
    it("that mean what they say are let through", () => {
        expect(() => assertOptions("X", undefined)).not.to.throw();
        expect(() => assertOptions("X", { protect: true, retainOnDelete: true })).not.to.throw();
        expect(() => assertOptions("X", providerOf("pulumi-nodejs"))).not.to.throw();
    });

    it("customTimeouts is refused, and timeouts named", () => {
        expect(() => assertOptions("X", { customTimeouts: { create: "1h" } })).to.throw(
            /^X: .*customTimeouts never reaches.*`timeouts`/,
        );
    });

    it("a provider of another package is refused, and aws named", () => {
        expect(() => assertOptions("X", providerOf("aws"))).to.throw(/provider of "aws".*`aws: \{/);
    });

    it("code that the provider's process will not find is refused, with what to do", () => {
        expect(() => assertResolvable("no-such-package/bin/x")).to.throw(
            /^no-such-package cannot be found from .*own dependencies/,
        );
        expect(() => assertResolvable("@pulumi/pulumi")).not.to.throw();
    });
});
