import * as recipes from "../../recipes";
import { postgresql } from "../prove/postgresql";

/** A pair of scripts that an `up` freezes with. */
export interface Pair {
    readonly preFreeze: string;
    readonly postThaw: string;
    /** Of a recipe, which can be asked whether it still holds. */
    readonly recipe?: string;
}

export const PAIRS = [
    "recipe",
    "thaws itself after 2 s",
    "holder by nohup",
    "starts a daemon",
    "post-thaw fails when nothing is frozen",
] as const;
export type PairName = (typeof PAIRS)[number];

/** The rehearsal refuses it, so with it nothing is ever frozen. */
export const isRefused = (name: PairName): boolean => name === "post-thaw fails when nothing is frozen";

/** What pairs keep on the host begins so. */
export const PAIR_FILES = "/run/test-pair";
/** What "starts a daemon" stops and starts. */
export const DAEMON = "/usr/sbin/chaos-daemon";

const MOUNTS = postgresql.volumes.map(({ mountPoint }) => mountPoint);
const freeze = MOUNTS.map((mount) => `fsfreeze -f ${mount}`).join(" && ");
const each = (command: string) => MOUNTS.map((mount) => `${command} ${mount}`).join("\n");
const SQL = "psql -X -q -A -t -U postgres -d postgres";
const script = (body: string) => `#!/bin/sh\n${body}\n`;

const recipe = recipes.combine(recipes.postgresql(), recipes.fileSystems(MOUNTS));

/**
 * As people publish them, but for the names of files. None can be asked whether it still holds.
 *
 * @param tell a shell command that says to the lab what happens to the host
 */
export function pairOf(name: PairName, tell: (what: "thawing" | "awake") => string): Pair {
    const pairs: Readonly<Record<PairName, () => Pair>> = {
        recipe: () => ({
            preFreeze: recipe.preFreeze.script,
            postThaw: recipe.postThaw.script,
            recipe: recipe.recipe,
        }),
        "thaws itself after 2 s": () => selfThawing(tell),
        "holder by nohup": () => holder,
        "starts a daemon": () => daemon,
        "post-thaw fails when nothing is frozen": () => ({
            preFreeze: script(freeze),
            postThaw: script(`set -e\n${each("fsfreeze -u")}`),
        }),
    };
    return pairs[name]();
}

/** For fear of a backup that dies. When it comes too late, post-thaw says so, by 205. */
function selfThawing(tell: (what: "thawing" | "awake") => string): Pair {
    const timer = `${PAIR_FILES}-timer`;
    return {
        preFreeze: script(`(
    sleep 2
    ${tell("thawing")}
${each("    fsfreeze -u")}
    ${tell("awake")}
) >/dev/null 2>&1 &
echo $! >${timer}
${freeze}`),
        postThaw: script(`code=0
kill "$(cat ${timer})" 2>/dev/null
rm -f ${timer}
for mount in ${MOUNTS.join(" ")}; do
    fsfreeze -u "$mount" 2>/dev/null || code=205
done
exit $code`),
    };
}

/** PostgreSQL's backup mode ends with the session that began it, so one is kept. */
const holder: Pair = {
    preFreeze: script(`rm -f ${PAIR_FILES}-held
nohup ${SQL} -c "select pg_backup_start('chaos', true)" -c '\\! : >${PAIR_FILES}-held' -c 'select pg_sleep(40)' >/dev/null 2>&1 &
echo $! >${PAIR_FILES}-holder
until [ -e ${PAIR_FILES}-held ]; do
    kill -0 $! 2>/dev/null || exit 1
    sleep 0.1
done
${freeze}`),
    postThaw: script(`${each("fsfreeze -u")} 2>/dev/null
kill "$(cat ${PAIR_FILES}-holder 2>/dev/null)" 2>/dev/null
rm -f ${PAIR_FILES}-held ${PAIR_FILES}-holder
exit 0`),
};

/** The daemon has all descriptors of the script that starts it, and outlives it. */
const daemon: Pair = {
    preFreeze: script(`kill "$(cat ${PAIR_FILES}-daemon 2>/dev/null)" 2>/dev/null
${freeze}`),
    postThaw: script(`${each("fsfreeze -u")} 2>/dev/null
kill -0 "$(cat ${PAIR_FILES}-daemon 2>/dev/null)" 2>/dev/null || {
    ${DAEMON} 3600 &
    echo $! >${PAIR_FILES}-daemon
}
exit 0`),
};
