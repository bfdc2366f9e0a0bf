import { expect } from "chai";
import { hostProblem, userProblem } from "../../../provider/inputs/hostAddress";

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
        ["", "is empty"],
        [" ", "is empty"],
        ["a b", '"a b" is not one host name or IP address; one resource takes the snapshots of one instance'],
        [
            "10.0.0.5,10.0.0.6",
            '"10.0.0.5,10.0.0.6" is not one host name or IP address; one resource takes the snapshots of one instance',
        ],
        ["10.0.0.5\n", '"10.0.0.5\\n" has blanks or line ends around it; give host: "10.0.0.5"'],
        ["10.0.0.0/24", '"10.0.0.0/24" is a range of addresses; give the address of the instance alone'],
        [
            "10.0.0.300",
            '"10.0.0.300" is not an IP address, which has four numbers from 0 to 255, with dots between them',
        ],
        [
            "undefined",
            '"undefined" is what JavaScript makes of a value that is not there; see where it comes from',
        ],
        ["d\u00f6b", '"d\u00f6b" is not a host name or an IP address'],
        ["db/path", '"db/path" has a path in it; give host: "db"'],
        ["ssh://db/path", '"ssh://db/path" is a URL; give host: "db"'],
        [
            "[object Object]",
            '"[object Object]" is not one host name or IP address; one resource takes the snapshots of one instance',
        ],
    ];
    for (const [host, reason] of rows) {
        it(`${host} is refused`, () => expect(hostProblem(host)).to.equal(reason));
    }

    it("a password in it is not repeated as the account", () => {
        for (const password of [
            "hunter2",
            "hun/ter2",
            "hun@ter2",
            "hun:ter2",
            "h@u:n/t",
            "hun ter2",
            "hunter2:22",
        ]) {
            for (const host of [`ssh://admin:${password}@db`, `admin:${password}@db`]) {
                expect(hostProblem(host))
                    .to.include('host: "db", user: "admin"')
                    .and.not.match(/hun|ter2|n\/t/);
            }
        }
    });

    it("a key in its place is not repeated", () => {
        for (const host of ["-----BEGIN X-----\nhunter2\n-----END X-----\n", "x".repeat(254)]) {
            expect(hostProblem(host)).to.equal(
                "is not a host name or an IP address: it is too long for one, or has several lines",
            );
        }
    });
});

describe("the name of an account", () => {
    it("may be any that systems have", () => {
        for (const user of ["root", "ec2-user", "DOMAIN\\admin", "admin@"]) {
            expect(userProblem(user)).to.equal(undefined);
        }
    });

    for (const [user, reason] of [
        ["", "is empty"],
        ["admin@db", 'has an "@" and a host behind it; give the account alone here, and the host as `host`'],
        ["ad min", "has blanks or line ends in it, which no account's name has"],
        ["admin\n", "has blanks or line ends in it, which no account's name has"],
        ["undefined", "is what JavaScript makes of a value that is not there; see where it comes from"],
    ] as const) {
        it(`${JSON.stringify(user)} is refused`, () => expect(userProblem(user)).to.equal(reason));
    }
});
