import type { SetRequest } from "../../aws/createSnapshots";
import { type VssQuiesce, makesImage } from "../../inputs/inputs";
import { imageName } from "./imageName";

export interface ParametersOf {
    readonly document: string;
    readonly executionId: string;
    readonly quiesce: VssQuiesce;
    readonly set: SetRequest;
    /** Seconds. */
    readonly limitS: number;
    /** What is installed; empty when it cannot be told. */
    readonly componentsVersion: string;
}

/** Parameters of both VSS documents, all of them text (EC2 User Guide, "Create VSS snapshots with Systems Manager"). */
export function vssParameters({
    document,
    executionId,
    quiesce,
    set,
    limitS,
    componentsVersion,
}: ParametersOf): Record<string, string> {
    const createImage = makesImage(quiesce);
    return {
        ExcludeBootVolume: flag(set.selection?.excludeBootVolume),
        CopyOnly: flag(quiesce.copyOnly),
        NoWriters: flag(quiesce.noWriters),
        CreateAmi: flag(createImage),
        ...(createImage ? { AmiName: imageName(quiesce, executionId) } : {}),
        description: set.description,
        tags: set.tags.map(({ Key, Value }) => `Key=${Key ?? ""},Value=${Value ?? ""}`).join(";"),
        executionTimeout: String(Math.ceil(limitS)),
        // Blank would update what is there.
        ...(document === "AWSEC2-VssInstallAndSnapshot"
            ? { VssVersion: quiesce.vssVersion ?? componentsVersion }
            : {}),
    };
}

function flag(value: boolean | undefined): string {
    return value ? "True" : "False";
}
