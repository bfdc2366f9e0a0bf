import { z } from "zod";

/** Set by the guard itself for every script (design.md, section 5). */
const RESERVED_ENVIRONMENT = /^(ACS_.*|PATH|LC_ALL)$/;

/**
 * Names that a shell has for itself. For each of them one of these was seen with bash 5.2, dash 0.5 and busybox 1.35: to
 * export it fails, and with it the script; another value arrives than was given; or (bash manual, "Bash Variables") all
 * scripts run in another way: they read a file first, split, search or count differently. What a login sets, such as
 * HOME, is not among them, nor is LD_LIBRARY_PATH, which clients of databases need: only the scripts get it.
 */
const SHELLS_OWN = new RegExp(
    `^(BASH.*|${[
        // Read-only, or with values that not all texts are.
        ["UID", "EUID", "PPID", "SHELLOPTS", "HISTCMD", "SRANDOM", "OPTIND"],
        // Set by the shell, whatever was given.
        [
            "DIRSTACK",
            "EPOCHREALTIME",
            "EPOCHSECONDS",
            "FUNCNAME",
            "GROUPS",
            "LINENO",
            "OPTARG",
            "OPTERR",
            "PIPESTATUS",
        ],
        ["PWD", "OLDPWD", "RANDOM", "SECONDS", "SHLVL", "_", "PS1", "PS2", "PS3", "COMP_WORDBREAKS"],
        // Changes what the commands of a script do.
        [
            "ENV",
            "IFS",
            "PS4",
            "CDPATH",
            "GLOBIGNORE",
            "GLOBSORT",
            "EXECIGNORE",
            "FUNCNEST",
            "TMOUT",
            "POSIXLY_CORRECT",
        ],
    ]
        .flat()
        .join("|")})$`,
);
/** The name of a variable that both scripts get. */
export const environmentName = z
    .string()
    .regex(
        /^[A-Za-z_][A-Za-z0-9_]*$/,
        "is not the name of an environment variable, which has letters, digits and _, and no digit at the beginning",
    )
    .refine((name) => !RESERVED_ENVIRONMENT.test(name), "is set by this package and cannot be given")
    .refine(
        (name) => !SHELLS_OWN.test(name),
        "is a name that shells use themselves, so the value would not arrive, or would change how scripts run; use another name",
    );
