import { expect } from "chai";
import { makeProject, type Project } from "../../../lab/engine/project";

const program = (values: { greeting: string; fails?: boolean; slowly?: boolean }): string => `
import * as pulumi from "@pulumi/pulumi";

const provider: pulumi.dynamic.ResourceProvider = {
    async create(inputs: { greeting: string; fails: boolean; slowly: boolean }) {
        console.log("creating with " + inputs.greeting);
        if (inputs.fails) throw new Error("create was told to fail");
        if (inputs.slowly) {
            process.once("SIGINT", () => {
                console.log("interrupted");
                process.exit();
            });
            await new Promise((resolve) => setTimeout(resolve, 600000));
        }
        return { id: "the-id", outs: { ...inputs, answer: inputs.greeting + "!" } };
    },
    async diff(_id: string, olds: { greeting: string }, news: { greeting: string }) {
        return { changes: olds.greeting !== news.greeting, replaces: ["greeting"] };
    },
};

class Greeting extends pulumi.dynamic.Resource {
    declare public readonly answer: pulumi.Output<string>;
    constructor(name: string, props: { greeting: string; fails: boolean; slowly: boolean }) {
        super(provider, name, { ...props, answer: undefined }, {}, "test", "Greeting");
    }
}

const { answer } = new Greeting("greeting", {
    greeting: "${values.greeting}",
    fails: ${values.fails ?? false},
    slowly: ${values.slowly ?? false},
});
export { answer };
export const region = new pulumi.Config("aws").get("region");
export const password = new pulumi.Config().getSecret("password");
`;

describe("the real engine", function () {
    this.timeout(300_000);

    let project: Project;
    const start = async (source: string): Promise<Project> => {
        project = await makeProject({
            program: source,
            config: { "aws:region": "eu-central-1" },
            secrets: { password: "hunter2" },
        });
        return project;
    };
    afterEach(() => project.dispose());

    it("previews, creates, keeps, replaces, refreshes and destroys a dynamic resource", async () => {
        await start(program({ greeting: "hello" }));

        const preview = await project.preview();
        expect(preview.code, preview.stderr + preview.stdout).to.equal(0);
        expect(preview.summary).to.deep.equal({ create: 2 });

        const up = await project.up();
        expect(up.code, up.stdout).to.equal(0);
        expect(up.stdout).to.match(/creating with hello/);
        expect(up.outputs).to.include({ answer: "hello!", region: "eu-central-1" });
        expect(project.state().resources.map(({ type }) => type)).to.include(
            "pulumi-nodejs:dynamic/test:Greeting",
        );
        expect(project.state().text).not.to.contain("hunter2");
        expect(await project.outputs()).to.include({ password: "hunter2" });

        expect((await project.up()).summary).to.deep.equal({ same: 2 });

        project.setProgram(program({ greeting: "goodbye" }));
        const replaced = await project.up();
        expect(replaced.summary).to.deep.equal({ replace: 1, same: 1 });
        expect(replaced.outputs).to.include({ answer: "goodbye!" });

        expect((await project.refresh()).code).to.equal(0);
        expect((await project.destroy()).summary).to.deep.equal({ delete: 2 });
        expect(project.state().resources).to.be.empty;
    });

    it("hands over a failed update as a result", async () => {
        await start(program({ greeting: "hello", fails: true }));

        const up = await project.up();
        expect(up.code).not.to.equal(0);
        expect(up.diagnostics).to.match(/create was told to fail/);
        expect(project.state().resources.map(({ type }) => type)).not.to.include(
            "pulumi-nodejs:dynamic/test:Greeting",
        );
    });

    it("lets one process be killed, and finds the orphans it leaves", async () => {
        await start(program({ greeting: "hello", slowly: true }));

        const running = project.spawn("up");
        await running.waitForLine(/creating with hello/);
        const { pid } = await project.waitForProcess("dynamicProvider");
        running.kill("SIGKILL");
        expect(await running.result).to.include({ code: null, signal: "SIGKILL" });
        expect(project.processes().map((one) => one.pid)).to.include(pid);
        expect(project.state().pendingOperations.map(({ type }) => type)).to.deep.equal(["creating"]);

        await project.dispose();
        expect(project.processes()).to.be.empty;
    });

    it("passes a second interruption on to the provider, as Ctrl-C does", async () => {
        await start(program({ greeting: "hello", slowly: true }));

        const running = project.spawn("up");
        await running.waitForLine(/creating with hello/);
        running.kill("SIGINT");
        await running.waitForLine(/cancel/i);
        running.kill("SIGINT");
        await running.waitForLine(/interrupted/);
        expect((await running.result).code).not.to.equal(0);
        expect(project.processes()).to.be.empty;
    });

    it("says what came instead of the line that was waited for", async () => {
        await start(program({ greeting: "hello" }));

        const failure = await project
            .spawn("preview")
            .waitForLine(/there is no such line/)
            .catch((error: unknown) => error);
        expect(String(failure)).to.match(/no such line before the process ended:[^]*create/);
    });
});
