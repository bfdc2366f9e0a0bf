// Three servers of the lab, and a set of snapshots of each. This program is yours to change.
import { Config } from "@pulumi/pulumi";
import { AppConsistentAmi, AppConsistentSnapshot, recipes } from "pulumi-app-consistent-snapshot";

interface Server {
    instanceId: string;
    host: string;
    port: number;
    user: string;
    hostKey: string;
}

const config = new Config();
const loginTo = ({ host, port, user, hostKey }: Server) => ({
    host,
    port,
    user,
    hostKey,
    privateKey: config.requireSecret("privateKey"),
});

// PostgreSQL, with its data on one volume and its WAL on another. The program brings the scripts along.
const postgresqlServer = config.requireObject<Server>("postgresql");
const postgresql = new AppConsistentSnapshot("postgresql", {
    instanceId: postgresqlServer.instanceId,
    quiesce: {
        method: "hooks",
        connection: loginTo(postgresqlServer),
        scripts: recipes.combine(recipes.postgresql(), recipes.fileSystems(["/mnt/data", "/mnt/log"])),
    },
    triggers: [config.get("postgresqlRun")], // a new value takes a new set
});

// Plain files on two volumes. The scripts are on the server: /usr/sbin/pre-freeze-script and post-thaw-script.
const filesServer = config.requireObject<Server>("files");
const files = new AppConsistentSnapshot("files", {
    instanceId: filesServer.instanceId,
    quiesce: {
        method: "hooks",
        connection: loginTo(filesServer),
        scripts: { recipe: "fileSystems" },
    },
    triggers: [config.get("filesRun")],
});

// A Windows server, by VSS and Systems Manager, and an image of it. Of Windows there is only what AWS would answer.
const windows = new AppConsistentSnapshot("windows", {
    instanceId: config.require("windows"),
    quiesce: { method: "vss", createImage: { namePrefix: "windows" } },
    triggers: [config.get("windowsRun")],
});
const image = new AppConsistentAmi("windows", { snapshot: windows });

export const levels = {
    postgresql: postgresql.consistencyLevel,
    files: files.consistencyLevel,
    windows: windows.consistencyLevel,
};
export const frozenForMs = {
    postgresql: postgresql.evidence.freezeWindowMs,
    files: files.evidence.freezeWindowMs,
};
export const imageId = image.imageId;
