import { expect } from "chai";
import { configKeys, proxyEnvironment, readAwsConfig } from "../../../provider/aws/awsConfig";

const ROLE = "arn:aws:iam::123456789012:role/backup";

describe("the stack's aws: settings", () => {
    const rows: [what: string, key: string, value: string, expected: unknown][] = [
        ["a region", "region", "eu-central-1", "eu-central-1"],
        ["a list", "allowedAccountIds", '["123456789012"]', ["123456789012"]],
        ["a flag", "useFipsEndpoint", "true", true],
        ["a role", "assumeRoles", JSON.stringify([{ roleArn: ROLE }]), [{ roleArn: ROLE }]],
        [
            "a role with everything",
            "assumeRoles",
            JSON.stringify([
                {
                    roleArn: ROLE,
                    sessionName: "nightly",
                    externalId: "x",
                    duration: "1h30m",
                    policy: "{}",
                    policyArns: ["arn:aws:iam::aws:policy/ReadOnlyAccess"],
                    sourceIdentity: "me",
                    tags: { team: "data" },
                    transitiveTagKeys: ["team"],
                },
            ]),
            [
                {
                    roleArn: ROLE,
                    sessionName: "nightly",
                    externalId: "x",
                    duration: 5400,
                    policy: "{}",
                    policyArns: ["arn:aws:iam::aws:policy/ReadOnlyAccess"],
                    sourceIdentity: "me",
                    tags: { team: "data" },
                    transitiveTagKeys: ["team"],
                },
            ],
        ],
        [
            "a web identity",
            "assumeRoleWithWebIdentity",
            JSON.stringify({ roleArn: ROLE, webIdentityTokenFile: "/token", duration: "900s" }),
            { roleArn: ROLE, webIdentityTokenFile: "/token", duration: 900 },
        ],
        [
            "endpoints, those of other services too",
            "endpoints",
            JSON.stringify([{ ec2: "http://127.0.0.1:1", s3: "http://127.0.0.1:2" }]),
            [{ ec2: "http://127.0.0.1:1", s3: "http://127.0.0.1:2" }],
        ],
        [
            "what pulumi config set --path stores as numbers",
            "assumeRoles",
            JSON.stringify([{ roleArn: ROLE, externalId: 4711, tags: { cost: 5, on: true } }]),
            [{ roleArn: ROLE, externalId: "4711", tags: { cost: "5", on: "true" } }],
        ],
        ["accounts as numbers", "forbiddenAccountIds", "[123456789012]", ["123456789012"]],
        [
            "a part of an hour",
            "assumeRoleWithWebIdentity",
            JSON.stringify({ roleArn: ROLE, webIdentityToken: "x", duration: "1.5h" }),
            { roleArn: ROLE, webIdentityToken: "x", duration: 5400 },
        ],
        ["default tags", "defaultTags", '{"tags":{"team":"data"}}', { tags: { team: "data" } }],
    ];
    for (const [what, key, value, expected] of rows) {
        it(`have ${what}`, () => {
            expect(readAwsConfig({ [`aws:${key}`]: value })).to.deep.equal({ [key]: expected });
            expect(configKeys).to.include(`aws:${key}`);
        });
    }

    it("are absent where they are empty", () => {
        expect(readAwsConfig({ "aws:region": "", "aws:profile": undefined })).to.deep.equal({});
    });

    const refused: [key: string, value: string, text: RegExp][] = [
        ["assumeRoles", "{secret", /aws:assumeRoles cannot be read, because it must be a list\./],
        [
            "assumeRoles",
            '[{"roleArn":{},"x":"secret"}]',
            /because \[0\]\.roleArn is required, as a plain text\./,
        ],
        [
            "assumeRoles",
            JSON.stringify([{ roleArn: ROLE, duration: "secret" }]),
            /\[0\]\.duration must be a span of time/,
        ],
        [
            "assumeRoles",
            JSON.stringify([{ roleArn: ROLE, roleArm: "secret" }]),
            /a field that is not known, \[0\]\.roleArm\./,
        ],
        ["assumeRoleWithWebIdentity", JSON.stringify({ roleArn: ROLE }), /aws:assumeRoleWithWebIdentity/],
        ["allowedAccountIds", "secret", /aws:allowedAccountIds/],
        ["useFipsEndpoint", '"secret"', /aws:useFipsEndpoint/],
        ["insecure", "true", /aws:insecure is not honoured.*NODE_EXTRA_CA_CERTS/],
        ["customCaBundle", "/secret", /aws:customCaBundle is not honoured.*NODE_EXTRA_CA_CERTS/],
        ["ec2MetadataServiceEndpoint", "secret", /AWS_EC2_METADATA_SERVICE_ENDPOINT in the environment/],
    ];
    for (const [key, value, text] of refused) {
        it(`are refused by name: ${key} ${value}`, () => {
            expect(() => readAwsConfig({ [`aws:${key}`]: value }))
                .to.throw(/^INVALID_INPUT: The stack's config/)
                .with.property("message")
                .match(text)
                .and.not.include("secret");
        });
    }

    it("are refused where a key is not whole: the chain might have one of another account", () => {
        for (const [config, given, missing] of [
            [{ "aws:accessKey": "secret" }, "accessKey", "secretKey"],
            [{ "aws:secretKey": "secret" }, "secretKey", "accessKey"],
            [{ "aws:token": "secret" }, "token", "accessKey"],
            [{ "aws:accessKey": "secret", "aws:token": "secret" }, "accessKey", "secretKey"],
        ] as const) {
            expect(() => readAwsConfig(config)).to.throw(
                `INVALID_INPUT: The stack's config aws:${given} is set, but aws:${missing} is not. ` +
                    `What to do: Set it by pulumi config set --secret aws:${missing}, or remove aws:${given}.`,
            );
        }
        const whole = { "aws:accessKey": "a", "aws:secretKey": "b", "aws:token": "c" };
        expect(readAwsConfig(whole)).to.deep.equal({ accessKey: "a", secretKey: "b", token: "c" });
    });

    it("that are false refuse nothing", () => {
        expect(readAwsConfig({ "aws:insecure": "false" })).to.deep.equal({});
    });

    it("of proxies go before the environment's, in both spellings", () => {
        expect(
            proxyEnvironment(
                { httpsProxy: "http://stack:1", noProxy: "10.0.0.0/8" },
                { HTTP_PROXY: "http://a:1", https_proxy: "http://b:1", no_proxy: "x", PATH: "/bin" },
            ),
        ).to.deep.equal({
            HTTP_PROXY: "http://a:1",
            HTTPS_PROXY: "http://stack:1",
            https_proxy: "http://stack:1",
            NO_PROXY: "10.0.0.0/8",
            no_proxy: "10.0.0.0/8",
            PATH: "/bin",
        });
    });
});
