import type { ScriptSource } from "../../inputs/inputs";
import { type GuardProgram, assignments, guardText, interpreterOf, programOf, yesOrNo } from "./guardProgram";

export interface VerifyParams {
    /** Answered as the first line, and before the script's exit code. Letters, digits and `-`. */
    readonly nonce: string;
    readonly executionId: string;
    readonly instanceId: string;
    readonly sudo: boolean;
    readonly verify: ScriptSource;
}

/** What runs a script on a copy: parts of the guard without the guarding. The script is secret, and on standard input. */
export function composeVerify({ nonce, executionId, instanceId, sudo, verify }: VerifyParams): GuardProgram {
    const { path = "", script } = verify;
    const { interpreter, argument } =
        script === undefined ? { interpreter: "", argument: "" } : interpreterOf(script);
    const variables = {
        mode: "verify",
        nonce,
        sudo: yesOrNo(sudo),
        execution: executionId,
        instance: instanceId,
        verify_identity: "yes",
        verify_path: path,
        verify_text: script ?? "",
        verify_interpreter: interpreter,
        verify_argument: argument,
    };
    return programOf(assignments(variables) + guardText("verify"), sudo);
}
