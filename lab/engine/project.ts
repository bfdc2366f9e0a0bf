import { execFileSync } from "node:child_process";
import {
    cpSync,
    existsSync,
    mkdirSync,
    mkdtempSync,
    readdirSync,
    readFileSync,
    realpathSync,
    rmSync,
    symlinkSync,
    writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { EngineEvent, OpMap } from "@pulumi/pulumi/automation";
import { ModuleKind, ScriptTarget, transpileModule } from "typescript";
import {
    type BARE_KINDS,
    type INSTALL_KINDS,
    type OLDEST_SDK,
    setupInstall,
} from "../setup/setupInstall.mjs";
import {
    type Ended,
    type EngineProcess,
    endProcessesOf,
    engineEnvironment,
    findEngine,
    processesOf,
    type Role,
    ROOT,
    type Running,
    startEngine,
} from "./engine";
import { LINE_LIMIT_MS } from "../lines";
import { madeOnce } from "../madeOnce";

/** How the project got this package, and by which package manager. */
export type InstallKind = (typeof INSTALL_KINDS | typeof BARE_KINDS)[number] | typeof OLDEST_SDK;
export type Operation = "preview" | "up" | "refresh" | "destroy";

/** A folder of examples/, taken out of the packed package, with its own project file, tsconfig.json and package.json. */
export interface Example {
    readonly example: string;
}

export interface ProjectOptions {
    /** Source of the program: TypeScript, unless `main` says otherwise. */
    program: string | Example;
    /**
     * Without, the engine gets the program as JavaScript, and an example without a look at its types: that look takes
     * longer than all the rest of an `up`.
     *
     * @default false
     */
    typeCheck?: boolean;
    /** @default "pack-npm" */
    install?: InstallKind;
    /** Where the program lies in the project; plain JavaScript, which starts faster, in a `.js`. @default "index.ts" */
    main?: string;
    /** Stack configuration, such as `aws:region`. */
    config?: Record<string, string>;
    /** Stack configuration kept as secrets. */
    secrets?: Record<string, string>;
    /** Environment of the engine and of all it starts, such as `AWS_ENDPOINT_URL`. Nothing else is inherited. */
    env?: Record<string, string>;
}

export interface RunOptions {
    /** More arguments, such as `["--target", urn]`. */
    args?: string[];
    /** More environment, for this run only. */
    env?: Record<string, string>;
    /** Milliseconds after which the run is killed and fails the test. @default 180000 */
    limitMs?: number;
}

export interface EngineResult extends Ended {
    /** How many resources were, or would be, created, updated, replaced, the same, ...; the stack counts too. */
    readonly summary: OpMap;
    /** The stack's outputs as recorded in the state after the run; secrets stay encrypted there. */
    readonly outputs: Record<string, unknown>;
    readonly events: readonly EngineEvent[];
    /** What the engine reported: the diagnostics of all severities but debug, one text. */
    readonly diagnostics: string;
}

export interface ResourceState {
    readonly urn: string;
    readonly type: string;
    readonly id?: string;
    readonly inputs?: Record<string, unknown>;
    readonly outputs?: Record<string, unknown>;
    readonly initErrors?: string[];
    readonly delete?: boolean;
    /** Got by its id, not made by the stack. */
    readonly external?: boolean;
}

/** What the engine has stored: the text is what lies on the disk, to look for secrets in. */
export interface State {
    readonly resources: ResourceState[];
    readonly pendingOperations: { readonly type: string; readonly resource: ResourceState }[];
    readonly text: string;
}

export interface RunningOperation extends Running {
    /** The result as of the end of the command; fails after the time limit of the run. */
    readonly result: Promise<EngineResult>;
}

/** A Pulumi project in a folder of its own with one stack, a backend and a home of its own. */
export interface Project {
    readonly folder: string;
    /** What the engine runs with, and nothing else of this process's environment. */
    readonly env: Readonly<Record<string, string>>;
    preview(options?: RunOptions): Promise<EngineResult>;
    /** Without the preview that `pulumi up` shows first: `args: ["--skip-preview=false"]` has it. */
    up(options?: RunOptions): Promise<EngineResult>;
    refresh(options?: RunOptions): Promise<EngineResult>;
    destroy(options?: RunOptions): Promise<EngineResult>;
    /** Starts the operation and hands it over while it is running. */
    spawn(operation: Operation, options?: RunOptions): RunningOperation;
    /** Any other command of the engine, such as `["state", "unprotect", urn]`. */
    run(args: string[], options?: RunOptions): Promise<Ended>;
    setProgram(program: string): void;
    /**
     * Gives the project a copy of this package of its own, and returns its folder: a test may change it, as an
     * upgrade would. Only with `pack-npm`: elsewhere the copy would not find its dependencies, or be the repository.
     */
    ownPackage(): string;
    setConfig(plain: Record<string, string>, secrets?: Record<string, string>): Promise<void>;
    /** The stack's outputs with secrets in plain text. */
    outputs(): Promise<Record<string, unknown>>;
    state(): State;
    /** Changes what the engine has stored, as `pulumi stack import` would; not while it runs. */
    editState(edit: (resources: ResourceState[]) => void): void;
    /** Processes of this project that live now, orphans too. */
    processes(): EngineProcess[];
    waitForProcess(role: Role, limitMs?: number): Promise<EngineProcess>;
    /** Ends all processes of the project, by their ids, and removes its files. */
    dispose(): Promise<void>;
}

const PACKAGE = "pulumi-app-consistent-snapshot";
const STACK = "test";
const NAME = "a-users-project";
/** What marks a secret in a state (pulumi, sdk/go/common/resource/sig). */
const SECRET = "1b47061264138c4ac30d75fd1eb44270";
const SETTINGS = `Pulumi.${STACK}.yaml`;

export async function makeProject(options: ProjectOptions): Promise<Project> {
    const home = realpathSync(mkdtempSync(join(tmpdir(), "acs-project-")));
    try {
        const project = newProject(home, options);
        await project.setConfig(options.config ?? {}, options.secrets);
        return project;
    } catch (error) {
        await remove(home);
        throw error;
    }
}

function newProject(home: string, options: ProjectOptions): Project {
    const { program: first, install = "pack-npm", typeCheck = false } = options;
    const source = options.main ?? "index.ts";
    const asWritten = typeCheck || typeof first !== "string";
    const main = asWritten ? source : source.replace(/\.ts$/, ".js");
    const folder = join(home, "project");
    const env = {
        ...engineEnvironment(home, options.env ?? {}),
        PULUMI_STACK: STACK,
        ACS_TEST_TYPESCRIPT: String(isTypeScript(main)),
        ...(typeCheck ? {} : { PULUMI_NODEJS_TRANSPILE_ONLY: "true" }),
    };
    const setProgram = (program: string): void => {
        writeFileSync(join(folder, main), asWritten ? program : asJavaScript(program));
    };
    const from = linkInstalled(folder, install);
    if (typeof first === "string") {
        writeProject(folder, from, install, main);
        setProgram(first);
    } else {
        takeOut(first, folder);
    }
    addStack(home);

    const start = (args: string[], runOptions: RunOptions): Running =>
        startEngine([...args, "--non-interactive", "--color", "never"], folder, {
            ...env,
            ...runOptions.env,
        });
    const run = (args: string[], runOptions: RunOptions = {}): Promise<Ended> =>
        limited(start(args, runOptions), args, runOptions.limitMs);
    const stateFile = join(home, "backend/.pulumi/stacks", NAME, `${STACK}.json`);
    const state = (): State => readState(stateFile);

    let runs = 0;
    const spawn = (operation: Operation, runOptions: RunOptions = {}): RunningOperation => {
        runs += 1;
        const log = join(home, `events-${runs}.jsonl`);
        const args = [...operationArguments(operation), "--event-log", log, ...(runOptions.args ?? [])];
        const running = start(args, runOptions);
        const result = limited(running, args, runOptions.limitMs).then((ended) =>
            toResult(ended, log, state()),
        );
        // A test that kills the run may never ask for its result.
        result.catch(() => undefined);
        return { ...running, result };
    };

    return {
        folder,
        env,
        preview: (runOptions) => spawn("preview", runOptions).result,
        up: (runOptions) => spawn("up", runOptions).result,
        refresh: (runOptions) => spawn("refresh", runOptions).result,
        destroy: (runOptions) => spawn("destroy", runOptions).result,
        spawn,
        run,
        setProgram,
        ownPackage: () => ownPackage(join(folder, "node_modules"), install),
        setConfig: async (plain, secrets = {}) => {
            writeConfig(join(folder, SETTINGS), plain);
            const args = Object.entries(secrets).flatMap(([key, value]) => ["--secret", `${key}=${value}`]);
            if (args.length > 0) {
                await succeed(run(["config", "set-all", "--stack", STACK, ...args]));
            }
        },
        outputs: async () => {
            const stored = stackOutputs(state());
            if (!JSON.stringify(stored).includes(SECRET)) {
                return stored;
            }
            const { stdout } = await succeed(
                run(["stack", "output", "--json", "--show-secrets", "--stack", STACK]),
            );
            return JSON.parse(stdout) as Record<string, unknown>;
        },
        state,
        editState: (edit) => {
            const stored = JSON.parse(readFileSync(stateFile, "utf8")) as Checkpoint;
            edit(stored.checkpoint.latest?.resources ?? []);
            writeFileSync(stateFile, JSON.stringify(stored));
        },
        processes: () => processesOf(home),
        waitForProcess: (role, limitMs) => waitForProcess(home, role, limitMs),
        dispose: () => remove(home),
    };
}

function operationArguments(operation: Operation): string[] {
    if (operation === "preview") {
        return ["preview", "--stack", STACK];
    }
    return [operation, "--stack", STACK, "--yes", "--skip-preview"];
}

/** Makes the folder, with the installed packages. @returns where these come from */
function linkInstalled(folder: string, install: InstallKind): string {
    const from = installedFolder(install);
    mkdirSync(folder);
    symlinkSync(join(from, "node_modules"), join(folder, "node_modules"), "dir");
    return from;
}

/** As its user copies it, but for the name: the stack is made beforehand, for a project of that name. */
function takeOut({ example }: Example, folder: string): void {
    cpSync(join(folder, "node_modules", PACKAGE, "examples", example), folder, { recursive: true });
    const file = join(folder, "Pulumi.yaml");
    writeFileSync(file, readFileSync(file, "utf8").replace(/^name: .*$/m, `name: ${NAME}`));
}

function writeProject(folder: string, from: string, install: InstallKind, main: string): void {
    const [, kind = "npm"] = install.split("-");
    const manager = kind === "berry" ? "yarn" : kind;
    cpSync(join(from, "package.json"), join(folder, "package.json"));
    // Pulumi looks for it where the program is.
    mkdirSync(dirname(join(folder, main)), { recursive: true });
    const typescript = isTypeScript(main);
    if (typescript) {
        writeFileSync(
            join(folder, dirname(main), "tsconfig.json"),
            JSON.stringify({
                compilerOptions: {
                    strict: true,
                    target: "ES2022",
                    module: "commonjs",
                    moduleResolution: "node",
                    ignoreDeprecations: "6.0",
                    types: ["node"],
                    skipLibCheck: true,
                },
                files: [basename(main)],
            }),
        );
    }
    writeFileSync(
        join(folder, "Pulumi.yaml"),
        [
            `name: ${NAME}`,
            "runtime:",
            "  name: nodejs",
            "  options:",
            `    packagemanager: ${manager}`,
            `    typescript: ${typescript}`,
            `main: ${main}`,
            "",
        ].join("\n"),
    );
}

function isTypeScript(main: string): boolean {
    return main.endsWith(".ts");
}

/** As Pulumi would translate it. */
function asJavaScript(program: string): string {
    const compilerOptions = { target: ScriptTarget.ES2022, module: ModuleKind.CommonJS };
    return transpileModule(program, { compilerOptions }).outputText;
}

/**
 * A copy outside of the repository: inside it, node would find in the repository's own node_modules whatever the
 * package forgot to depend on. Projects link to it; node resolves links, so they see what a user's project sees.
 * @returns a folder with node_modules, which all lanes of a run share: nothing may be changed in it
 */
export function installedFolder(kind: InstallKind): string {
    const folder = madeOnce(`install-${kind}`, (draft) => {
        const source = setupInstall({ root: ROOT, kind, log: (line) => console.log(line) });
        cpSync(join(source, "package.json"), join(draft, "package.json"));
        copyTree(join(source, "node_modules"), join(draft, "node_modules"));
        // In the lanes of the tests alone: figures of the longer tiers are of what users have.
        if (process.env["NODE_COMPILE_CACHE"] !== undefined) {
            removeSourceMaps(join(draft, "node_modules"));
        }
    });
    return realpathSync(folder);
}

/** A new stack, as `pulumi stack init` makes it: once for all projects, because its key takes the engine some time. */
function addStack(home: string): void {
    const made = madeOnce("stack", (draft) => {
        const folder = join(draft, "project");
        mkdirSync(folder);
        mkdirSync(join(draft, "backend"));
        writeFileSync(join(folder, "Pulumi.yaml"), `name: ${NAME}\nruntime: nodejs\n`);
        const args = ["stack", "init", STACK, "--non-interactive"];
        execFileSync(join(findEngine(), "pulumi"), args, {
            cwd: folder,
            env: engineEnvironment(draft, {}),
            stdio: "pipe",
            timeout: LINE_LIMIT_MS,
        });
    });
    cpSync(join(made, "backend"), join(home, "backend"), { recursive: true });
    cpSync(join(made, "project", SETTINGS), join(home, "project", SETTINGS));
}

/** As `pulumi config set` does it, which takes longer than many a test. The engine reads JSON's spelling of a text, too. */
function writeConfig(file: string, plain: Record<string, string>): void {
    const lines = readFileSync(file, "utf8").split("\n").filter(Boolean);
    for (const [key, value] of Object.entries(plain)) {
        const begins = `  ${key.includes(":") ? key : `${NAME}:${key}`}: `;
        const line = begins + JSON.stringify(value);
        const there = lines.findIndex((one) => one.startsWith(begins));
        if (there >= 0) {
            lines[there] = line;
        } else {
            if (!lines.includes("config:")) {
                lines.push("config:");
            }
            lines.splice(lines.indexOf("config:") + 1, 0, line);
        }
    }
    writeFileSync(file, `${lines.join("\n")}\n`);
}

function ownPackage(modules: string, install: InstallKind): string {
    if (install !== "pack-npm") {
        throw new Error(`no package of its own with ${install}`);
    }
    const shared = realpathSync(modules);
    const own = join(modules, PACKAGE);
    rmSync(modules);
    mkdirSync(modules);
    for (const name of readdirSync(shared)) {
        if (name !== PACKAGE) {
            symlinkSync(join(shared, name), join(modules, name));
        }
    }
    cpSync(join(shared, PACKAGE), own, { recursive: true });
    return own;
}

/** By hard links where both are on one file system: a tenth of the time. Package managers replace files, they do not change them. */
function copyTree(source: string, target: string): void {
    try {
        execFileSync("cp", ["-al", source, target], { stdio: "ignore" });
    } catch {
        rmSync(target, { recursive: true, force: true });
        execFileSync("cp", ["-R", source, target]);
    }
}

/** Of the packages that ours needs. For each resource the SDK reads those of its own files, for traces that no test shows. */
function removeSourceMaps(modules: string): void {
    execFileSync("find", [modules, "-name", "*.js.map", "-delete"]);
}

/** Ends a run that takes too long, and says what it was doing. */
async function limited(running: Running, args: string[], limitMs = LINE_LIMIT_MS): Promise<Ended> {
    const timer = { expired: false };
    const timeout = setTimeout(() => {
        timer.expired = true;
        running.kill("SIGKILL");
    }, limitMs);
    const ended = await running.ended.finally(() => clearTimeout(timeout));
    if (timer.expired) {
        throw new Error(
            `"pulumi ${args.join(" ")}" took longer than ${limitMs} ms:\n${running.lines.join("\n")}`,
        );
    }
    return ended;
}

async function succeed(command: Promise<Ended>): Promise<Ended> {
    const ended = await command;
    if (ended.code !== 0) {
        throw new Error(`the Pulumi engine failed:\n${ended.stdout}\n${ended.stderr}`);
    }
    return ended;
}

function toResult(ended: Ended, log: string, state: State): EngineResult {
    const events = readEvents(log);
    const changes = events
        .flatMap(({ summaryEvent }) => (summaryEvent ? [summaryEvent.resourceChanges] : []))
        .at(-1);
    return {
        ...ended,
        summary: changes ?? {},
        outputs: stackOutputs(state),
        events,
        diagnostics: events
            // The engine writes debug messages too, whatever the type says.
            .flatMap(({ diagnosticEvent: one }) => (one && !/debug/.test(one.severity) ? [one.message] : []))
            .join(""),
    };
}

function stackOutputs({ resources }: State): Record<string, unknown> {
    return resources.find(({ type }) => type === "pulumi:pulumi:Stack")?.outputs ?? {};
}

/** The last line may be cut off when the engine was killed. */
function readEvents(log: string): EngineEvent[] {
    if (!existsSync(log)) {
        return [];
    }
    const lines = readFileSync(log, "utf8").split("\n").slice(0, -1);
    return lines.map((line) => JSON.parse(line) as EngineEvent);
}

interface Checkpoint {
    checkpoint: { latest?: { resources?: ResourceState[]; pending_operations?: State["pendingOperations"] } };
}

function readState(file: string): State {
    const text = readFileSync(file, "utf8");
    const { latest } = (JSON.parse(text) as Checkpoint).checkpoint;
    return { resources: latest?.resources ?? [], pendingOperations: latest?.pending_operations ?? [], text };
}

async function waitForProcess(home: string, role: Role, limitMs = LINE_LIMIT_MS): Promise<EngineProcess> {
    const deadline = Date.now() + limitMs;
    for (;;) {
        const found = processesOf(home).find((one) => one.role === role);
        if (found !== undefined) {
            return found;
        }
        if (Date.now() > deadline) {
            throw new Error(`no ${role} process within ${limitMs} ms`);
        }
        await sleep(20);
    }
}

async function remove(home: string): Promise<void> {
    await endProcessesOf(home);
    rmSync(home, { recursive: true, force: true, maxRetries: 5 });
}
