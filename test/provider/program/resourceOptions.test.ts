import { type CustomResourceOptions, RunError } from "@pulumi/pulumi";
import { expect } from "chai";
import { assertResolvable, assertUsable } from "../../../provider/program/resourceOptions";

const resource = { type: "X", name: "nightly", existing: "X.get reads it." };
const assertOptions = (opts: CustomResourceOptions | undefined) => assertUsable(resource, {}, opts);
const providerOf = (pkg: string) => ({ provider: { pkg } }) as unknown as CustomResourceOptions;

describe("resource options", () => {
    it("that mean what they say are let through", () => {
        expect(() => assertOptions(undefined)).not.to.throw();
        expect(() => assertOptions({ protect: true, retainOnDelete: true })).not.to.throw();
        expect(() => assertOptions(providerOf("pulumi-nodejs"))).not.to.throw();
        expect(() => assertOptions({ providers: [] } as CustomResourceOptions)).not.to.throw();
    });

    const rows: [what: string, opts: unknown, text: string][] = [
        [
            "import",
            { import: "acs-1" },
            'X "nightly": remove the option import, because Pulumi cannot import a dynamic resource by it. X.get reads it.',
        ],
        [
            "customTimeouts",
            { customTimeouts: { create: "1h" } },
            'X "nightly": the option customTimeouts never reaches a dynamic resource; use the input `timeouts`, in seconds, instead.',
        ],
        ...[providerOf("aws"), { providers: { aws: { pkg: "aws" } } }, { providers: [{ pkg: "aws" }] }].map(
            (opts): [string, unknown, string] => [
                JSON.stringify(opts),
                opts,
                'X "nightly": the option provider cannot be a provider of "aws", because this is a dynamic resource; ' +
                    "use the input `aws: { region, profile, assumeRole }` instead.",
            ],
        ),
    ];
    for (const [what, opts, text] of rows) {
        it(`are refused that would not do what they say: ${what}`, () => {
            expect(() => assertOptions(opts as CustomResourceOptions)).to.throw(RunError, text);
        });
    }

    it("code that the provider's process will not find is refused, with what to do", () => {
        expect(() => assertResolvable("no-such-package/bin/x")).to.throw(
            RunError,
            /^no-such-package cannot be found from the working directory, .*own dependencies/,
        );
        expect(() => assertResolvable("@pulumi/pulumi")).not.to.throw();
    });
});
