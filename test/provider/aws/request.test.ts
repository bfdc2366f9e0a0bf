import { expect } from "chai";
import { awsFailure, request } from "../../../provider/aws/request";
import { rejection } from "../../../lab/rejection";

describe("what an error of AWS means", () => {
    const rows: [name: string, code: string, remedy: RegExp][] = [
        ["UnauthorizedOperation", "ACCESS_DENIED", /Allow ec2:X to the caller; docs\/iam\.md/],
        ["ExpiredToken", "CREDENTIALS", /Renew/],
        ["InvalidClientTokenId", "CREDENTIALS", /access key is active.*partition/],
        ["AuthFailure", "CREDENTIALS", /enabled this region/],
        ["OptInRequired", "CREDENTIALS", /Enable the region/],
        ["CredentialsProviderError", "CREDENTIALS", /the profile, the role or the process/],
        ["RequestExpired", "CREDENTIALS", /clock/],
        ["InvalidInstanceID.NotFound", "INSTANCE_NOT_FOUND", /instance id, the region and the account/],
        ["toString", "AWS_ERROR", /run again/],
    ];
    for (const [name, code, remedy] of rows) {
        it(`${name}: ${code}`, () => {
            const failure = awsFailure("ec2:X", Object.assign(new Error("Words of AWS."), { name }));
            expect(failure.code).to.equal(code);
            expect(failure.message).to.include("Words of AWS.");
            expect(failure.remedy).to.match(remedy);
        });
    }
});

describe("a KMS key that cannot be used", () => {
    const rows: [name: string, message: string, code: string, about: boolean][] = [
        ["InvalidKMSKey.InvalidState", "The key is disabled.", "AWS_ERROR", true],
        ["InvalidParameterValue", "Given key ID is not accessible", "AWS_ERROR", true],
        [
            "UnauthorizedOperation",
            "You are not authorized to perform: kms:CreateGrant",
            "ACCESS_DENIED",
            true,
        ],
        ["UnauthorizedOperation", "You are not authorized to perform: ec2:X", "ACCESS_DENIED", false],
        ["InvalidParameterValue", "The key of the tag is too long", "AWS_ERROR", false],
    ];
    for (const [name, message, code, about] of rows) {
        it(`${about ? "yes" : "no"}: ${name}: ${message}`, () => {
            const failure = awsFailure("ec2:X", Object.assign(new Error(message), { name }));
            expect(failure.code).to.equal(code);
            expect(failure.remedy.includes('docs/iam.md, "Encrypted volumes"')).to.equal(about);
        });
    }
});

describe("request", () => {
    it("ends when it is aborted, also while the SDK heeds no signal, as when it resolves credentials", async () => {
        const controller = new AbortController();
        const reason = new Error("enough");
        const waiting = rejection(
            request("ec2:DescribeSnapshots", controller.signal, () => new Promise(() => undefined)),
        );
        controller.abort(reason);
        expect(await waiting).to.equal(reason);
    });
});
