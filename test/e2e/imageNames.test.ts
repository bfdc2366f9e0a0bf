import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { contentsOf } from "../../lab/cloud/cloudContents";
import { defaultNetwork } from "../../lab/cloud/cloudNetwork";
import { type Lab, startLab, succeeded } from "../../lab/engine/e2e";

const REGION = "us-east-1";

describe("images of one set", function () {
    this.timeout(400_000);
    let lab: Lab;
    before(async () => (lab = await startLab()));
    after(() => lab.stop());

    it("do not clash, and those that a stack has of a first release's set are not replaced", async () => {
        const { securityGroupId, ...where } = await defaultNetwork(lab.cloud, REGION);
        const launch = { instanceType: "m5.large", ...where, vpcSecurityGroupIds: [securityGroupId] };
        const program = (
            components: string,
            triggers: unknown[],
        ) => `import * as pulumi from "@pulumi/pulumi";
import { AppConsistentAmi, AppConsistentReplica, AppConsistentSnapshot } from "pulumi-app-consistent-snapshot";
const launch = ${JSON.stringify(launch)};
const snapshot = new AppConsistentSnapshot("db", {
    instanceId: "${lab.server.instanceId}",
    quiesce: { method: "none" },
    triggers: ${JSON.stringify(triggers)},
});
class Site extends pulumi.ComponentResource {
    constructor(name: string) {
        super("test:index:Site", name);
        new AppConsistentAmi("db", { snapshot }, { parent: this });
        new AppConsistentReplica("db", { snapshot, launch }, { parent: this });
    }
}
void Site;
new AppConsistentReplica("db", { snapshot, launch });
${components}
export const set = snapshot.id;
`;
        const namesOfImages = async (): Promise<string[]> =>
            (await contentsOf(lab.cloud, REGION)).images.map(({ Name = "" }) => Name).sort();
        const before = program('new AppConsistentAmi("web", { snapshot });', [1]);
        const project = await lab.project({ program: before });
        // A set as the first releases took it: their ids are UUIDs of version 4.
        const ids = join(project.ownPackage(), "bin/provider/base/executionId.js");
        const current = readFileSync(ids);
        const first = `const { randomUUID } = require("node:crypto");
exports.newExecutionId = () => "acs-" + randomUUID();
exports.isOfFirstReleases = () => true;
`;
        writeFileSync(ids, first);
        const { outputs } = succeeded(await project.up());
        const plain = await namesOfImages();
        expect(plain).to.include.members([`db-${String(outputs["set"])}`, `web-${String(outputs["set"])}`]);

        writeFileSync(ids, current);
        succeeded(await project.preview({ args: ["--expect-no-changes"] }));
        expect(succeeded(await project.up()).summary).to.have.all.keys("same");
        expect(await namesOfImages()).to.deep.equal(plain);

        // The new set's have one name, under three parents.
        project.setProgram(program('new AppConsistentAmi("db", { snapshot }); new Site("site");', [2]));
        const { outputs: after } = succeeded(await project.up());
        const names = await namesOfImages();
        expect(names).to.have.length(6);
        expect(new Set(names)).to.have.property("size", 6);
        for (const name of names) {
            expect(name.startsWith(`db-${String(after["set"])}-`), name).to.be.true;
        }
        expect(succeeded(await project.up()).summary).to.have.all.keys("same");
        succeeded(await project.destroy());
        expect(await namesOfImages()).to.deep.equal([]);
    });
});
