import { spawnSync } from "node:child_process";
import { expect } from "chai";
import fc from "fast-check";
import type { CheckFailure } from "../../../provider/inputs/checkFailure";
import { checkHostKeysInputs, checkSnapshotInputs } from "../../../provider/inputs/check";
import { KeyFolder, type KeyPair } from "../../../lab/hosts/sshServer";

/** What the engine passes for a value that is not known yet. */
const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
const PASSPHRASE = "open sesame";
const NO_ENV: NodeJS.ProcessEnv = {};
const FINGERPRINT = `SHA256:${"A".repeat(43)}`;

type Values = Record<string, unknown>;
type Path = readonly (string | number)[];

const plain = { instanceId: "i-0123456789abcdef0", quiesce: { method: "none" } };
const connection = { host: "10.0.0.5", user: "admin", password: "correct horse", hostKey: FINGERPRINT };
const endpoint = { via: "instance-connect-endpoint" };
const session = { via: "session-manager" };
const hooks = (more: Values = {}, ofConnection: Values = {}): Values => ({
    instanceId: "i-0123456789abcdef0",
    quiesce: { method: "hooks", connection: { ...connection, ...ofConnection }, ...more },
});
const pair = { preFreeze: { script: "exit 0" }, postThaw: { path: "/usr/local/sbin/thaw" } };

const check = (inputs: Values, env = NO_ENV) => checkSnapshotInputs(inputs, env);

