import { expect } from "chai";
import { CapturedLog } from "../../../lab/capturedLog";
import type { CloudInstance, LocalCloud } from "../../../lab/cloud/localCloud";
import { startCloudScene } from "../../../lab/scenes/cloudScene";
import { check } from "../../../lab/scenes/lifecycle";

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

    async function lookedAt(minimumLevel: "application" | "crash") {
        const { failures } = await check({
            instanceId: instance.instanceId,
            quiesce: {
                method: "hooks",
                // Nobody listens there.
                connection: {
                    host: "127.0.0.1",
                    port: 9,
                    user: "admin",
                    password: "p",
                    insecureIgnoreHostKey: true,
                },
            },
            minimumLevel,
            timeouts: { connect: 1 },
            preflight: "fail",
            previewing: true,
        });
        return failures.map(({ property }) => property);
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
});
