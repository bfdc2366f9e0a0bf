import { expect } from "chai";
import { RecipeHost } from "../../../lab/hosts/recipeHost";
import { needsRoot } from "../../../lab/hosts/sshHost";
import type { RestoredVolume } from "../../../lab/volumes/volumes";
import { verify } from "../../../recipes";
import { DATA_AND_LOG } from "../../../tools/prove/application";

const BOTH = ["/mnt/data/app", "/mnt/log"];
const SOON = { startSeconds: 1 };

describe("the script for restore tests of file systems", function () {
    this.timeout(180_000);
    let lab: RecipeHost;
    let volumes: RestoredVolume[];

    before(async function () {
        needsRoot(this);
        lab = await RecipeHost.start(DATA_AND_LOG);
        for (const place of ["/mnt/data", "/mnt/log"]) {
            await lab.shell(
                `mkdir ${place}/app ${place}/app/many && cd ${place}/app && for n in $(seq 300); do echo $n >"many/file $n"; done && ` +
                    `dd if=/dev/urandom of=large bs=1M count=4 status=none && ln -s large link && ` +
                    `ln -s /${"long/".repeat(30)} "long link"`,
            );
        }
    });
    beforeEach(async () => {
        volumes = await lab.restored();
    });
    after(() => (lab as RecipeHost | undefined)?.stop());

    const run = (after: string, { paths = BOTH, shell = "sh" } = {}) =>
        lab.verify(verify.fileSystems(paths, SOON), { shell, on: { volumes, after } });

    async function expectFailure(after: string, message: RegExp, options = {}): Promise<void> {
        const { exitCode, output } = await run(after, options);
        expect(output, output).to.match(message);
        expect(exitCode).to.equal(1);
    }
    const fileOf = (fileSystem: string) => volumes.find((one) => one.fileSystem === fileSystem)!.file;

    for (const shell of ["dash", "busybox sh"]) {
        it(`passes what is whole, with its figures, under ${shell}`, async () => {
            const { exitCode, output } = await run("true", { shell });
            const figures = String.raw`301 files, \d+ bytes, read whole in \d+ s`;
            expect(output, output).to.match(
                new RegExp(`^/mnt/data/app: ext4, ${figures}\n/mnt/log: xfs, ${figures}\n$`),
            );
            expect(exitCode).to.equal(0);
        });
    }

    it("passes while an application removes and makes files", async () => {
        const busy =
            'while :; do : >"/mnt/data/app/many/new $((n % 50))"; rm -f "/mnt/data/app/many/new $(((n + 25) % 50))"; n=$((n + 1)); done';
        const { exitCode, output } = await run(`n=0; { ${busy}; } & sleep 1`);
        expect(output, output).to.match(/^\/mnt\/data\/app: ext4, 3\d\d files/);
        expect(exitCode).to.equal(0);
    });

    const fstab = (text: string) => `printf '${text}\\n' >/run/fstab && mount --bind /run/fstab /etc/fstab`;

    it("passes what is mounted as /etc/fstab says", async () => {
        const { exitCode, output } = await run(
            fstab("/dev/a / ext4\\n/dev/b /mnt ext4\\n/dev/c /mnt/data ext4\\n/dev/d none swap"),
            {
                paths: BOTH.slice(0, 1),
            },
        );
        expect(output, output).to.match(/^\/mnt\/data\/app: ext4/);
        expect(exitCode).to.equal(0);
    });
    it("fails for a place of /etc/fstab where nothing is mounted", () =>
        expectFailure(
            fstab("/dev/c /mnt/data ext4\\n/dev/b /mnt/data/app ext4 nofail"),
            /verify: \/mnt\/data\/app is not mounted within 1 s: \/etc\/fstab has \/mnt\/data\/app mounted, and \/mnt\/data\/app is on what is mounted at \/mnt\/data\n/,
        ));
    it("fails for a path on the root file system, because nothing is mounted there", () =>
        expectFailure("true", /verify: \/opt is not mounted within 1 s: \/opt is on the root file system\n/, {
            paths: ["/opt"],
        }));
    it("fails for a path that is not there", () =>
        expectFailure("true", /verify: \/data is not mounted within 1 s: there is no folder \/data\n/, {
            paths: ["/data"],
        }));
    it("fails where it is read-only", () =>
        expectFailure(
            "mount -o remount,ro /mnt/data",
            /verify: nothing can be written to \/mnt\/data: .*Read-only file system/,
        ));
    it("fails where the disk is full", () =>
        expectFailure(
            "{ dd if=/dev/zero of=/mnt/log/filler bs=4k 2>/dev/null; true; }",
            /verify: nothing can be written to \/mnt\/log: .*No space left/,
        ));

    /** Damage in what the journal still holds would be mended by its replay. */
    const damage = (fileSystem: "ext4" | "xfs", command: (file: string) => string) => {
        const file = fileOf(fileSystem);
        const options = fileSystem === "xfs" ? "loop,nouuid" : "loop";
        return lab.shell(
            `mkdir -p /run/replayed && mount -t ${fileSystem} -o ${options} ${file} /run/replayed && umount /run/replayed && ` +
                command(file),
        );
    };
    const inodeOf = async (path: string) => (await lab.shell(`stat -c %i '${path}'`)).trim();

    it("fails for a folder of ext4 that is damaged", async () => {
        await damage(
            "ext4",
            (file) =>
                `size=$(dumpe2fs -h ${file} 2>/dev/null | sed -n 's/^Block size: *//p') && ` +
                `block=$(debugfs -R 'bmap /app/many 1' ${file} 2>/dev/null) && ` +
                `dd if=/dev/urandom of=${file} bs=$size seek=$block count=1 conv=notrunc status=none`,
        );
        await expectFailure(
            "true",
            /verify: \/mnt\/data cannot be read whole: .*\/app\/many.*(Structure needs cleaning|Bad message)/,
        );
    });
    it("fails for an inode of ext4 that does not fit its checksum", async () => {
        const inode = await inodeOf("/mnt/data/app/many/file 7");
        await damage(
            "ext4",
            (file) =>
                `set -- $(debugfs -R 'imap <${inode}>' ${file} 2>/dev/null | sed -n 's/.*block \\([0-9]*\\), offset \\(0x[0-9a-f]*\\).*/\\1 \\2/p') && ` +
                `size=$(dumpe2fs -h ${file} 2>/dev/null | sed -n 's/^Block size: *//p') && ` +
                `printf damaged | dd of=${file} bs=1 seek=$(($1 * size + $2 + 8)) conv=notrunc status=none`,
        );
        await expectFailure(
            "true",
            /verify: \/mnt\/data cannot be read whole: .*file 7.*(Bad message|Structure needs cleaning)/,
        );
    });
    it("fails for errors that ext4 has counted already", async () => {
        await damage("ext4", (file) => `debugfs -w -R 'set_super_value error_count 3' ${file} 2>/dev/null`);
        await expectFailure(
            "true",
            /verify: the kernel has counted 3 errors in the file system of \/mnt\/data \(ext4\): repair it by fsck/,
        );
    });
    it("fails for a name that leads to no inode", async () => {
        const inode = await inodeOf("/mnt/data/app/many/file 9");
        await damage("ext4", (file) => `debugfs -w -R 'clri <${inode}>' ${file} 2>/dev/null`);
        await expectFailure("true", /verify: \/mnt\/data cannot be read whole: .*file 9/);
    });
    it("fails for an inode of XFS that is damaged", async () => {
        const inode = await inodeOf("/mnt/log/app/many/file 7");
        await damage(
            "xfs",
            (file) => `xfs_db -x -c 'inode ${inode}' -c 'write -c core.uid 77' ${file} >/dev/null`,
        );
        await expectFailure(
            "true",
            /verify: \/mnt\/log cannot be read whole: .*(Structure needs cleaning|Bad message)/,
        );
    });

    it("takes paths as the recipe does", () => {
        expect(() => verify.fileSystems("/data" as never)).to.throw(
            TypeError,
            'recipes.verify.fileSystems() needs a list of absolute paths on the instance, such as ["/data"], not "/data"',
        );
        expect(() => verify.fileSystems([])).to.throw(TypeError, /, not \[\]$/);
    });
});
