import { type VssQuiesce, imagePrefix } from "../../inputs/inputs";

/** Unique, so that the new image can exist beside the old one (image names are unique per account and region). */
export function imageName({ createImage }: VssQuiesce, executionId: string): string {
    return `${imagePrefix(createImage)}-${executionId}`;
}