describe("check", () => {
    let keys: KeyFolder;
    let key: KeyPair;
    let encrypted: KeyPair;

    before(() => {
        keys = new KeyFolder();
        key = keys.make("ed25519");
        // In the old format, which is quick to open: it is opened a thousand times.
        encrypted = keys.make("ecdsa256", { passphrase: PASSPHRASE, extra: ["-m", "PEM"] });
    });

    after(() => keys.remove());

    /** Every input that there is. */
    const everything = (): Values => ({
        instanceId: "i-0123456789abcdef0",
        quiesce: {
            method: "hooks",
            connection: {
                host: "10.0.0.5",
                user: "admin",
                port: 2222,
                password: "correct horse",
                privateKey: encrypted.privateKey,
                privateKeyPassword: PASSPHRASE,
                agentSocketPath: "/run/agent",
                hostKey: [key.publicLine, FINGERPRINT],
                insecureIgnoreHostKey: false,
                proxy: {
                    host: "i-0123456789abcdef0",
                    user: "jump",
                    privateKey: key.privateKey,
                    hostKey: key.publicLine,
                    tunnel: { via: "command", command: ["nc", "-X", "%%", "%h", "%p", "%r"] },
                },
            },
            scripts: { ...pair, level: "filesystem", rehearse: true },
            sudo: true,
            environment: { PGPASSWORD: "hunter2" },
            verifyInstanceIdentity: true,
            showHookOutput: "onFailure",
        },
        minimumLevel: "filesystem",
        volumes: { excludeBootVolume: true, excludeDataVolumeIds: ["vol-0123456789abcdef0"] },
        triggers: [null, 1, "tonight", { a: [true] }],
        tags: { Name: "database", "team:name": "" },
        description: "nightly",
        copyTagsFromVolumes: true,
        timeouts: {
            connect: 1,
            lock: 0,
            preFreeze: 0.5 + 1,
            freeze: 120,
            postThaw: 3600,
            command: 900,
            completion: 1,
        },
        waitForCompletion: false,
        aws: {
            region: "eu-central-1",
            profile: "backup",
            assumeRole: {
                roleArn: "arn:aws:iam::123456789012:role/backup",
                sessionName: "s",
                externalId: "e",
                durationSeconds: 43_200,
                sourceIdentity: "ci@example.com",
            },
        },
        owner: "urn:pulumi:dev::shop::pulumi-nodejs:dynamic/ec2:AppConsistentSnapshot::nightly",
        __proto__: null,
    });

    it("has nothing against every input at once, nor against the fewest", () => {
        expect(check(everything())).to.deep.equal([]);
        expect(check(plain)).to.deep.equal([]);
        expect(check(hooks())).to.deep.equal([]);
        expect(check({ ...plain, instanceId: "i-12345678" })).to.deep.equal([]);
    });

    it("asks for no address, no host key and no login where AWS leads and EC2 Instance Connect logs in", () => {
        const stock = { user: "ec2-user", tunnel: endpoint, instanceConnect: true };
        const bastion = { ...stock, tunnel: { ...endpoint, instanceId: "i-12345678" } };
        const bySession = { ...stock, tunnel: session, port: 2222 };
        const bastionBySession = { ...bastion, tunnel: { ...session, instanceId: "i-12345678" } };
        for (const least of [
            stock,
            bySession,
            { ...connection, instanceConnect: false, proxy: bastion },
            { ...connection, proxy: bastionBySession },
        ]) {
            const quiesce = { method: "hooks", connection: least };
            expect(check({ ...plain, quiesce })).to.deep.equal([]);
        }
    });

    const rows: [what: string, inputs: Values, property: string, reason: RegExp][] = [
        [
            "no instance id",
            { quiesce: plain.quiesce },
            "instanceId",
            /^is required; give the id of the instance/,
        ],
        [
            "null as instance id",
            { ...plain, instanceId: null },
            "instanceId",
            /^must be one instance id, as a string$/,
        ],
        ["a malformed id", { ...plain, instanceId: "i-123" }, "instanceId", /not an EC2 instance id/],
        ["a volume's id", { ...plain, instanceId: "vol-12345678" }, "instanceId", /not an EC2 instance id/],
        ["no quiesce", { instanceId: plain.instanceId }, "quiesce", /^is required; give the way to quiesce/],
        [
            "quiesce of no type",
            { ...plain, quiesce: "none" },
            "quiesce",
            /^must be an object with a method: /,
        ],
        ["no method", { ...plain, quiesce: {} }, "quiesce.method", /^is required; give "hooks".* or "none"/],
        ["an unknown method", { ...plain, quiesce: { method: "hook" } }, "quiesce.method", /must be "hooks"/],

        // Unknown keys, at every level.
        ["a key", { ...plain, minimumlevel: "crash" }, "minimumlevel", /did you mean "minimumLevel"\?/],
        [
            "a key like no other",
            { ...plain, xyzzy: 1 },
            "xyzzy",
            /is not an input; the inputs here are instanceId, /,
        ],
        [
            "instanceID",
            { instanceID: "i-1", ...plain },
            "instanceID",
            /is not an input; did you mean "instanceId"\?/,
        ],
        ["quiesce's", hooks({ conection: {} }), "quiesce.conection", /did you mean "connection"\?/],
        [
            "a plain quiesce's",
            { ...plain, quiesce: { method: "none", connection } },
            "quiesce.connection",
            /^is not an input here; it belongs to method: "hooks"$/,
        ],
        [
            "connection's",
            hooks({}, { hostkey: "x" }),
            "quiesce.connection.hostkey",
            /did you mean "hostKey"\?/,
        ],
        [
            "the proxy's",
            hooks({}, { proxy: { ...connection, usr: "x" } }),
            "quiesce.connection.proxy.usr",
            /"user"\?/,
        ],
        [
            "a second bastion",
            hooks({}, { proxy: { ...connection, proxy: connection } }),
            "quiesce.connection.proxy.proxy",
            /is not an input/,
        ],
        ["scripts'", hooks({ scripts: { ...pair, levl: 1 } }), "quiesce.scripts.levl", /"level"\?/],
        [
            "a script's",
            hooks({ scripts: { ...pair, postThaw: { pth: "/a", path: "/a" } } }),
            "quiesce.scripts.postThaw.pth",
            /"path"\?/,
        ],
        ["timeouts'", { ...plain, timeouts: { freez: 5 } }, "timeouts.freez", /did you mean "freeze"\?/],
        ["volumes'", { ...plain, volumes: { excludeBoot: true } }, "volumes.excludeBoot", /is not an input/],
        ["aws's", { ...plain, aws: { regoin: "x" } }, "aws.regoin", /"region"\?/],
        [
            "the role's",
            { ...plain, aws: { assumeRole: { roleArn: "arn:aws:iam::123456789012:role/r", rolArn: 1 } } },
            "aws.assumeRole.rolArn",
            /"roleArn"\?/,
        ],

        // The host's key.
        [
            "none",
            hooks({}, { hostKey: undefined }),
            "quiesce.connection.hostKey",
            /^is required.*InstanceHostKeys.*insecureIgnoreHostKey/,
        ],
        [
            "none, and not ignored",
            hooks({}, { hostKey: undefined, insecureIgnoreHostKey: false }),
            "quiesce.connection.hostKey",
            /^is required/,
        ],
        ["bad text", hooks({}, { hostKey: "nonsense" }), "quiesce.connection.hostKey", /give a line like/],
        [
            "bad text in a list",
            hooks({}, { hostKey: [FINGERPRINT, "ssh-ed25519 AAAA"] }),
            "quiesce.connection.hostKey[1]",
            /cut off/,
        ],
        [
            "a number in a list",
            hooks({}, { hostKey: [5] }),
            "quiesce.connection.hostKey[0]",
            /^5 must be a string, not a number$/,
        ],
        ["an empty list", hooks({}, { hostKey: [] }), "quiesce.connection.hostKey", /empty/],
        [
            "a number",
            hooks({}, { hostKey: 5 }),
            "quiesce.connection.hostKey",
            /^5 must be a host key \(a string\), or a list of host keys/,
        ],
        [
            "the bastion's missing",
            hooks({}, { proxy: { ...connection, hostKey: undefined } }),
            "quiesce.connection.proxy.hostKey",
            /is required/,
        ],
        [
            "the bastion's bad",
            hooks({}, { proxy: { ...connection, hostKey: ["x"] } }),
            "quiesce.connection.proxy.hostKey[0]",
            /give a line like/,
        ],

        // The login.
        [
            "no connection",
            { ...plain, quiesce: { method: "hooks" } },
            "quiesce.connection",
            /the way to reach/,
        ],
        [
            "no password, key or agent",
            hooks({}, { password: undefined }),
            "quiesce.connection",
            /log in: instanceConnect, privateKey, password, agentSocketPath, or SSH_AUTH_SOCK/,
        ],
        [
            "the bastion's login missing",
            hooks({}, { proxy: { ...connection, password: undefined } }),
            "quiesce.connection.proxy",
            /needs a way to log in/,
        ],
        ["no host", hooks({}, { host: undefined }), "quiesce.connection.host", /is required/],
        ["a host with a blank", hooks({}, { host: "a b" }), "quiesce.connection.host", /not one host name/],
        ["a host like an option", hooks({}, { host: "-oX" }), "quiesce.connection.host", /not a host name/],
        [
            "a host that is an instance",
            hooks({}, { host: "i-0123456789abcdef0" }),
            "quiesce.connection.host",
            /instance's id/,
        ],
        ...(
            [
                ["of no kind", "x", "", /must be \{ via: .* \{ via: "command"/],
                [
                    "of another kind",
                    { via: "carrier-pigeon" },
                    ".via",
                    /must be \{ via: .* \{ via: "command"/,
                ],
                ["without a command", { via: "command" }, ".command", /must be a list/],
                ["with a line", { via: "command", command: "nc %h %p" }, ".command", /must be a list/],
                ["with an empty command", { via: "command", command: [] }, ".command", /is empty/],
                ["with an empty program", { via: "command", command: [""] }, ".command[0]", /is empty/],
                ["with a NUL", { via: "command", command: ["nc", "\0"] }, ".command[1]", /NUL/],
                ["with another token", { via: "command", command: ["nc", "%n"] }, ".command[1]", /"%n".*%h/],
                ["with a bare percent", { via: "command", command: ["x", "5%"] }, ".command[1]", /"%".*%%/],
                [
                    "with another key",
                    { via: "command", command: ["nc"], comand: 1 },
                    ".comand",
                    /"command"\?/,
                ],
            ] as const
        ).flatMap(([what, tunnel, at, reason]): typeof rows => [
            [`a tunnel ${what}`, hooks({}, { tunnel }), `quiesce.connection.tunnel${at}`, reason],
            [
                `a proxy's tunnel ${what}`,
                hooks({}, { proxy: { ...connection, tunnel } }),
                `quiesce.connection.proxy.tunnel${at}`,
                reason,
            ],
        ]),
        ...(
            [
                ["a host", { host: "10.0.0.5" }, ".host", /no effect beside this tunnel.*leave it out/],
                ["another port", { port: 2222 }, ".port", /must be 22/],
                ["the port of RDP", { port: 3389 }, ".port", /must be 22/],
                [
                    "an id of its own",
                    { tunnel: { ...endpoint, instanceId: "i-12345678" } },
                    ".tunnel.instanceId",
                    /for a proxy/,
                ],
                [
                    "no endpoint's id",
                    { tunnel: { ...endpoint, endpointId: "vpce-0123456789abcdef0" } },
                    ".tunnel.endpointId",
                    /EC2 Instance Connect Endpoint, such as eice-/,
                ],
                ["a proxy", { proxy: connection }, ".proxy", /no effect beside `tunnel`/],
                ["no login", { password: undefined }, "", /needs a way to log in: instanceConnect/],
                [
                    "another key",
                    { tunnel: { ...endpoint, endpoint: 1 } },
                    ".tunnel.endpoint",
                    /is not an input/,
                ],
            ] as const
        ).map(([what, ofConnection, at, reason]): (typeof rows)[number] => [
            `an endpoint with ${what}`,
            hooks({}, { host: undefined, hostKey: undefined, tunnel: endpoint, ...ofConnection }),
            `quiesce.connection${at}`,
            reason,
        ]),
        ...(
            [
                ["a host", { host: "10.0.0.5" }, ".host", /no effect beside this tunnel.*leave it out/],
                [
                    "an id of its own",
                    { tunnel: { ...session, instanceId: "i-12345678" } },
                    ".tunnel.instanceId",
                    /for a proxy/,
                ],
                [
                    "an endpoint's id",
                    { tunnel: { ...session, endpointId: "eice-0123456789abcdef0" } },
                    ".tunnel.endpointId",
                    /is not an input/,
                ],
                ["a proxy", { proxy: connection }, ".proxy", /no effect beside `tunnel`/],
                ["no login", { password: undefined }, "", /needs a way to log in: instanceConnect/],
                ["a port that is none", { port: 0 }, ".port", /./],
            ] as const
        ).map(([what, ofConnection, at, reason]): (typeof rows)[number] => [
            `a session with ${what}`,
            hooks({}, { host: undefined, hostKey: undefined, tunnel: session, ...ofConnection }),
            `quiesce.connection${at}`,
            reason,
        ]),
        ...[endpoint, session].map((tunnel): (typeof rows)[number] => [
            `a bastion by ${tunnel.via} without its instance`,
            hooks({}, { proxy: { ...connection, host: undefined, tunnel } }),
            "quiesce.connection.proxy.tunnel.instanceId",
            /is required/,
        ]),
        ...(["password", "privateKey", "privateKeyPassword", "agentSocketPath"] as const).map(
            (name): (typeof rows)[number] => [
                `${name} beside instanceConnect`,
                hooks({}, { password: undefined, instanceConnect: true, [name]: "/run/agent" }),
                `quiesce.connection.${name}`,
                /no effect beside `instanceConnect`/,
            ],
        ),
        [
            "a bastion's instanceConnect without its instance",
            hooks({}, { proxy: { ...connection, password: undefined, instanceConnect: true } }),
            "quiesce.connection.proxy.instanceConnect",
            /needs a tunnel with the bastion's `instanceId`/,
        ],
        [
            "an account that EC2 Instance Connect does not take",
            hooks({}, { password: undefined, instanceConnect: true, user: "a".repeat(33) }),
            "quiesce.connection.user",
            /no account that EC2 Instance Connect takes/,
        ],
        [
            "instanceConnect as a text",
            hooks({}, { instanceConnect: "true" }),
            "quiesce.connection.instanceConnect",
            /boolean|true or false/,
        ],
        [
            "a proxy beside a tunnel",
            hooks({}, { proxy: connection, tunnel: { via: "command", command: ["nc"] } }),
            "quiesce.connection.proxy",
            /no effect beside `tunnel`/,
        ],
        [
            "a user like an option for a program",
            hooks({}, { user: "-oX", tunnel: { via: "command", command: ["nc"] } }),
            "quiesce.connection.user",
            /takes for an option/,
        ],
        ["no user", hooks({}, { user: undefined }), "quiesce.connection.user", /is required/],
        ["a port of text", hooks({}, { port: "22" }), "quiesce.connection.port", /port number/],
        ["port 0", hooks({}, { port: 0 }), "quiesce.connection.port", /port number/],
        [
            "no key at all",
            hooks({}, { privateKey: "nonsense" }),
            "quiesce.connection.privateKey",
            /not a private key/,
        ],
        [
            "a path as key",
            hooks({}, { privateKey: "~/.ssh/id_ed25519" }),
            "quiesce.connection.privateKey",
            /looks like a path/,
        ],
        [
            "the bastion's key bad",
            hooks({}, { proxy: { ...connection, privateKey: "x" } }),
            "quiesce.connection.proxy.privateKey",
            /not a private key/,
        ],

        // Scripts and their environment.
        [
            "an empty script",
            hooks({ scripts: { ...pair, preFreeze: { script: " \n" } } }),
            "quiesce.scripts.preFreeze.script",
            /^is empty$/,
        ],
        [
            "a script with a NUL",
            hooks({ scripts: { ...pair, preFreeze: { script: "a\0b" } } }),
            "quiesce.scripts.preFreeze.script",
            /NUL/,
        ],
        [
            "a relative path",
            hooks({ scripts: { ...pair, postThaw: { path: "thaw" } } }),
            "quiesce.scripts.postThaw.path",
            /absolute path/,
        ],
        [
            "pre-freeze alone",
            hooks({ scripts: { preFreeze: pair.preFreeze } }),
            "quiesce.scripts.postThaw",
            /^is required, because p\w+ is given/,
        ],
        [
            "post-thaw alone",
            hooks({ scripts: { postThaw: pair.postThaw } }),
            "quiesce.scripts.preFreeze",
            /^is required, because p\w+ is given/,
        ],
        [
            "path and script",
            hooks({ scripts: { ...pair, preFreeze: { path: "/a", script: "b" } } }),
            "quiesce.scripts.preFreeze",
            /^needs a `path` or a `script`, not both$/,
        ],
        [
            "neither path nor script",
            hooks({ scripts: { ...pair, postThaw: {} } }),
            "quiesce.scripts.postThaw",
            /^needs a `path` or a `script`, and has neither$/,
        ],
        [
            "a rehearsal that is not yes or no",
            hooks({ scripts: { rehearse: "no" } }),
            "quiesce.scripts.rehearse",
            /true or false/,
        ],
        [
            "awake after no execution",
            { ...hooks(), confirmAwake: "i-0123456789abcdef0" },
            "confirmAwake",
            /not an execution id.*acs-/,
        ],
        [
            "awake after a part of an execution's id",
            { ...hooks(), confirmAwake: "acs-00000000-0000-4000-8000" },
            "confirmAwake",
            /not an execution id/,
        ],
        [
            "a level that scripts cannot have",
            hooks({ scripts: { ...pair, level: "crash" } }),
            "quiesce.scripts.level",
            /"application" or "filesystem"/,
        ],
        [
            "a variable's name",
            hooks({ environment: { "1A": "x" } }),
            "quiesce.environment.1A",
            /not the name/,
        ],
        [
            "what is no name, and may be a secret",
            hooks({ environment: { "PGPASSWORD=hunter2": "" } }),
            "quiesce.environment",
            /^has a name that is not the name of an environment variable, which has letters, digits and _/,
        ],
        [
            "a key that is no name, and may be a secret",
            hooks({}, { "-----BEGIN KEY-----\nabc": "" }),
            "quiesce.connection",
            /^has a key that is not an input; the inputs here are host, user/,
        ],
        [
            "a variable that shells have themselves",
            hooks({ environment: { UID: "1000" } }),
            "quiesce.environment.UID",
            /shells use themselves.*another name/,
        ],
        [
            "a script with line ends of Windows",
            hooks({ scripts: { ...pair, preFreeze: { script: "#!/bin/sh\necho\r\nexit 0\r\n" } } }),
            "quiesce.scripts.preFreeze.script",
            /carriage return at the end of line 2; .*replaceAll/,
        ],
        [
            "a script of one such line",
            hooks({ scripts: { ...pair, preFreeze: { script: "exit 0\r" } } }),
            "quiesce.scripts.preFreeze.script",
            /carriage return at the end of line 1/,
        ],
        [
            "a script with a byte order mark",
            hooks({ scripts: { ...pair, preFreeze: { script: "\uFEFF#!/bin/sh\nexit 0" } } }),
            "quiesce.scripts.preFreeze.script",
            /^begins with a byte order mark.*without it$/,
        ],
        [
            "a script with the bytes of such a mark",
            hooks({ scripts: { ...pair, preFreeze: { script: "\u00EF\u00BB\u00BF#!/bin/sh" } } }),
            "quiesce.scripts.preFreeze.script",
            /^begins with a byte order mark/,
        ],
        [
            "a path with a carriage return",
            hooks({ scripts: { ...pair, preFreeze: { path: "/usr/sbin/freeze\r" } } }),
            "quiesce.scripts.preFreeze.path",
            /absolute path/,
        ],
        [
            "a variable of ours",
            hooks({ environment: { ACS_X: "x" } }),
            "quiesce.environment.ACS_X",
            /is set by/,
        ],
        [
            "a NUL in a variable",
            hooks({ environment: { A: "secret\0" } }),
            "quiesce.environment.A",
            /^contains a NUL byte$/,
        ],
        ["sudo as text", hooks({ sudo: "yes" }), "quiesce.sudo", /true or false/],
        ["output always", hooks({ showHookOutput: "always" }), "quiesce.showHookOutput", /"onFailure"/],

        // Limits.
        [
            "negative",
            { ...plain, timeouts: { connect: -1 } },
            "timeouts.connect",
            /^-1 must be a number of seconds, 1 to 86400$/,
        ],
        [
            "a freeze of 0",
            { ...plain, timeouts: { freeze: 0 } },
            "timeouts.freeze",
            /^0 must be a number of seconds, 1 to 120$/,
        ],
        [
            "a freeze of 3 minutes",
            { ...plain, timeouts: { freeze: 180 } },
            "timeouts.freeze",
            /^180 must be a number of seconds, 1 to 120$/,
        ],
        [
            "milliseconds",
            { ...plain, timeouts: { preFreeze: 60_000 } },
            "timeouts.preFreeze",
            /in milliseconds, give 60$/,
        ],
        ["infinite", { ...plain, timeouts: { completion: Infinity } }, "timeouts.completion", /number/],
        ["text", { ...plain, timeouts: { postThaw: "60" } }, "timeouts.postThaw", /number of seconds/],
        ["a negative lock", { ...plain, timeouts: { lock: -1 } }, "timeouts.lock", /seconds, 0 to 86400$/],

        // Tags.
        ["AWS's own", { ...plain, tags: { "aws:x": "1" } }, 'tags["aws:x"]', /which AWS keeps for itself/],
        [
            "ours",
            { ...plain, tags: { "app-consistent-snapshot:state": "complete" } },
            'tags["app-consistent-snapshot:state"]',
            /which this package keeps for itself/,
        ],
        ["a long key", { ...plain, tags: { ["k".repeat(129)]: "" } }, `tags.${"k".repeat(129)}`, /128/],
        ["an empty key", { ...plain, tags: { "": "" } }, 'tags[""]', /key is empty/],
        ["a long value", { ...plain, tags: { a: "v".repeat(257) } }, "tags.a", /more than 256 characters/],
        ["a number", { ...plain, tags: { a: 5 } }, "tags.a", /must be a string/],
        ["too many", { ...plain, tags: tagsOf(44) }, "tags", /more than 43 tags/],
        ["a list", { ...plain, tags: ["a"] }, "tags", /^must be an object of keys and values/],

        // Levels.
        ["no such level", { ...plain, minimumLevel: "best" }, "minimumLevel", /one of "application"/],
        [
            "above what nothing promises",
            { ...plain, minimumLevel: "filesystem" },
            "minimumLevel",
            /"filesystem" can never be reached, because quiescing by "none" promises "crash"/,
        ],
        [
            "above what scripts vouch for",
            { ...hooks({ scripts: { ...pair, level: "filesystem" } }), minimumLevel: "application" },
            "minimumLevel",
            /promises "filesystem" at most/,
        ],
        [
            "an identity that nobody verifies",
            hooks({ verifyInstanceIdentity: false }),
            "minimumLevel",
            /IDENTITY_UNVERIFIED.*minimumLevel: "crash"/,
        ],

        // The rest.
        [
            "a volume that is none",
            { ...plain, volumes: { excludeDataVolumeIds: ["vol-12345678", "sdf"] } },
            "volumes.excludeDataVolumeIds[1]",
            /not an EBS volume id/,
        ],
        ["triggers of no list", { ...plain, triggers: "now" }, "triggers", /must be a list/],
        ["a long description", { ...plain, description: "d".repeat(256) }, "description", /255/],
        [
            "a role that is none",
            { ...plain, aws: { assumeRole: { roleArn: "backup" } } },
            "aws.assumeRole.roleArn",
            /ARN/,
        ],
        ...[899, 43_201, 900.5, "3600"].map((durationSeconds): [string, Values, string, RegExp] => [
            `a role for ${JSON.stringify(durationSeconds)} s`,
            {
                ...plain,
                aws: { assumeRole: { roleArn: "arn:aws:iam::123456789012:role/r", durationSeconds } },
            },
            "aws.assumeRole.durationSeconds",
            /must be a (whole )?number of seconds/,
        ]),
        ...["a", "Jane Doe", "x".repeat(65)].map((sourceIdentity): [string, Values, string, RegExp] => [
            `a source identity of ${sourceIdentity.length} characters`,
            {
                ...plain,
                aws: { assumeRole: { roleArn: "arn:aws:iam::123456789012:role/r", sourceIdentity } },
            },
            "aws.assumeRole.sourceIdentity",
            /2 to 64 letters, digits or _\+=,\.@-/,
        ]),
        ["an empty region", { ...plain, aws: { region: "" } }, "aws.region", /^is empty$/],
    ];

    for (const [what, inputs, property, reason] of rows) {
        it(`refuses ${property}: ${what}`, () => {
            const failures = check(inputs);
            expect(failures.map((failure) => failure.property)).to.deep.equal([property]);
            expect(failures[0]?.reason).to.match(reason);
        });
    }

    it("takes a login from the agent of the environment", () => {
        expect(check(hooks({}, { password: undefined }), { SSH_AUTH_SOCK: "/run/agent" })).to.deep.equal([]);
        expect(check(hooks({}, { password: undefined, agentSocketPath: "/run/agent" }))).to.deep.equal([]);
    });

    it("takes no host key when that is asked for", () => {
        expect(check(hooks({}, { hostKey: undefined, insecureIgnoreHostKey: true }))).to.deep.equal([]);
    });

    it("takes 43 tags, and an unverified identity for a crash-consistent set", () => {
        expect(check({ ...plain, tags: tagsOf(43) })).to.deep.equal([]);
        expect(check({ ...hooks({ verifyInstanceIdentity: false }), minimumLevel: "crash" })).to.deep.equal(
            [],
        );
    });

    it("blames the passphrase, not the key", () => {
        const { privateKey } = encrypted;
        for (const [privateKeyPassword, reason] of [
            [undefined, /is required, because/],
            ["wrong", /does not open/],
        ] as const) {
            const failures = check(hooks({}, { privateKey, privateKeyPassword }));
            expect(failures).to.have.length(1);
            expect(failures[0]?.property).to.equal("quiesce.connection.privateKeyPassword");
            expect(failures[0]?.reason).to.match(reason);
        }
        expect(check(hooks({}, { privateKey, privateKeyPassword: PASSPHRASE }))).to.deep.equal([]);
    });

    it("reports all at once", () => {
        const failures = check({
            ...hooks({ sudo: 1 }, { hostKey: "x", port: -1 }),
            instanceId: "i",
            tags: { a: 1 },
        });
        expect(failures.map((failure) => failure.property)).to.have.members([
            "instanceId",
            "quiesce.sudo",
            "quiesce.connection.hostKey",
            "quiesce.connection.port",
            "tags.a",
        ]);
    });

    describe("what is not known yet", () => {
        it("is never a failure, wherever it is", () => {
            const paths = pathsOf(everything());
            expect(paths).to.have.length.greaterThan(50);
            for (const path of paths) {
                expect(check(replaced(everything(), path, UNKNOWN)), path.join(".")).to.deep.equal([]);
            }
        });

        it("is never a failure, in any number of places", () => {
            const paths = pathsOf(everything());
            fc.assert(
                fc.property(fc.subarray(paths), (chosen) => {
                    const inputs = chosen.reduce<Values>(
                        (values, path) => replaced(values, path, UNKNOWN),
                        everything(),
                    );
                    expect(check(inputs)).to.deep.equal([]);
                }),
                { numRuns: 50 },
            );
        });

        it("hides no failure of another place", () => {
            const broken: [Path, unknown][] = [
                [["instanceId"], "i-1"],
                [["xyzzy"], 1],
                [["quiesce", "xyzzy"], 1],
                [["quiesce", "connection", "xyzzy"], 1],
                [["quiesce", "connection", "hostKey", 1], "x"],
                [["quiesce", "connection", "hostKey", 1], 5],
                [["quiesce", "connection", "port"], 0],
                [["quiesce", "connection", "proxy", "privateKey"], "x"],
                [["quiesce", "connection", "proxy", "hostKey"], undefined],
                [["quiesce", "scripts", "preFreeze", "path"], "/both"],
                [["quiesce", "environment", "PATH"], "x"],
                [["minimumLevel"], "application"],
                [["volumes", "excludeDataVolumeIds", 0], "x"],
                [["tags"], { ...tagsOf(44), k0: UNKNOWN }],
                [["tags", "aws:x"], "1"],
                [["timeouts", "freeze"], 500],
                [["aws", "assumeRole", "roleArn"], "x"],
            ];
            // What a failure is about besides its own place.
            const about: Record<string, Path[]> = {
                minimumLevel: [["quiesce"], ["quiesce", "method"], ["quiesce", "scripts"]],
                "quiesce.connection.proxy.hostKey": [
                    ["quiesce", "connection", "proxy", "insecureIgnoreHostKey"],
                    ["quiesce", "connection", "proxy", "tunnel"],
                ],
            };
            for (const [path, value] of broken) {
                const inputs = replaced(everything(), path, value);
                const failures = check(inputs);
                expect(failures, path.join(".")).to.have.length.greaterThan(0);
                for (const other of pathsOf(inputs)) {
                    const related = [path, ...(about[path.join(".")] ?? [])].some(
                        (one) => startsWith(one, other) || startsWith(other, one),
                    );
                    const insideMethod = path[0] === "quiesce" && other.join(".") === "quiesce.method";
                    if (!related && !insideMethod) {
                        const remaining = check(replaced(inputs, other, UNKNOWN));
                        expect(remaining, `${path.join(".")} beside ${other.join(".")}`).to.deep.equal(
                            failures,
                        );
                    }
                }
            }
        });
    });

    it("takes standard scripts without their rehearsal, and an execution's id", () => {
        const confirmAwake = "acs-00000000-0000-4000-8000-000000000000";
        expect(check({ ...hooks({ scripts: { rehearse: false } }), confirmAwake })).to.deep.equal([]);
    });

    it("takes what a login sets, what clients need, and a carriage return inside of a line", () => {
        const environment = {
            HOME: "/root",
            USER: "x",
            SHELL: "/bin/sh",
            LD_LIBRARY_PATH: "/opt/db/lib",
            TZ: "UTC",
            UIDS: "1",
        };
        const scripts = { ...pair, preFreeze: { script: "#!/bin/sh\nprintf 'a\rb'\n" } };
        expect(check(hooks({ environment, scripts }))).to.deep.equal([]);
    });

    for (const shell of ["bash", "bash --posix", "dash", "busybox sh"]) {
        it(`takes no name whose value ${shell} refuses or changes`, function () {
            const [command = "", ...options] = shell.split(" ");
            const run = (script: string) =>
                spawnSync(command, [...options, "-c", script], {
                    encoding: "utf8",
                    env: { PATH: process.env["PATH"] },
                    // bash takes a socket, which a pipe of Node's is, for a remote login, and reads its own files.
                    stdio: ["ignore", "pipe", "pipe"],
                });
            const known = run("set; command -v compgen >/dev/null && compgen -v");
            if (known.error) {
                this.skip();
            }
            const names = new Set(
                [...known.stdout.matchAll(/^([A-Za-z_]\w*)(?==|$)/gm)].map(([, name = ""]) => name),
            );
            for (const name of [
                ...names,
                "FUNCNAME",
                "LINENO",
                "RANDOM",
                "EPOCHREALTIME",
                "SECONDS",
                "OPTARG",
                "PS1",
            ]) {
                const arrives =
                    run(`export ${name}='7 z' && ${shell} -c 'printf "%s" "$${name}"'`).stdout === "7 z";
                const failures = check(hooks({ environment: { [name]: "7 z" } }));
                if (!arrives) {
                    expect(failures, name).to.have.length(1);
                }
            }
        });
    }

    it("never shows a secret, whatever type it has", () => {
        const marker = "unmistakable-marker";
        const odd = [marker, 4711.4711, [marker], { key: marker }, Buffer.from(marker), { pem: [marker] }];
        const places: Path[] = [
            [],
            ["connection"],
            ["connection", "password"],
            ["connection", "privateKey"],
            ["connection", "privateKeyPassword"],
            ["connection", "proxy"],
            ["connection", "proxy", "privateKey"],
            ["scripts"],
            ["scripts", "preFreeze"],
            ["scripts", "preFreeze", "script"],
            ["environment"],
            ["environment", "PGPASSWORD"],
        ];
        for (const path of places) {
            for (const value of odd) {
                const failures = check(replaced(everything(), ["quiesce", ...path], value));
                const texts = failures.map(({ property, reason }) => `${property} ${reason}`).join("\n");
                expect(texts, path.join(".")).not.to.match(/unmistakable-marker|4711/);
            }
        }
    });

    describe("names what is wrong, with the value", () => {
        const rows: [path: Path, value: unknown, reason: RegExp][] = [
            [["instanceId"], "db-1", /^"db-1" is not an EC2 instance id, such as i-/],
            [
                ["timeouts", "freeze"],
                10_000,
                /^10000 must be a number of seconds, 1 to 120; if it is meant in milliseconds, give 10$/,
            ],
            [
                ["timeouts", "freeze"],
                "10s",
                /^"10s" must be a number of seconds, 1 to 120; config.getNumber reads one/,
            ],
            [
                ["minimumLevel"],
                "Application",
                /^"Application" must be one of "application", "filesystem", "crash"$/,
            ],
            [
                ["aws", "assumeRole", "roleArn"],
                "backup",
                /^"backup" is not the ARN of an IAM role, such as arn:/,
            ],
            [["preflight"], true, /^true must be "warn" or "fail"$/],
            [
                ["waitForCompletion"],
                "no",
                /^"no" must be true or false, not a string; config.getBoolean reads one/,
            ],
        ];
        for (const [path, value, reason] of rows) {
            it(`${path.join(".")}: ${String(value)}`, () => {
                const failures = check(replaced(everything(), path, value));
                expect(failures.map(({ property }) => property)).to.deep.equal([path.join(".")]);
                expect(failures[0]?.reason).to.match(reason);
            });
        }
    });

    it("never shows a secret", () => {
        const secret = fc
            .string({ minLength: 12, maxLength: 60, unit: "grapheme" })
            .filter((text) => !FINGERPRINT.includes(text));
        const places: Path[] = [
            ["password"],
            ["privateKey"],
            ["privateKeyPassword"],
            ["hostKey"],
            ["proxy", "password"],
            ["proxy", "privateKey"],
            ["proxy", "privateKeyPassword"],
        ].map((path) => ["quiesce", "connection", ...path]);
        const others: Path[] = [
            ["quiesce", "scripts", "preFreeze", "script"],
            ["quiesce", "environment", "PGPASSWORD"],
            ["quiesce", "method"],
            ["quiesce", "sudo"],
        ];
        fc.assert(
            fc.property(
                secret,
                fc.constantFrom("", "\0", "-----BEGIN RSA PRIVATE KEY-----\n"),
                fc.constantFrom(...places, ...others),
                (text, prefix, path) => {
                    const inputs = replaced(everything(), path, prefix + text);
                    for (const { reason } of check(inputs)) {
                        expect(reason).not.to.include(text);
                    }
                },
            ),
            { numRuns: 300 },
        );
    });

    describe("junk", () => {
        const junk = fc.anything({ withBigInt: true, withDate: true, withNullPrototype: true });

        it("is answered, never thrown at", () => {
            const names = [
                "instanceId",
                "quiesce",
                "volumes",
                "tags",
                "timeouts",
                "aws",
                "triggers",
                "minimumLevel",
            ];
            fc.assert(
                fc.property(fc.dictionary(fc.constantFrom(...names), junk), (inputs) => {
                    const failures = check(inputs);
                    expect(failures).to.be.an("array");
                    failures.forEach(expectWhole);
                }),
                { numRuns: 500 },
            );
        });

        it("is answered wherever it is", () => {
            const paths = pathsOf(everything());
            fc.assert(
                fc.property(fc.constantFrom(...paths), junk, (path, value) => {
                    check(replaced(everything(), path, value)).forEach(expectWhole);
                }),
                { numRuns: 500 },
            );
        });
    });
});

describe("check of InstanceHostKeys", () => {
    it("wants an instance, and knows aws", () => {
        expect(checkHostKeysInputs({ instanceId: plain.instanceId, aws: { region: "x" } })).to.deep.equal([]);
        expect(checkHostKeysInputs({ instanceId: UNKNOWN, source: UNKNOWN })).to.deep.equal([]);
        for (const source of ["console", "systems-manager"]) {
            expect(checkHostKeysInputs({ instanceId: plain.instanceId, source })).to.deep.equal([]);
        }
        expect(checkHostKeysInputs({})).to.deep.equal([
            { property: "instanceId", reason: "is required; give the id of the instance, such as server.id" },
        ]);
        expect(checkHostKeysInputs({ instanceId: plain.instanceId, hostkeys: [] })).to.deep.equal([
            {
                property: "hostkeys",
                reason: "is not an input; the inputs here are instanceId, source, timeouts, aws",
            },
        ]);
    });
});

function tagsOf(count: number): Record<string, string> {
    return Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, "v"]));
}

function expectWhole({ property, reason }: CheckFailure): void {
    expect(property).to.be.a("string").with.length.greaterThan(0);
    expect(reason).to.be.a("string").with.length.greaterThan(0);
}

/** Every place of a value, inner and outer. */
function pathsOf(value: unknown, at: Path = []): Path[] {
    if (typeof value !== "object" || value === null) {
        return at.length === 0 ? [] : [at];
    }
    const keys = Array.isArray(value) ? value.map((_, index) => index) : Object.keys(value);
    const inner = keys.flatMap((key) => pathsOf((value as Values)[key], [...at, key]));
    return at.length === 0 ? inner : [at, ...inner];
}

function replaced<T>(value: T, path: Path, by: unknown): T {
    const [key, ...rest] = path;
    if (key === undefined) {
        return by as T;
    }
    // Where another replacement has already put an unknown there is nothing inside to replace.
    if (typeof value !== "object" || value === null) {
        return value;
    }
    const copy = (Array.isArray(value) ? [...(value as unknown[])] : { ...value }) as Record<
        string | number,
        unknown
    >;
    copy[key] = replaced(copy[key], rest, by);
    return copy as T;
}

function startsWith(path: Path, prefix: Path): boolean {
    return prefix.every((key, index) => path[index] === key);
}
