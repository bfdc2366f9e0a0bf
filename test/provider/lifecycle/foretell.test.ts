import { expect } from "chai";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import type { CheckFailure } from "../../../provider/inputs/checkFailure";
import type { HooksQuiesce } from "../../../provider/inputs/inputs";
import { CapturedLog } from "../../../lab/capturedLog";
import type { CloudInstance, LocalCloud } from "../../../lab/cloud/localCloud";
import { startCloudScene } from "../../../lab/scenes/cloudScene";
import { check } from "../../../lab/scenes/lifecycle";

/** Nobody listens there. */
const NOWHERE = {
    host: "127.0.0.1",
    port: 9,
    user: "admin",
    password: "p",
    insecureIgnoreHostKey: true,
};

describe("a preview that looks, of an instance that cannot be reached,", function () {
    this.timeout(60_000);
    let cloud: LocalCloud;
    let instance: CloudInstance;
    let log: CapturedLog;
    let stop: () => void;

    before(async () => {
        ({ cloud, stop } = await startCloudScene());
        instance = await cloud.createInstance({ volumes: 1 });
    });
    beforeEach(() => (log = new CapturedLog()));
    afterEach(async () => {
        log.restore();
        await cloud.reset();
    });
    after(() => stop());

    async function failuresOf(
        minimumLevel: "application" | "crash",
        connection: HooksQuiesce["connection"],
    ): Promise<readonly CheckFailure[]> {
        const { failures } = await check({
            instanceId: instance.instanceId,
            quiesce: { method: "hooks", connection },
            minimumLevel,
            timeouts: { connect: connection.host === undefined ? 5 : 1 },
            preflight: "fail",
            previewing: true,
        });
        return failures;
    }

    async function lookedAt(minimumLevel: "application" | "crash", connection = NOWHERE) {
        return (await failuresOf(minimumLevel, connection)).map(({ property }) => property);
    }

    it("fails", async () => {
        expect(await lookedAt("application")).to.deep.equal(["quiesce.connection.host"]);
    });

    it('warns alone with minimumLevel "crash": `up` takes a plain set', async () => {
        expect(await lookedAt("crash")).to.deep.equal([]);
        expect(log.lines.join("\n")).to.match(
            /warning: SSH_UNREACHABLE: .*takes a plain set, of level "crash"/,
        );
    });

    it("fails by all when something stops `up` as well", async () => {
        await cloud.deny("CreateSnapshots");
        expect(await lookedAt("crash")).to.have.members(["quiesce.connection.host", "aws"]);
    });

    describe("by AWS,", () => {
        const stock = { user: "ec2-user", instanceConnect: true };
        const bySession = { ...stock, tunnel: { via: "session-manager" } } as const;
        const byEndpoint = { ...stock, tunnel: { via: "instance-connect-endpoint" } } as const;
        let path: string | undefined;
        let folder: string;

        beforeEach(() => {
            path = process.env["PATH"];
            folder = mkdtempSync(join(tmpdir(), "acs-foretell-"));
        });
        afterEach(() => {
            process.env["PATH"] = path;
            rmSync(folder, { recursive: true });
        });

        /** A plugin that only tells its version: no session is carried by it. */
        function pluginOf(version: string): void {
            writeFileSync(join(folder, "session-manager-plugin"), `#!/bin/sh\necho ${version}\n`, {
                mode: 0o755,
            });
            process.env["PATH"] = `${folder}${delimiter}${path ?? ""}`;
        }

        const rows: [
            what: string,
            connection: HooksQuiesce["connection"],
            arrange: () => unknown,
            property: string,
            reason: RegExp,
        ][] = [
            [
                "that the plugin is not there",
                bySession,
                () => (process.env["PATH"] = folder),
                "quiesce.connection.tunnel",
                /^TUNNEL_FAILED: .*session-manager-plugin could not be started: there is no such program/,
            ],
            [
                "that the plugin is too old",
                bySession,
                () => pluginOf("1.2.331.0"),
                "quiesce.connection.tunnel",
                /^TUNNEL_FAILED: .*1\.2\.331\.0 is too old/,
            ],
            [
                "that the agent is not online",
                bySession,
                () => pluginOf("1.2.835.0"),
                "quiesce.connection.tunnel",
                /^TUNNEL_FAILED: .*TargetNotConnected/,
            ],
            [
                "that the VPC has no endpoint",
                byEndpoint,
                () => undefined,
                "quiesce.connection.tunnel",
                /^TUNNEL_FAILED: There is no EC2 Instance Connect Endpoint in vpc-/,
            ],
            [
                "that nobody may send a key for the account",
                byEndpoint,
                () => cloud.deny("SendSSHPublicKey"),
                "aws",
                /^ACCESS_DENIED: .*ec2-instance-connect:SendSSHPublicKey/,
            ],
            [
                "that nobody may start a session",
                { ...bySession, instanceConnect: false, password: "p" },
                () => {
                    pluginOf("1.2.835.0");
                    return cloud.deny("StartSession");
                },
                "aws",
                /^ACCESS_DENIED: .*ssm:StartSession/,
            ],
        ];
        for (const [what, connection, arrange, property, reason] of rows) {
            it(`says ${what}`, async () => {
                await arrange();
                const failures = await failuresOf("application", connection);
                expect(failures.map((failure) => failure.property)).to.deep.equal([property]);
                expect(failures[0]?.reason).to.match(reason);
            });
        }
    });
});
