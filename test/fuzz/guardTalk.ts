import { Duplex, PassThrough } from "node:stream";
import type { ClientChannel } from "ssh2";
import type { GuardParams } from "../../provider/quiesce/hooks/guardProgram";
import { VMWARE_VERBS } from "../../provider/quiesce/hooks/guardProgram";
import { GuardSession } from "../../provider/quiesce/hooks/guardSession";
import { SshChannel, type SshConnection } from "../../provider/transport/ssh/connection";

/** What a host says: after its first line, after the word to freeze, and after the word to release. */
export interface Talk {
    readonly first: readonly Buffer[];
    readonly onFreeze: readonly Buffer[];
    readonly onRelease: readonly Buffer[];
}

/** Of a test that does not wait for any: these are only the limits. */
const PARAMS: Omit<GuardParams, "nonce"> = {
    mode: "freeze",
    sudo: false,
    executionId: "acs-1",
    instanceId: "i-0123456789abcdef0",
    verifyIdentity: true,
    preFreeze: { path: "/usr/sbin/pre-freeze-script" },
    postThaw: { path: "/usr/sbin/post-thaw-script" },
    verbs: VMWARE_VERBS,
    environment: {},
    owner: "",
    confirmedAwake: "",
    rehearse: false,
    limits: { lock: 0, wait: 1, preFreeze: 1, freeze: 1, postThaw: 1 },
    showHookOutput: false,
};

/** Turns of the event loop, in which the controller says its next word, before a host that has no more to say hangs up. */
const PATIENCE = 30;

/** A host's end of a channel: answers the nonce as the guard does, and then says what it is told to. */
class Host extends Duplex {
    readonly stderr = new PassThrough();
    #heard = "";
    #hungUp = false;
    #patience = 0;

    constructor(private readonly talk: Talk) {
        super();
    }

    override _read(): void {
        // It speaks when it is spoken to.
    }

    override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
        const nonce = /^nonce='(.*)'$/m.exec(chunk.toString())?.[1];
        if (nonce === undefined) {
            this.#heard += chunk.toString();
            this.#say(this.#heard.endsWith("freeze\n") ? this.talk.onFreeze : this.talk.onRelease);
        } else {
            this.#say([Buffer.from(`${nonce}\n`), ...this.talk.first]);
        }
        done();
    }

    override _final(done: () => void): void {
        this.close();
        done();
    }

    close(): void {
        this.#patience = 0;
        if (!this.#hungUp) {
            this.#hungUp = true;
            this.push(null);
        }
    }

    #say(pieces: readonly Buffer[]): void {
        if (this.#hungUp) {
            return;
        }
        for (const piece of pieces) {
            this.push(piece);
        }
        const waits = this.#patience > 0;
        this.#patience = PATIENCE;
        if (!waits) {
            this.#wait();
        }
    }

    #wait(): void {
        setImmediate(() => {
            this.#patience -= 1;
            if (this.#patience > 0) {
                this.#wait();
            } else {
                this.close();
            }
        });
    }
}

/** A session with a host that says these bytes, through all that reads what a guard says. */
export async function sessionWith(talk: Talk): Promise<GuardSession> {
    const never = new Promise<never>(() => undefined);
    const channel = new SshChannel(new Host(talk) as unknown as ClientChannel, never);
    const connection = { exec: () => Promise.resolve(channel) } as unknown as SshConnection;
    return await GuardSession.start(connection, PARAMS, new AbortController().signal);
}
