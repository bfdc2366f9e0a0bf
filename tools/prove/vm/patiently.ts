import type { EngineResult } from "../../../lab/engine/project";

const MOST_TRIES = 5;

/**
 * On a busy machine an emulated one may be too slow for what a recipe may take. Then the recipe refuses, the `up` leaves
 * the instance awake and no set, and there was nothing yet to prove anything by: it is tried again, and counted.
 * @returns how the last one ended, and how many were refused before
 */
export async function patiently(
    up: () => Promise<EngineResult>,
): Promise<{ result: EngineResult; refused: number }> {
    for (let refused = 0; ; refused += 1) {
        const result = await up();
        if (!wasTooSlow(result) || refused + 1 === MOST_TRIES) {
            return { result, refused };
        }
    }
}

/** By the recipe's own words (recipes/recipe.sh, `in_time`). */
export function wasTooSlow({ code, stdout }: Pick<EngineResult, "code" | "stdout">): boolean {
    return code !== 0 && /error: PRE_FREEZE_FAILED \(.*: not within \d+ s/.test(stdout);
}
