import { RunError, output } from "@pulumi/pulumi";
import { expect } from "chai";
import {
    AppConsistentAmi,
    AppConsistentReplica,
    AppConsistentSnapshot,
    InstanceHostKeys,
    RestoreTest,
    recipes,
    recoveryPoints,
} from "../index";
import { runMocked } from "../lab/engine/mockedEngine";
import { readAwsConfig } from "../provider/aws/awsConfig";
import { checkRestoreInputs } from "../provider/inputs/checkRestore";
import { checkHostKeysInputs, checkSnapshotInputs } from "../provider/inputs/check";

/*
 * What goes wrong in somebody's first hour, with the whole of what is said about it. Read a text here as somebody does
 * who is tired, and has not read the documentation: it has to say what is wrong, and what to write instead. What the
 * compiler says in its turn is in types.test.ts.
 */

type Values = Record<string, unknown>;

const INSTANCE = "i-0123456789abcdef0";
const FINGERPRINT = `SHA256:${"A".repeat(43)}`;
/** What an Output is, where it was put into a string. */
// eslint-disable-next-line @typescript-eslint/no-base-to-string -- this is the mistake itself
const OUTPUT = output("x").toString();
const login = { host: "10.0.0.5", user: "admin", password: "correct horse", hostKey: FINGERPRINT };
const pair = { preFreeze: { path: "/a" }, postThaw: { path: "/b" } };

const none = (more: Values): Values => ({ instanceId: INSTANCE, quiesce: { method: "none" }, ...more });
const hooks = (more: Values): Values => ({
    instanceId: INSTANCE,
    quiesce: { method: "hooks", connection: login, ...more },
});
const connected = (more: Values): Values => hooks({ connection: { ...login, ...more } });
const vss = (more: Values, beside: Values = {}): Values => ({
    instanceId: INSTANCE,
    quiesce: { method: "vss", ...more },
    ...beside,
});

/** Each text is a property, which Pulumi names before it, and what is wrong with it. */
type Row = [what: string, inputs: Values, texts: string[]];

