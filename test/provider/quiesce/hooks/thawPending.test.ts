import { expect } from "chai";
import type { Quiesce } from "../../../../provider/inputs/inputs";
import {
    type FreezeFacts,
    ownThawPending,
    thawByHandLater,
    thawPending,
} from "../../../../provider/quiesce/hooks/thawPending";

const ID = "acs-00000000-0000-4000-8000-000000000000";
const FOLDER = `/run/app-consistent-snapshot/${ID}`;
const UNREACHABLE = {
    code: "SSH_UNREACHABLE",
    message: "Nobody answers.",
    remedy: "Open the port.",
} as const;

const facts: FreezeFacts = {
    executionId: ID,
    saidFrozen: true,
    postThaw: 1,
    byHand: "thaw by hand",
};

describe("that an instance may still be frozen", () => {
    const rows: [what: string, known: Partial<FreezeFacts>, text: string][] = [
        [
            "pre-freeze said so, post-thaw fails",
            {},
            "Pre-freeze had reported that it froze. Post-thaw exited with 1.",
        ],
        [
            "pre-freeze never said so",
            { saidFrozen: false },
            "Pre-freeze never reported that it froze, but it may have frozen a part. Post-thaw exited with 1.",
        ],
        ["nobody knows what pre-freeze said", { saidFrozen: undefined }, "Post-thaw exited with 1."],
        [
            "post-thaw hangs",
            { postThaw: "timeout" },
            "Pre-freeze had reported that it froze. Post-thaw did not end within its limit.",
        ],
        [
            "post-thaw dies by a signal",
            { postThaw: 137 },
            "Pre-freeze had reported that it froze. Post-thaw was ended by signal 9.",
        ],
        [
            "post-thaw has an exit code of its own above those of signals",
            { postThaw: 201 },
            "Pre-freeze had reported that it froze. Post-thaw exited with 201.",
        ],
        [
            "nobody saw post-thaw, and nobody can ask",
            { postThaw: undefined, obstacle: UNREACHABLE },
            "Pre-freeze had reported that it froze. How post-thaw ended is not known. [SSH_UNREACHABLE] Nobody answers.",
        ],
        [
            "there is a cause behind it",
            { cause: { code: "FREEZE_EXPIRED", message: "Too slow." } },
            "Pre-freeze had reported that it froze. Post-thaw exited with 1. [FREEZE_EXPIRED] Too slow.",
        ],
    ];
    for (const [what, known, text] of rows) {
        it(`is always that code, with what is known: ${what}`, () => {
            const { code, message } = thawPending({ ...facts, ...known });
            expect(code).to.equal("THAW_PENDING");
            expect(message).to.equal(`It could not be proven that the instance is awake. ${text}`);
        });
    }

    it("names the ways out, the easiest first", () => {
        const { remedy } = thawPending(facts);
        expect(remedy).to.equal(
            "Run again, which thaws the instance before anything else. " +
                "If post-thaw fails, mend it first, in the program or on the instance. The next run tries the present one too. " +
                `Or thaw by hand, and run again with confirmAwake: "${ID}". ` +
                "A reboot of the instance ends a freeze as well.",
        );
    });

    it("names first what keeps us from thawing", () => {
        const { remedy } = thawPending({ ...facts, obstacle: UNREACHABLE });
        expect(remedy).to.match(/^Open the port\. Then run again, which thaws the instance/);
    });

    const hooks = (scripts?: object) => ({ method: "hooks", connection: {}, scripts }) as Quiesce;
    const inline = hooks({ preFreeze: { script: "a" }, postThaw: { script: "b" } });
    const paths = hooks({ preFreeze: { path: "/opt/pre" }, postThaw: { path: "/opt/post" } });
    const byHand: [what: string, quiesce: Quiesce, text: string][] = [
        ["standard paths", hooks(), "as root on the instance: /usr/sbin/post-thaw-script thaw)"],
        ["a path", paths, "as root on the instance: /opt/post thaw)"],
        [
            "inline scripts, which have no file of their own",
            inline,
            `as root on the instance: run the text in ${FOLDER}/post with \`thaw\`, in the environment of ${FOLDER}/environment)`,
        ],
    ];
    for (const [what, quiesce, text] of byHand) {
        it(`says how to thaw by hand: ${what}`, () => {
            const { remedy } = ownThawPending({ executionId: ID, inputs: { quiesce } }, {});
            expect(remedy).to.include(text);
        });
    }

    it("says so in a later run, too, which does not know how the scripts were given", () => {
        expect(thawByHandLater(ID, paths)).to.include("/opt/post thaw;").and.include(`${FOLDER}/post`);
        expect(thawByHandLater(ID)).to.include("/usr/sbin/post-thaw-script thaw;");
    });
});
