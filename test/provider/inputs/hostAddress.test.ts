import { expect } from "chai";
import { hostProblem } from "../../../provider/inputs/hostAddress";

describe("the address of a host", () => {
    for (const host of [
        "10.0.0.5",
        "::1",
        "fe80::1%eth0",
        "2001:db8::5",
        "db",
        "db.internal.example.com",
        "db.example.com.",
        "ip-10-0-0-5.eu-central-1.compute.internal",
        "my_host",
    ]) {
        it(`may be ${host}`, () => expect(hostProblem(host)).to.equal(undefined));
    }

    const rows: [host: string, reason: string][] = [
        ["[::1]", '"[::1]" has brackets; give host: "::1"'],
        ["[::1]:2222", '"[::1]:2222" has a port in it, and has brackets; give host: "::1", port: 2222'],
        ["db:22", '"db:22" has a port in it; give host: "db", port: 22'],
        ["10.0.0.5:2222", '"10.0.0.5:2222" has a port in it; give host: "10.0.0.5", port: 2222'],
        ["admin@db", '"admin@db" has an account in it; give host: "db", user: "admin"'],
        [
            "ssh://admin@db:2222",
            '"ssh://admin@db:2222" is a URL, and has an account in it, and has a port in it; ' +
                'give host: "db", user: "admin", port: 2222',
        ],
        ["https://db.example.com/", '"https://db.example.com/" is a URL; give host: "db.example.com"'],
        [
            "i-0123456789abcdef0",
            '"i-0123456789abcdef0" is an instance\'s id; give its address, such as instance.privateIp',
        ],
        [
            "arn:aws:ec2:eu-central-1:123456789012:instance/i-0123456789abcdef0",
            '"arn:aws:ec2:eu-central-1:123456789012:instance/i-0123456789abcdef0" is an ARN; ' +
                "give the instance's address, such as instance.privateIp",
        ],
        ["", '"" is not a host name or an IP address'],
        ["a b", '"a b" is not a host name or an IP address'],
        ["db/path", '"db/path" is not a host name or an IP address'],
        ["[object Object]", '"[object Object]" is not a host name or an IP address'],
    ];
    for (const [host, reason] of rows) {
        it(`${host} is refused`, () => expect(hostProblem(host)).to.equal(reason));
    }

    it("a password in it is not repeated as the account", () => {
        for (const host of ["ssh://admin:hunter2@db", "admin:hunter2@db"]) {
            expect(hostProblem(host)).to.include('user: "admin"').and.not.include("hunter2");
        }
    });
});