const SNAPSHOT: Row[] = [
    // Names of inputs.
    [
        "a capital letter",
        none({ MinimumLevel: "crash" }),
        ['MinimumLevel: is not an input; did you mean "minimumLevel"?'],
    ],
    [
        "small letters only",
        none({ waitforcompletion: true }),
        ['waitforcompletion: is not an input; did you mean "waitForCompletion"?'],
    ],
    [
        "as Python writes it",
        { instance_id: INSTANCE, quiesce: { method: "none" } },
        [
            "instanceId: is required; give the id of the instance, such as server.id",
            'instance_id: is not an input; did you mean "instanceId"?',
        ],
    ],
    [
        "the name of another tool",
        connected({ username: "admin" }),
        ['quiesce.connection.username: is not an input; did you mean "user"?'],
    ],
    [
        "a bastion by its name",
        connected({ bastion: login }),
        ['quiesce.connection.bastion: is not an input; did you mean "proxy"?'],
    ],
    [
        "a passphrase by its name",
        connected({ passphrase: "correct horse" }),
        ['quiesce.connection.passphrase: is not an input; did you mean "privateKeyPassword"?'],
    ],
    [
        "a plural",
        connected({ hostKeys: [FINGERPRINT] }),
        ['quiesce.connection.hostKeys: is not an input; did you mean "hostKey"?'],
    ],
    [
        "a name that is near to none",
        none({ consistency: "crash" }),
        [
            "consistency: is not an input; the inputs here are instanceId, quiesce, minimumLevel, volumes, triggers, tags, description, copyTagsFromVolumes, timeouts, waitForCompletion, aws, confirmAwake, preflight",
        ],
    ],
    [
        "the connection beside quiesce",
        none({ connection: login }),
        ['connection: is not an input here; its place is quiesce.connection, with method: "hooks"'],
    ],
    [
        "the key beside the connection",
        hooks({ privateKey: "x" }),
        ["quiesce.privateKey: is not an input here; its place is quiesce.connection.privateKey"],
    ],
    [
        "the scripts in the connection",
        connected({ scripts: pair }),
        ["quiesce.connection.scripts: is not an input here; its place is quiesce.scripts"],
    ],
    [
        "the timeouts in quiesce",
        hooks({ timeouts: { freeze: 5 } }),
        ["quiesce.timeouts: is not an input here; its place is timeouts"],
    ],
    [
        "a limit beside the timeouts",
        none({ freeze: 5 }),
        ["freeze: is not an input here; its place is timeouts.freeze"],
    ],
    [
        "the region beside aws",
        none({ region: "eu-central-1" }),
        ["region: is not an input here; its place is aws.region"],
    ],
    [
        "the role's ARN in aws",
        none({ aws: { roleArn: "arn:aws:iam::123456789012:role/backup" } }),
        ["aws.roleArn: is not an input here; its place is aws.assumeRole.roleArn"],
    ],
    [
        "a connection for VSS",
        vss({ connection: login }),
        ['quiesce.connection: is not an input here; it belongs to method: "hooks"'],
    ],
    [
        "scripts for VSS",
        vss({ scripts: pair }),
        ['quiesce.scripts: is not an input here; it belongs to method: "hooks"'],
    ],
    [
        "a bastion behind a bastion",
        connected({ proxy: { ...login, proxy: login } }),
        ["quiesce.connection.proxy.proxy: is not an input here; its place is quiesce.connection.proxy"],
    ],
    // The instance.
    [
        "no instance",
        { quiesce: { method: "none" } },
        ["instanceId: is required; give the id of the instance, such as server.id"],
    ],
    [
        "its name",
        none({ instanceId: "db-1" }),
        ['instanceId: "db-1" is not an EC2 instance id, such as i-0123456789abcdef0'],
    ],
    [
        "its ARN",
        none({ instanceId: `arn:aws:ec2:eu-central-1:123456789012:instance/${INSTANCE}` }),
        ["instanceId: is an ARN; give its last part, i-0123456789abcdef0"],
    ],
    [
        "a line end behind it",
        none({ instanceId: `${INSTANCE}\n` }),
        [
            'instanceId: "i-0123456789abcdef0\\n" has blanks or line ends around the id; give "i-0123456789abcdef0"',
        ],
    ],
    [
        "its image",
        none({ instanceId: "ami-0123456789abcdef0" }),
        [
            'instanceId: "ami-0123456789abcdef0" is the id of an image, and not an EC2 instance id, such as i-0123456789abcdef0',
        ],
    ],
    ["several", none({ instanceId: [INSTANCE] }), ["instanceId: must be one instance id, as a string"]],
    [
        "an Output in a string",
        none({ instanceId: OUTPUT }),
        [
            "instanceId: has an Output in it that was put into a string, and so lost its value; give the Output itself, or pulumi.interpolate`...${output}...`",
        ],
    ],
    [
        "an object in a string",
        none({ instanceId: "[object Object]" }),
        [
            'instanceId: is "[object Object]", because an object was put into a string; give the property of it that is meant, such as .id, .privateIp or .privateKeyOpenssh',
        ],
    ],
    // How to quiesce.
    [
        "nothing",
        { instanceId: INSTANCE },
        [
            'quiesce: is required; give the way to quiesce the instance, such as { method: "hooks", connection: {...} }',
        ],
    ],
    [
        "a word",
        none({ quiesce: "hooks" }),
        [
            'quiesce: must be an object with a method: { method: "hooks" }, { method: "vss" }, { method: "none" }',
        ],
    ],
    [
        "no method",
        none({ quiesce: { type: "hooks" } }),
        [
            'quiesce.method: is required; give "hooks" (pre-freeze and post-thaw scripts over ssh), "vss" (Windows, through Systems Manager) or "none" (a plain, crash-consistent snapshot)',
        ],
    ],
    [
        "a method with a capital letter",
        none({ quiesce: { method: "Hooks" } }),
        [
            'quiesce.method: must be "hooks" (pre-freeze and post-thaw scripts over ssh), "vss" (Windows, through Systems Manager) or "none" (a plain, crash-consistent snapshot); did you mean "hooks"?',
        ],
    ],
    [
        "another method",
        none({ quiesce: { method: "ssh" } }),
        [
            'quiesce.method: must be "hooks" (pre-freeze and post-thaw scripts over ssh), "vss" (Windows, through Systems Manager) or "none" (a plain, crash-consistent snapshot)',
        ],
    ],
    [
        "no connection",
        none({ quiesce: { method: "hooks" } }),
        [
            "quiesce.connection: is required; give the way to reach the instance over ssh, such as { host, user, privateKey, hostKey }",
        ],
    ],
    [
        "an address as the connection",
        hooks({ connection: "10.0.0.5" }),
        ["quiesce.connection: must be an object, such as { host, user, privateKey, hostKey }"],
    ],
    // The host and the login.
    [
        "an account before the host",
        connected({ host: "admin@10.0.0.5" }),
        [
            'quiesce.connection.host: "admin@10.0.0.5" has an account in it; give host: "10.0.0.5", user: "admin"',
        ],
    ],
    [
        "a port behind the host",
        connected({ host: "10.0.0.5:2222" }),
        ['quiesce.connection.host: "10.0.0.5:2222" has a port in it; give host: "10.0.0.5", port: 2222'],
    ],
    [
        "brackets",
        connected({ host: "[2001:db8::5]" }),
        ['quiesce.connection.host: "[2001:db8::5]" has brackets; give host: "2001:db8::5"'],
    ],
    [
        "a URL",
        connected({ host: "ssh://admin:hunter2@db.example.com:2222/" }),
        [
            'quiesce.connection.host: "ssh://admin:***@db.example.com:2222/" is a URL, and has an account in it, and has a port in it; give host: "db.example.com", user: "admin", port: 2222',
        ],
    ],
    [
        "a range",
        connected({ host: "10.0.0.0/24" }),
        [
            'quiesce.connection.host: "10.0.0.0/24" is a range of addresses; give the address of the instance alone',
        ],
    ],
    [
        "two hosts",
        connected({ host: "10.0.0.5,10.0.0.6" }),
        [
            'quiesce.connection.host: "10.0.0.5,10.0.0.6" is not one host name or IP address; one resource takes the snapshots of one instance',
        ],
    ],
    [
        "a number too large",
        connected({ host: "10.0.0.500" }),
        [
            'quiesce.connection.host: "10.0.0.500" is not an IP address, which has four numbers from 0 to 255, with dots between them',
        ],
    ],
    [
        "the instance's id as its host",
        connected({ host: INSTANCE }),
        [
            'quiesce.connection.host: "i-0123456789abcdef0" is an instance\'s id; give its address, such as instance.privateIp',
        ],
    ],
    [
        "an ARN as host",
        connected({ host: `arn:aws:ec2:eu-central-1:123456789012:instance/${INSTANCE}` }),
        [
            'quiesce.connection.host: "arn:aws:ec2:eu-central-1:123456789012:instance/i-0123456789abcdef0" is an ARN; give the instance\'s address, such as instance.privateIp',
        ],
    ],
    [
        "a host that is not there",
        connected({ host: "undefined" }),
        [
            'quiesce.connection.host: "undefined" is what JavaScript makes of a value that is not there; see where it comes from',
        ],
    ],
    [
        "no host",
        connected({ host: undefined }),
        [
            'quiesce.connection.host: is required; give the address that ssh connects to (only a tunnel by "session-manager" or "instance-connect-endpoint" does without)',
        ],
    ],
    [
        "a host for the user",
        connected({ user: "admin@10.0.0.5" }),
        [
            'quiesce.connection.user: has an "@" and a host behind it; give the account alone here, and the host as `host`',
        ],
    ],
    [
        "a user's number",
        connected({ user: 1000 }),
        ["quiesce.connection.user: 1000 must be the name of an account, as a string"],
    ],
    [
        "no user",
        connected({ user: undefined }),
        ["quiesce.connection.user: is required; give the account to log in as (stock images refuse root)"],
    ],
    [
        "a port as a string",
        connected({ port: "22" }),
        [
            "quiesce.connection.port: must be a port number, 1 to 65535; config.getNumber reads one from the stack's config",
        ],
    ],
    [
        "a port that is none",
        connected({ port: 70_000 }),
        ["quiesce.connection.port: 70000 must be a port number, 1 to 65535"],
    ],
    [
        "no way to log in",
        connected({ password: undefined }),
        [
            "quiesce.connection: needs a way to log in: instanceConnect, privateKey, password, agentSocketPath, or SSH_AUTH_SOCK in the environment of Pulumi",
        ],
    ],
    [
        "a bastion's address alone",
        connected({ proxy: "bastion.example.com" }),
        [
            "quiesce.connection.proxy: must be an object, such as { host, user, privateKey, hostKey } of the bastion",
        ],
    ],
    // Keys.
    [
        "the key's path",
        connected({ privateKey: "~/.ssh/id_ed25519" }),
        [
            'quiesce.connection.privateKey: looks like a path; give the contents of the file: fs.readFileSync(path, "utf8")',
        ],
    ],
    [
        "the key's path on Windows",
        connected({ privateKey: "C:\\keys\\server.pem" }),
        [
            'quiesce.connection.privateKey: looks like a path; give the contents of the file: fs.readFileSync(path, "utf8")',
        ],
    ],
    [
        "the public key",
        connected({ privateKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHUm admin@laptop" }),
        ["quiesce.connection.privateKey: is a public key; the private key is needed"],
    ],
    [
        "the key's fingerprint",
        connected({ privateKey: FINGERPRINT }),
        ["quiesce.connection.privateKey: is a fingerprint; the private key itself is needed"],
    ],
    [
        "a certificate of TLS",
        connected({ privateKey: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----" }),
        ["quiesce.connection.privateKey: is a certificate; the private key is needed"],
    ],
    [
        "something else",
        connected({ privateKey: "hunter2" }),
        [
            "quiesce.connection.privateKey: is not a private key that can be read; give the whole contents of the file that ssh-keygen made, from -----BEGIN to the end of the line with -----END",
        ],
    ],
    [
        "a key whose line ends are gone",
        connected({
            privateKey: "-----BEGIN OPENSSH PRIVATE KEY-----b3BlbnNz-----END OPENSSH PRIVATE KEY-----",
        }),
        [
            "quiesce.connection.privateKey: has lost its line ends; set it from the file: pulumi config set --secret privateKey < key.pem",
        ],
    ],
    [
        "an Output in the key's string",
        connected({ privateKey: OUTPUT }),
        [
            "quiesce.connection.privateKey: has an Output in it that was put into a string, and so lost its value; give the Output itself, or pulumi.interpolate`...${output}...`",
        ],
    ],
    [
        "no host key",
        connected({ hostKey: undefined }),
        [
            "quiesce.connection.hostKey: is required, so that nobody can pose as the instance; give a line of /etc/ssh/ssh_host_*_key.pub, a SHA256: fingerprint, or the hostKeys of an InstanceHostKeys (insecureIgnoreHostKey: true gives this protection up)",
        ],
    ],
    [
        "the host key's path",
        connected({ hostKey: "/etc/ssh/ssh_host_ed25519_key.pub" }),
        [
            'quiesce.connection.hostKey: looks like a path; give the contents of the file: fs.readFileSync(path, "utf8")',
        ],
    ],
    [
        "an MD5 fingerprint",
        connected({ hostKey: `MD5:${"aa:".repeat(15)}aa` }),
        [
            "quiesce.connection.hostKey: is an MD5 fingerprint; give the one of SHA256, which ssh-keygen -l -E sha256 prints",
        ],
    ],
    [
        "a part of a fingerprint",
        connected({ hostKey: "SHA256:AAAA" }),
        ['quiesce.connection.hostKey: is not a whole fingerprint: "SHA256:" and 43 characters of base64'],
    ],
    [
        "the host's private key",
        connected({ hostKey: "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA" }),
        [
            'quiesce.connection.hostKey: is a private key, but the host\'s public key is needed; give a line like "ssh-ed25519 AAAA..." or a fingerprint like "SHA256:..."',
        ],
    ],
    [
        "a flag from the config",
        connected({ hostKey: undefined, insecureIgnoreHostKey: "true" }),
        [
            "quiesce.connection.insecureIgnoreHostKey: must be true or false, not a string; config.getBoolean reads one from the stack's config",
            "quiesce.connection.hostKey: is required, so that nobody can pose as the instance; give a line of /etc/ssh/ssh_host_*_key.pub, a SHA256: fingerprint, or the hostKeys of an InstanceHostKeys (insecureIgnoreHostKey: true gives this protection up)",
        ],
    ],
    // Scripts.
    [
        "a path without { path }",
        hooks({ scripts: { ...pair, preFreeze: "/usr/local/sbin/freeze" } }),
        [
            "quiesce.scripts.preFreeze: must be { path: ... } of a script on the instance, or { script: ... } with its text",
        ],
    ],
    [
        "a list of recipes",
        hooks({ scripts: [pair, pair] }),
        [
            "quiesce.scripts: must be an object, such as { preFreeze: { path }, postThaw: { path } }; recipes.combine(a, b) makes one of several recipes",
        ],
    ],
    [
        "a file of this machine",
        hooks({ scripts: { ...pair, preFreeze: { path: "./freeze.sh" } } }),
        [
            'quiesce.scripts.preFreeze.path: must be an absolute path on the instance, such as /usr/local/sbin/freeze; to send a file of this machine, give { script: fs.readFileSync(path, "utf8") } instead',
        ],
    ],
    [
        "the first script alone",
        hooks({ scripts: { preFreeze: { path: "/a" } } }),
        ["quiesce.scripts.postThaw: is required, because preFreeze is given, and the two belong together"],
    ],
    [
        "path and text",
        hooks({ scripts: { ...pair, preFreeze: { path: "/a", script: "exit 0" } } }),
        ["quiesce.scripts.preFreeze: needs a `path` or a `script`, not both"],
    ],
    [
        "neither path nor text",
        hooks({ scripts: { ...pair, preFreeze: {} } }),
        ["quiesce.scripts.preFreeze: needs a `path` or a `script`, and has neither"],
    ],
    [
        "carriage returns",
        hooks({ scripts: { ...pair, preFreeze: { script: "#!/bin/sh\r\nsync\r\n" } } }),
        [
            'quiesce.scripts.preFreeze.script: has a carriage return at the end of line 1; save the file with Unix line ends (LF), or use text.replaceAll("\\r\\n", "\\n")',
        ],
    ],
    [
        "a byte order mark",
        hooks({ scripts: { ...pair, preFreeze: { script: "\uFEFF#!/bin/sh\nsync\n" } } }),
        [
            'quiesce.scripts.preFreeze.script: begins with a byte order mark, which hides its "#!"; save the file as UTF-8 without it',
        ],
    ],
    [
        "an empty file",
        hooks({ scripts: { ...pair, preFreeze: { script: "" } } }),
        ["quiesce.scripts.preFreeze.script: is empty"],
    ],
    [
        "a level that scripts cannot have",
        hooks({ scripts: { ...pair, level: "crash" } }),
        ['quiesce.scripts.level: must be "application" or "filesystem"'],
    ],
    [
        "a list of variables",
        hooks({ environment: ["PGPORT=5433"] }),
        ['quiesce.environment: must be an object of names and values, such as { PGPORT: "5433" }'],
    ],
    [
        "a number as a variable",
        hooks({ environment: { PGPORT: 5433 } }),
        ["quiesce.environment.PGPORT: must be a string; String(value) makes one"],
    ],
    [
        "the shell's own variable",
        hooks({ environment: { UID: "1000" } }),
        [
            "quiesce.environment.UID: is a name that shells use themselves, so the value would not arrive, or would change how scripts run; use another name",
        ],
    ],
    [
        "PATH",
        hooks({ environment: { PATH: "/opt/bin" } }),
        ["quiesce.environment.PATH: is set by this package and cannot be given"],
    ],
    [
        "a variable with its value in the name",
        hooks({ environment: { "PGPASSWORD=hunter2": "" } }),
        [
            "quiesce.environment: has a name that is not the name of an environment variable, which has letters, digits and _, and no digit at the beginning",
        ],
    ],
    [
        "sudo's command",
        hooks({ sudo: "sudo -n" }),
        [
            "quiesce.sudo: must be true or false, not a string; config.getBoolean reads one from the stack's config",
        ],
    ],
    [
        "true for a word",
        hooks({ showHookOutput: true }),
        ['quiesce.showHookOutput: true must be "never" or "onFailure"'],
    ],
    [
        "identity that is not verified",
        hooks({ verifyInstanceIdentity: false }),
        [
            'minimumLevel: "application" can never be reached, because with verifyInstanceIdentity: false the level is "crash" at most (IDENTITY_UNVERIFIED); leave verifyInstanceIdentity out, or set minimumLevel: "crash"',
        ],
    ],
    // Numbers and units.
    [
        "milliseconds",
        none({ timeouts: { freeze: 10_000 } }),
        [
            "timeouts.freeze: 10000 must be a number of seconds, 1 to 120; if it is meant in milliseconds, give 10",
        ],
    ],
    [
        "a unit",
        none({ timeouts: { freeze: "10s" } }),
        [
            'timeouts.freeze: "10s" must be a number of seconds, 1 to 120; config.getNumber reads one from the stack\'s config',
        ],
    ],
    [
        "a number from the config",
        none({ timeouts: { preFreeze: "60" } }),
        [
            'timeouts.preFreeze: "60" must be a number of seconds, 1 to 3600; config.getNumber reads one from the stack\'s config',
        ],
    ],
    [
        "too long",
        none({ timeouts: { freeze: 600 } }),
        ["timeouts.freeze: 600 must be a number of seconds, 1 to 120"],
    ],
    [
        "one limit for all",
        none({ timeouts: 60 }),
        [
            "timeouts: 60 must be an object with a number of seconds for each phase: connect, lock, preFreeze, freeze, postThaw, command, completion",
        ],
    ],
    [
        "Pulumi's names",
        none({ timeouts: { create: "1h" } }),
        [
            "timeouts.create: is not an input; the inputs here are connect, lock, preFreeze, freeze, postThaw, command, completion",
        ],
    ],
    // The set.
    [
        "a level with a capital letter",
        none({ minimumLevel: "Crash" }),
        ['minimumLevel: "Crash" must be one of "application", "filesystem", "crash"'],
    ],
    [
        "a level in other words",
        none({ minimumLevel: "app-consistent" }),
        ['minimumLevel: "app-consistent" must be one of "application", "filesystem", "crash"'],
    ],
    [
        "a level that is never reached",
        none({ minimumLevel: "application" }),
        [
            'minimumLevel: "application" can never be reached, because quiescing by "none" promises "crash" at most; leave minimumLevel out, or quiesce in another way',
        ],
    ],
    [
        "tags as AWS lists them",
        none({ tags: [{ Key: "Name", Value: "db" }] }),
        ['tags: must be an object of keys and values, such as { Name: "database" }'],
    ],
    [
        "a number as a tag",
        none({ tags: { Number: 5 } }),
        ["tags.Number: 5 must be a string; String(value) makes one"],
    ],
    ["a tag that is null", none({ tags: { Name: null } }), ["tags.Name: must be a string, not null"]],
    [
        "AWS's own tag",
        none({ tags: { "aws:createdBy": "me" } }),
        ['tags["aws:createdBy"]: begins with aws:, which AWS keeps for itself'],
    ],
    [
        "a trigger alone",
        none({ triggers: "2026-11-30" }),
        [
            'triggers: "2026-11-30" must be a list, such as [config.get("run")]; a new list of values takes a new set',
        ],
    ],
    [
        "an Output in a trigger's string",
        none({ triggers: ["2026-11-30", OUTPUT] }),
        [
            "triggers[1]: has an Output in it that was put into a string, and so lost its value; give the Output itself, or pulumi.interpolate`...${output}...`",
        ],
    ],
    [
        "a list of volumes",
        none({ volumes: ["vol-0123456789abcdef0"] }),
        [
            "volumes: must be an object with what to leave out: { excludeBootVolume: true }, { excludeDataVolumeIds: [...] }",
        ],
    ],
    [
        "one volume",
        none({ volumes: { excludeDataVolumeIds: "vol-0123456789abcdef0" } }),
        [
            'volumes.excludeDataVolumeIds: "vol-0123456789abcdef0" must be a list of volume ids, such as [volume.id]',
        ],
    ],
    [
        "a device",
        none({ volumes: { excludeDataVolumeIds: ["/dev/sdf"] } }),
        [
            'volumes.excludeDataVolumeIds[0]: "/dev/sdf" is not an EBS volume id, such as vol-0123456789abcdef0',
        ],
    ],
    [
        "a snapshot for a volume",
        none({ volumes: { excludeDataVolumeIds: ["snap-0123456789abcdef0"] } }),
        [
            'volumes.excludeDataVolumeIds[0]: "snap-0123456789abcdef0" is the id of a snapshot, and not an EBS volume id, such as vol-0123456789abcdef0',
        ],
    ],
    [
        "a flag from the config, unread",
        none({ waitForCompletion: "false" }),
        [
            'waitForCompletion: "false" must be true or false, not a string; config.getBoolean reads one from the stack\'s config',
        ],
    ],
    [
        "yes for an execution's id",
        none({ confirmAwake: true }),
        [
            "confirmAwake: true must be an execution id (acs-...) as a string, the one that the error THAW_PENDING or STALE_FREEZE names",
        ],
    ],
    [
        "the instance for an execution's id",
        none({ confirmAwake: INSTANCE }),
        [
            'confirmAwake: "i-0123456789abcdef0" is not an execution id (acs-...); give the one that the error THAW_PENDING or STALE_FREEZE names',
        ],
    ],
    ["true for a preflight", none({ preflight: true }), ['preflight: true must be "warn" or "fail"']],
    // AWS.
    [
        "a region alone",
        none({ aws: "eu-central-1" }),
        ['aws: "eu-central-1" must be an object with any of region, profile and assumeRole'],
    ],
    [
        "an availability zone",
        none({ aws: { region: "eu-central-1a" } }),
        ['aws.region: "eu-central-1a" is an availability zone; give its region, "eu-central-1"'],
    ],
    [
        "a region's name",
        none({ aws: { region: "Europe (Frankfurt)" } }),
        ['aws.region: "Europe (Frankfurt)" is not the code of a region, such as eu-central-1'],
    ],
    ["an empty variable", none({ aws: { region: "" } }), ["aws.region: is empty"]],
    [
        "keys",
        none({ aws: { accessKey: "AKIAIOSFODNN7EXAMPLE" } }),
        ["aws.accessKey: is not an input; the inputs here are region, profile, assumeRole"],
    ],
    [
        "a role's ARN alone",
        none({ aws: { assumeRole: "arn:aws:iam::123456789012:role/backup" } }),
        [
            'aws.assumeRole: "arn:aws:iam::123456789012:role/backup" must be an object, such as { roleArn: "arn:aws:iam::123456789012:role/backup" }',
        ],
    ],
    [
        "a user for a role",
        none({ aws: { assumeRole: { roleArn: "arn:aws:iam::123456789012:user/me" } } }),
        [
            'aws.assumeRole.roleArn: "arn:aws:iam::123456789012:user/me" is not the ARN of an IAM role, such as arn:aws:iam::123456789012:role/backup',
        ],
    ],
    [
        "the stack's list of roles",
        none({ aws: { assumeRoles: [] } }),
        ['aws.assumeRoles: is not an input; did you mean "assumeRole"?'],
    ],
    // VSS.
    [
        "an image's name",
        vss({ createImage: "golden" }),
        [
            'quiesce.createImage: "golden" must be true, false or { namePrefix: "..." }, what the image\'s name begins with',
        ],
    ],
    [
        "a colon in an image's name",
        vss({ createImage: { namePrefix: "golden:" } }),
        [
            "quiesce.createImage.namePrefix: \"golden:\" must be 1 to 80 letters, digits, blanks and ()[]./-'@_, which an image's name may have",
        ],
    ],
    [
        "a version in words",
        vss({ vssVersion: "latest" }),
        [
            'quiesce.vssVersion: "latest" is not a version of AwsVssComponents, such as "2.5.1"; leave it out for the one that AWS recommends',
        ],
    ],
    [
        "a version as a number",
        vss({ vssVersion: 2.5 }),
        ['quiesce.vssVersion: 2.5 must be a version of AwsVssComponents as a string, such as "2.5.1"'],
    ],
    [
        "a volume left out",
        vss({}, { volumes: { excludeDataVolumeIds: ["vol-0123456789abcdef0"] } }),
        [
            "volumes.excludeDataVolumeIds: cannot be used with VSS, which takes all data volumes of the instance",
        ],
    ],
    [
        "an image without its boot volume",
        vss({ createImage: true }, { volumes: { excludeBootVolume: true } }),
        [
            "quiesce.createImage: cannot be used with volumes.excludeBootVolume, because an image needs its boot volume",
        ],
    ],
    [
        "tags of volumes",
        vss({}, { copyTagsFromVolumes: true }),
        ["copyTagsFromVolumes: cannot be used with VSS, whose documents copy no tags"],
    ],
    [
        "VSS's own tag",
        vss({}, { tags: { AppConsistent: "True" } }),
        ["tags.AppConsistent: is a tag that VSS sets itself"],
    ],
];

const HOST_KEYS: Row[] = [
    [
        "Pulumi's names",
        { instanceId: INSTANCE, timeouts: { create: "10m" } },
        ["timeouts.create: is not an input; the inputs here are wait"],
    ],
    [
        "milliseconds",
        { instanceId: INSTANCE, timeouts: { wait: 600_000 } },
        [
            "timeouts.wait: 600000 must be a number of seconds, 1 to 86400; if it is meant in milliseconds, give 600",
        ],
    ],
    [
        "a number alone",
        { instanceId: INSTANCE, timeouts: 600 },
        ["timeouts: 600 must be an object, such as { wait: 600 }, in seconds"],
    ],
    [
        "the host",
        { instanceId: INSTANCE, host: "10.0.0.5" },
        ["host: is not an input; the inputs here are instanceId, source, timeouts, aws"],
    ],
    [
        "the instance by another name",
        { instance: INSTANCE },
        [
            "instanceId: is required; give the id of the instance, such as server.id",
            'instance: is not an input; did you mean "instanceId"?',
        ],
    ],
    [
        "the other source by a shorter name",
        { instanceId: INSTANCE, source: "ssm" },
        [
            'source: "ssm" must be "console" (what the instance printed at its first boot) or "systems-manager" (read on the instance by its SSM agent)',
        ],
    ],
    [
        "the other source in AWS's spelling",
        { instanceId: INSTANCE, source: "SystemsManager" },
        [
            'source: "SystemsManager" must be "console" (what the instance printed at its first boot) or "systems-manager" (read on the instance by its SSM agent); did you mean "systems-manager"?',
        ],
    ],
    [
        "the region beside aws",
        { instanceId: INSTANCE, region: "eu-central-1" },
        ["region: is not an input here; its place is aws.region"],
    ],
];

const launch = {
    instanceType: "m7i.large",
    subnetId: "subnet-0123456789abcdef0",
    vpcSecurityGroupIds: ["sg-0123456789abcdef0"],
};
const test = (more: Values): Values => ({
    imageId: "ami-0123456789abcdef0",
    launch,
    connection: { user: "snapshot", password: "correct horse" },
    verify: { script: "true" },
    ...more,
});
const launched = (more: Values): Values => test({ launch: { ...launch, ...more } });
const IMAGE_REQUIRED =
    "imageId: is required: the image to test, such as image.imageId; or `launchTemplate: { id }` in its place";
const VERIFY_REQUIRED =
    "verify: must be { path: ... } of a script on the instance, or { script: ... } with its text";
const RESTORE_INPUTS =
    "imageId, launchTemplate, launch, connection, verify, sudo, timeouts, keepOnFailure, triggers, tags, aws";

const RESTORE: Row[] = [
    // What is tested.
    ["no image", test({ imageId: undefined }), [IMAGE_REQUIRED]],
    [
        "a snapshot for an image",
        test({ imageId: "snap-0123456789abcdef0" }),
        [
            'imageId: "snap-0123456789abcdef0" is the id of a snapshot, and not the id of an image, such as ami-0123456789abcdef0',
        ],
    ],
    [
        "the server for its image",
        test({ imageId: INSTANCE }),
        [
            'imageId: "i-0123456789abcdef0" is the id of an instance, and not the id of an image, such as ami-0123456789abcdef0',
        ],
    ],
    [
        "an image's name",
        test({ imageId: "golden-2026" }),
        ['imageId: "golden-2026" is not the id of an image, such as ami-0123456789abcdef0'],
    ],
    [
        "several images",
        test({ imageId: ["ami-0123456789abcdef0"] }),
        ["imageId: must be one id, as a string"],
    ],
    [
        "the console's word for an image",
        test({ imageId: undefined, ami: "ami-0123456789abcdef0" }),
        ['ami: is not an input; did you mean "imageId"?', IMAGE_REQUIRED],
    ],
    [
        "the set itself",
        test({ imageId: undefined, snapshot: {} }),
        [
            "snapshot: is not an input: make an image of the set by AppConsistentAmi, and give its imageId",
            IMAGE_REQUIRED,
        ],
    ],
    [
        "the server beside the image",
        test({ instanceId: INSTANCE }),
        ["instanceId: has to go, because the test launches an instance of its own"],
    ],
    [
        "an image and a launch template",
        test({ launchTemplate: { id: "lt-0123456789abcdef0" } }),
        [
            "launchTemplate: is given beside imageId: give one of them, the one that the copy is to be launched from",
        ],
    ],
    [
        "a launch template's id alone",
        test({ imageId: undefined, launchTemplate: "lt-0123456789abcdef0" }),
        ['launchTemplate: "lt-0123456789abcdef0" must be an object: { id: template.id, version: ... }'],
    ],
    [
        "a version as a number",
        test({ imageId: undefined, launchTemplate: { id: "lt-0123456789abcdef0", version: 3 } }),
        ['launchTemplate.version: 3 must be a string, such as "3"; String(template.latestVersion) makes one'],
    ],
    // Where it runs.
    [
        "nothing of where",
        test({ launch: undefined }),
        [
            "launch: is required; give how the copy is launched: { instanceType, subnetId, vpcSecurityGroupIds }",
        ],
    ],
    [
        "no subnet",
        launched({ subnetId: undefined }),
        [
            "launch.subnetId: is required; give a subnet that is fenced off, so that the copy cannot act (docs/restore-test.md)",
        ],
    ],
    [
        "the network for its subnet",
        launched({ subnetId: "vpc-0123456789abcdef0" }),
        [
            'launch.subnetId: "vpc-0123456789abcdef0" is the id of a VPC, and not the id of a subnet, such as subnet-0123456789abcdef0',
        ],
    ],
    [
        "the subnet beside launch",
        test({ subnetId: "subnet-0123456789abcdef0" }),
        ["subnetId: is not an input here; its place is launch.subnetId"],
    ],
    [
        "security groups by a shorter name",
        launched({ vpcSecurityGroupIds: undefined, securityGroupIds: ["sg-0123456789abcdef0"] }),
        [
            "launch.vpcSecurityGroupIds: is required; give security groups that fence the copy off, so that it cannot act (docs/restore-test.md)",
            'launch.securityGroupIds: is not an input; did you mean "vpcSecurityGroupIds"?',
        ],
    ],
    [
        "one security group",
        launched({ vpcSecurityGroupIds: "sg-0123456789abcdef0" }),
        ['launch.vpcSecurityGroupIds: "sg-0123456789abcdef0" must be a list, such as [group.id]'],
    ],
    [
        "no security group",
        launched({ vpcSecurityGroupIds: [] }),
        [
            "launch.vpcSecurityGroupIds: is an empty list: EC2 would take the VPC's default group, which may let the copy act",
        ],
    ],
    [
        "a security group's name",
        launched({ vpcSecurityGroupIds: ["default"] }),
        [
            'launch.vpcSecurityGroupIds[0]: "default" is not the id of a security group, such as sg-0123456789abcdef0',
        ],
    ],
    [
        "no type",
        launched({ instanceType: undefined }),
        ["launch.instanceType: is required; give the type of the copy, such as m7i.large"],
    ],
    [
        "a size for a type",
        launched({ instanceType: "large" }),
        ['launch.instanceType: "large" is not an instance type, such as m7i.large'],
    ],
    // How to log in.
    [
        "the server's address",
        test({ connection: login }),
        [
            "connection.host: has to go: the copy's address is known when it is launched. A bastion on the way is `proxy`; a `tunnel` has the copy's id as %h",
        ],
    ],
    [
        "no connection",
        test({ connection: undefined }),
        ["connection: is required; give how to log in to the copy over ssh, such as { user, privateKey }"],
    ],
    [
        "quiesce, as for a snapshot",
        test({ quiesce: { method: "none" } }),
        [`quiesce: is not an input; the inputs here are ${RESTORE_INPUTS}`],
    ],
    // What is run.
    ["nothing to run", test({ verify: undefined }), [VERIFY_REQUIRED]],
    ["a text for a script", test({ verify: "true" }), [VERIFY_REQUIRED]],
    [
        "a script in both ways",
        test({ verify: { script: "true", path: "/usr/local/sbin/verify" } }),
        ["verify: needs a `path` or a `script`, not both"],
    ],
    [
        "a script in neither way",
        test({ verify: {} }),
        ["verify: needs a `path` or a `script`, and has neither"],
    ],
    ["an empty script", test({ verify: { script: "" } }), ["verify.script: is empty"]],
    [
        "a file of this machine",
        test({ verify: { path: "./verify.sh" } }),
        [
            'verify.path: must be an absolute path on the instance, such as /usr/local/sbin/freeze; to send a file of this machine, give { script: fs.readFileSync(path, "utf8") } instead',
        ],
    ],
    [
        "a recipe that freezes",
        test({ verify: recipes.postgresql() }),
        ["verify: is a recipe that freezes; give the one that verifies, such as recipes.verify.postgresql()"],
    ],
    [
        "all recipes that verify",
        test({ verify: recipes.verify }),
        [
            "verify: is all of recipes.verify; call the one of the application, such as recipes.verify.postgresql()",
        ],
    ],
    // The rest.
    [
        "milliseconds",
        test({ timeouts: { boot: 900_000 } }),
        [
            "timeouts.boot: 900000 must be a number of seconds, 1 to 86400; if it is meant in milliseconds, give 900",
        ],
    ],
    [
        "a snapshot's limit",
        test({ timeouts: { freeze: 5 } }),
        ["timeouts.freeze: is not an input; the inputs here are boot, verify"],
    ],
    [
        "a limit beside the timeouts",
        test({ boot: 900 }),
        ["boot: is not an input here; its place is timeouts.boot"],
    ],
    [
        "a flag from the config, unread",
        test({ keepOnFailure: "true" }),
        [
            'keepOnFailure: "true" must be true or false, not a string; config.getBoolean reads one from the stack\'s config',
        ],
    ],
    [
        "the region beside aws",
        test({ region: "eu-central-1" }),
        ["region: is not an input here; its place is aws.region"],
    ],
];

describe("mistakes of a first hour", () => {
    for (const [type, rows, check] of [
        ["AppConsistentSnapshot", SNAPSHOT, (inputs: Values) => checkSnapshotInputs(inputs, {})],
        ["InstanceHostKeys", HOST_KEYS, checkHostKeysInputs],
        ["RestoreTest", RESTORE, (inputs: Values) => checkRestoreInputs(inputs, {})],
    ] as const) {
        describe(`in the inputs of ${type}`, () => {
            for (const [what, inputs, texts] of rows) {
                it(what, () => {
                    expect(
                        check(inputs).map(({ property, reason }) => `${property}: ${reason}`),
                    ).to.deep.equal(texts);
                });
            }
        });
    }

    it("are at least 45, each with a text of its own", () => {
        expect(SNAPSHOT.length + HOST_KEYS.length).to.be.at.least(45);
        const texts = SNAPSHOT.flatMap(([, , all]) => all.join("\n"));
        expect(new Set(texts).size).to.be.at.least(texts.length - 1);
    });

    describe("in the program", () => {
        const args = { instanceId: INSTANCE, quiesce: { method: "none" } } as const;
        const snapshot = () => new AppConsistentSnapshot("nightly", args);
        const given = (more: Values, opts?: object) => () =>
            new AppConsistentSnapshot("nightly", { ...args, ...more }, opts);
        const ami = (more: object, opts?: object) => () =>
            new AppConsistentAmi("golden", { snapshot: snapshot(), ...more }, opts);
        const tested = (more: object, opts?: object) => () =>
            new RestoreTest("db", { ...test({}), ...more } as never, opts);
        const replica = (more: object, opts?: object) => () =>
            new AppConsistentReplica("standby", { snapshot: snapshot(), launch, ...more }, opts);
        const points = (more: object) => () => recoveryPoints({ keep: 7, ...more });
        const provider = { pkg: "aws" };

        const rows: [what: string, program: () => unknown, text: string][] = [
            [
                "import",
                given({}, { import: "acs-0197c3a2-5b7e-7c31-9f4e-2d8a6b1c0e5f" }),
                'AppConsistentSnapshot "nightly": remove the option import, because Pulumi cannot import a dynamic resource by it. To take a finished set into this stack, run `npx pulumi-app-consistent-snapshot import acs-...` (docs/import.md). To read one without managing it, use AppConsistentSnapshot.get("NAME", "acs-...").',
            ],
            [
                "import of host keys",
                () => new InstanceHostKeys("keys", { instanceId: INSTANCE }, { import: INSTANCE }),
                'InstanceHostKeys "keys": remove the option import, because Pulumi cannot import a dynamic resource by it. Without it, the resource reads the keys from the instance.',
            ],
            [
                "import of a test",
                tested({}, { import: INSTANCE }),
                'RestoreTest "db": remove the option import, because Pulumi cannot import a dynamic resource by it. A test leaves nothing in AWS that could be imported.',
            ],
            [
                "a script that verifies, not called",
                tested({ verify: recipes.verify.postgresql }),
                'RestoreTest "db": `verify` is a function; call it, such as recipes.fileSystems([...]).',
            ],
            [
                "customTimeouts of a test",
                tested({}, { customTimeouts: { create: "1h" } }),
                'RestoreTest "db": the option customTimeouts never reaches a dynamic resource; use the input `timeouts`, in seconds, instead.',
            ],
            [
                "customTimeouts",
                given({}, { customTimeouts: { create: "1h" } }),
                'AppConsistentSnapshot "nightly": the option customTimeouts never reaches a dynamic resource; use the input `timeouts`, in seconds, instead.',
            ],
            [
                "a provider of AWS",
                given({}, { provider }),
                'AppConsistentSnapshot "nightly": the option provider cannot be a provider of "aws", because this is a dynamic resource; use the input `aws: { region, profile, assumeRole }` instead.',
            ],
            [
                "providers of AWS",
                given({}, { providers: { aws: provider } }),
                'AppConsistentSnapshot "nightly": the option provider cannot be a provider of "aws", because this is a dynamic resource; use the input `aws: { region, profile, assumeRole }` instead.',
            ],
            [
                "an option among the inputs",
                given({ dependsOn: [] }),
                'AppConsistentSnapshot "nightly": `dependsOn` is an option of resources, and no input; give it in the argument behind the inputs, { dependsOn: ... }.',
            ],
            [
                "no inputs",
                () => new AppConsistentSnapshot("nightly", undefined as never),
                'AppConsistentSnapshot "nightly": its inputs must be a plain object, such as { instanceId: ... }; Outputs and Promises may only stand inside of it.',
            ],
            [
                "an Output of all inputs",
                () => new AppConsistentSnapshot("nightly", output(args) as never),
                'AppConsistentSnapshot "nightly": its inputs must be a plain object, such as { instanceId: ... }; Outputs and Promises may only stand inside of it.',
            ],
            [
                "an Output that is spread",
                given({ quiesce: { ...output(args.quiesce) } }),
                'AppConsistentSnapshot "nightly": `quiesce` is an Output that was spread ({ ...output }), which has none of its values; use output.apply((value) => ({ ...value })) instead.',
            ],
            [
                "a Date as a trigger",
                given({ triggers: [new Date()] }),
                'AppConsistentSnapshot "nightly": `triggers[0]` is a Date, of which nothing would be stored; give a string, such as date.toISOString().',
            ],
            [
                "a recipe that is not called",
                given({ quiesce: { method: "hooks", scripts: recipes.fileSystems } }),
                'AppConsistentSnapshot "nightly": `quiesce.scripts` is a function; call it, such as recipes.fileSystems([...]).',
            ],
            [
                "a key's bytes",
                given({ quiesce: { method: "hooks", connection: { privateKey: Buffer.from("key") } } }),
                'AppConsistentSnapshot "nightly": `quiesce.connection.privateKey` is bytes; give a string, such as fs.readFileSync(path, "utf8").',
            ],
            [
                "a set's snapshot for the set",
                () => AppConsistentSnapshot.get("found", "snap-0123456789abcdef0"),
                'AppConsistentSnapshot "found": "snap-0123456789abcdef0" is not the id of a set; give that of the resource that took it (acs-...), which is also the tag app-consistent-snapshot:execution of its snapshots.',
            ],
            [
                "the set's name for the set",
                () => AppConsistentSnapshot.get("found", "nightly"),
                'AppConsistentSnapshot "found": "nightly" is not the id of a set; give that of the resource that took it (acs-...), which is also the tag app-consistent-snapshot:execution of its snapshots.',
            ],
            [
                "an option of get among its inputs",
                () =>
                    AppConsistentSnapshot.get("found", "acs-0197c3a2-5b7e-7c31-9f4e-2d8a6b1c0e5f", {
                        protect: true,
                    } as never),
                'AppConsistentSnapshot "found": `protect` is an option of resources, and no input; give it in the argument behind the inputs, { protect: ... }.',
            ],
            [
                "an image of an id",
                ami({ snapshot: snapshot().id }),
                'AppConsistentAmi "golden": `snapshot` must be the AppConsistentSnapshot itself, and no Output, such as its id or its snapshotIds.',
            ],
            [
                "an image of nothing",
                ami({ snapshot: undefined }),
                'AppConsistentAmi "golden": `snapshot` must be the AppConsistentSnapshot itself.',
            ],
            [
                "an image with customTimeouts",
                ami({}, { customTimeouts: { create: "1h" } }),
                'AppConsistentAmi "golden": the option customTimeouts has no effect on a component; a copy of an image may take 24 hours without it.',
            ],
            [
                "an image's prefix with a colon",
                ami({ namePrefix: "golden:" }),
                'AppConsistentAmi "golden": `namePrefix` "golden:" must be 1 to 80 of the characters that an image\'s name may have: letters, digits, blanks and ()[]./-\'@_',
            ],
            [
                "a replica of snapshot ids",
                replica({ snapshot: snapshot().snapshotIds }),
                'AppConsistentReplica "standby": `snapshot` must be the AppConsistentSnapshot itself, and no Output, such as its id or its snapshotIds.',
            ],
            [
                "a replica without its launch",
                replica({ launch: undefined }),
                'AppConsistentReplica "standby": `launch` must be an object with instanceType, subnetId, vpcSecurityGroupIds; Outputs may stand inside of it.',
            ],
            [
                "a replica without a subnet",
                replica({ launch: { ...launch, subnetId: undefined } }),
                'AppConsistentReplica "standby": `launch.subnetId` is required.',
            ],
            [
                "one security group",
                replica({ launch: { ...launch, vpcSecurityGroupIds: "sg-1" } }),
                'AppConsistentReplica "standby": `launch.vpcSecurityGroupIds` must be a list, such as ["sg-1"].',
            ],
            [
                "a replica in an availability zone",
                replica({ region: "eu-west-1a" }),
                'AppConsistentReplica "standby": `region` "eu-west-1a" is an availability zone; give its region, "eu-west-1".',
            ],
            [
                "a key of another region",
                replica({ region: "eu-west-1", kmsKeyId: "arn:aws:kms:us-east-1:123456789012:key/1234abcd" }),
                'AppConsistentReplica "standby": `kmsKeyId` is a key of us-east-1, and the replica is kept in eu-west-1; give a key of that region.',
            ],
            [
                "activate from the config, unread",
                replica({ activate: "true" }),
                'AppConsistentReplica "standby": `activate` must be true or false, not "true"; config.getBoolean reads it from the stack\'s config.',
            ],
            [
                "activate as an Output",
                replica({ activate: output(true) }),
                'AppConsistentReplica "standby": `activate` must be true or false, and no Output; config.getBoolean reads it from the stack\'s config.',
            ],
            [
                "keep from the config, unread",
                points({ keep: "7" }),
                'recoveryPoints: `keep` must be a whole number, 1 or more, not "7"; config.getNumber reads one from the stack\'s config',
            ],
            [
                "no keep",
                points({ keep: undefined }),
                "recoveryPoints: `keep` must be a whole number, 1 or more, not undefined",
            ],
            [
                "a time as the label",
                points({ run: "2026-11-30T02:00" }),
                'recoveryPoints: "2026-11-30T02:00" is not a label of a recovery point, which has 1 to 40 letters, digits, dots, dashes and underscores, and begins with a letter or a digit, such as 2026-11-24',
            ],
            [
                "a Date as the label",
                points({ run: new Date() }),
                "recoveryPoints: a Date is not a label of a recovery point, which has 1 to 40 letters, digits, dots, dashes and underscores, and begins with a letter or a digit, such as 2026-11-24",
            ],
            [
                "an Output as the label",
                points({ run: output("2026-11-30") }),
                "recoveryPoints: an Output is not a label of a recovery point, which has 1 to 40 letters, digits, dots, dashes and underscores, and begins with a letter or a digit, such as 2026-11-24",
            ],
            [
                "a pin that is none",
                points({ pin: "2026-11-30" }),
                'recoveryPoints: `pin`: there is no recovery point "2026-11-30"; there are 2026-11-29',
            ],
        ];
        for (const [what, program, text] of rows) {
            it(what, async () => {
                let thrown: unknown;
                await runMocked(
                    async () => {
                        try {
                            await program();
                        } catch (error) {
                            thrown = error;
                        }
                    },
                    { stateOf: ({ inputs }) => ({ ...inputs, outputs: { recoveryPoints: ["2026-11-29"] } }) },
                );
                // Of anything else Pulumi prints the stack.
                expect(RunError.isInstance(thrown), String(thrown)).to.equal(true);
                expect((thrown as Error).message).to.equal(text);
            });
        }

        it("in recipes", () => {
            expect(() => recipes.fileSystems("/data" as never)).to.throw(
                TypeError,
                'recipes.fileSystems() needs a list of absolute paths on the instance, such as ["/data"], not "/data"',
            );
            expect(() => recipes.fileSystems(["/data", "mysql"])).to.throw(TypeError, /, not "mysql"$/);
            expect(() => recipes.fileSystems([])).to.throw(TypeError, /, not \[\]$/);
            expect(() => recipes.combine([recipes.postgresql()] as never)).to.throw(
                TypeError,
                "recipes.combine() takes what recipes return, unchanged, one after the other: " +
                    "recipes.combine(recipes.postgresql(), recipes.fileSystems([...]))",
            );
        });
    });

    describe("in the stack's config", () => {
        const rows: [what: string, config: Record<string, string>, text: string][] = [
            [
                "an account that is no list",
                { "aws:allowedAccountIds": "123456789012" },
                "INVALID_INPUT: The stack's config aws:allowedAccountIds cannot be read, because it must be a list. What to do: Set it as Pulumi's AWS provider takes it, such as: pulumi config set --path 'aws:allowedAccountIds[0]' 123456789012.",
            ],
            [
                "one role, and no list",
                { "aws:assumeRoles": '{"roleArn":"arn:aws:iam::123456789012:role/backup"}' },
                "INVALID_INPUT: The stack's config aws:assumeRoles cannot be read, because it must be a list. What to do: Set it as Pulumi's AWS provider takes it, such as: pulumi config set --path 'aws:assumeRoles[0].roleArn' arn:aws:iam::123456789012:role/backup.",
            ],
            [
                "the role's ARN alone",
                { "aws:assumeRoles": "arn:aws:iam::123456789012:role/backup" },
                "INVALID_INPUT: The stack's config aws:assumeRoles cannot be read, because it must be a list. What to do: Set it as Pulumi's AWS provider takes it, such as: pulumi config set --path 'aws:assumeRoles[0].roleArn' arn:aws:iam::123456789012:role/backup.",
            ],
            [
                "the role as earlier releases had it",
                { "aws:assumeRole": '{"roleArn":"arn:aws:iam::123456789012:role/backup"}' },
                "INVALID_INPUT: The stack's config aws:assumeRole is not honoured by this package. What to do: Remove it. Give a list of roles: pulumi config set --path 'aws:assumeRoles[0].roleArn' arn:aws:iam::123456789012:role/backup.",
            ],
            [
                "a role without its ARN",
                { "aws:assumeRoles": '[{"sessionName":"me"}]' },
                "INVALID_INPUT: The stack's config aws:assumeRoles cannot be read, because [0].roleArn is required, as a plain text. What to do: Set it as Pulumi's AWS provider takes it, such as: pulumi config set --path 'aws:assumeRoles[0].roleArn' arn:aws:iam::123456789012:role/backup.",
            ],
            [
                "a role's field by another name",
                {
                    "aws:assumeRoles":
                        '[{"roleArn":"arn:aws:iam::123456789012:role/backup","durationSeconds":900}]',
                },
                "INVALID_INPUT: The stack's config aws:assumeRoles cannot be read, because it has a field that is not known, [0].durationSeconds. What to do: Set it as Pulumi's AWS provider takes it, such as: pulumi config set --path 'aws:assumeRoles[0].roleArn' arn:aws:iam::123456789012:role/backup.",
            ],
            [
                "a duration without a unit",
                {
                    "aws:assumeRoles":
                        '[{"roleArn":"arn:aws:iam::123456789012:role/backup","duration":"900"}]',
                },
                "INVALID_INPUT: The stack's config aws:assumeRoles cannot be read, because [0].duration must be a span of time, such as 1h or 15m. What to do: Set it as Pulumi's AWS provider takes it, such as: pulumi config set --path 'aws:assumeRoles[0].roleArn' arn:aws:iam::123456789012:role/backup.",
            ],
            [
                "yes for true",
                { "aws:useFipsEndpoint": "yes" },
                "INVALID_INPUT: The stack's config aws:useFipsEndpoint cannot be read, because it must be true or false. What to do: Set it as Pulumi's AWS provider takes it, such as: pulumi config set aws:useFipsEndpoint true.",
            ],
            [
                "default tags without tags",
                { "aws:defaultTags": '{"team":"data"}' },
                "INVALID_INPUT: The stack's config aws:defaultTags cannot be read, because it has a field that is not known, team. What to do: Set it as Pulumi's AWS provider takes it, such as: pulumi config set --path aws:defaultTags.tags.team data.",
            ],
            [
                "a key without its secret",
                { "aws:accessKey": "AKIAIOSFODNN7EXAMPLE" },
                "INVALID_INPUT: The stack's config aws:accessKey is set, but aws:secretKey is not. What to do: Set it by pulumi config set --secret aws:secretKey, or remove aws:accessKey.",
            ],
            [
                "an availability zone",
                { "aws:region": "eu-central-1a" },
                'INVALID_INPUT: The stack\'s config aws:region is an availability zone; give its region, "eu-central-1". What to do: Set it again, such as: pulumi config set aws:region eu-central-1.',
            ],
            [
                "a region's name",
                { "aws:region": "Europe (Frankfurt)" },
                "INVALID_INPUT: The stack's config aws:region is not the code of a region, such as eu-central-1. What to do: Set it again, such as: pulumi config set aws:region eu-central-1.",
            ],
            [
                "an authority of one's own",
                { "aws:customCaBundle": "/etc/ssl/ours.pem" },
                "INVALID_INPUT: The stack's config aws:customCaBundle is not honoured by this package. What to do: Remove it. Set NODE_EXTRA_CA_CERTS to that file in the environment of Pulumi.",
            ],
            [
                "connections that are not verified",
                { "aws:insecure": "true" },
                "INVALID_INPUT: The stack's config aws:insecure is not honoured by this package. What to do: Remove it. Connections to AWS are always verified. For a private authority, set NODE_EXTRA_CA_CERTS in the environment of Pulumi.",
            ],
        ];
        for (const [what, config, text] of rows) {
            it(what, () => {
                expect(() => readAwsConfig(config))
                    .to.throw()
                    .with.property("message", text);
            });
        }
    });
});
