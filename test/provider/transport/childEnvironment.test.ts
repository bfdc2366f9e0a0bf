import { expect } from "chai";
import { childEnvironment } from "../../../provider/transport/childEnvironment";

describe("childEnvironment", () => {
    const ours = {
        PATH: "/bin",
        HOME: "/root",
        PULUMI_ACCESS_TOKEN: "pul-1",
        Pulumi_Config_Passphrase: "open sesame",
        AWS_PROFILE: "theirs",
        AWS_ACCESS_KEY_ID: "AKIA1",
        AWS_SESSION_TOKEN: "token",
        AWS_ENDPOINT_URL: "http://127.0.0.1:1",
        AWS_CA_BUNDLE: "/etc/ca.pem",
    };
    const ofNoAccount = {
        PATH: "/bin",
        HOME: "/root",
        AWS_ENDPOINT_URL: ours.AWS_ENDPOINT_URL,
        AWS_CA_BUNDLE: "/etc/ca.pem",
    };

    it("leaves out what is Pulumi's", () => {
        const { AWS_PROFILE, AWS_ACCESS_KEY_ID, AWS_SESSION_TOKEN } = ours;
        expect(childEnvironment(ours, {})).to.deep.equal({
            ...ofNoAccount,
            ...{ AWS_PROFILE, AWS_ACCESS_KEY_ID, AWS_SESSION_TOKEN },
        });
    });

    it("mixes nothing of two accounts: keys without a token get no token of others", () => {
        const ofAws = { AWS_ACCESS_KEY_ID: "AKIA2", AWS_SECRET_ACCESS_KEY: "s", AWS_REGION: "eu-west-3" };
        expect(childEnvironment(ours, ofAws)).to.deep.equal({ ...ofNoAccount, ...ofAws });
    });
});
