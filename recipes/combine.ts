import { scriptOf } from "./part";
import type { Part } from "./part";

/** A pair of hook scripts, for `scripts` of `quiesce`. To be installed by hand: both are the same text. */
export interface RecipeScripts {
    /** What freezes. */
    preFreeze: {
        /** The whole text, for `sh`. */
        script: string;
    };
    /** What thaws. */
    postThaw: {
        /** The whole text, for `sh`. */
        script: string;
    };
    /** What the pair vouches for. */
    level: "application" | "filesystem";
    /** In `evidence.vouchedBy`, and what makes the guard ask the scripts whether they still hold. */
    recipe: string;
}

/** What each pair is made of, for combining. */
const partsOf = new WeakMap<RecipeScripts, readonly Part[]>();

/**
 * Several recipes as one. Applications are frozen in the given order, then the file systems; all is thawed in reverse.
 *
 * The level is `application` when there is an application among them, and is said of these applications only: a file
 * system that is frozen beside them may have others' files, which are then in the state of a file system that was
 * unmounted properly while its applications ran.
 *
 * @throws TypeError for none, and for what no recipe made
 */
export function combine(...recipes: RecipeScripts[]): RecipeScripts {
    const parts = recipes.flatMap((recipe) => {
        const known = partsOf.get(recipe);
        if (known === undefined) {
            throw new TypeError(
                "recipes.combine() takes what recipes return, unchanged, one after the other: " +
                    "recipes.combine(recipes.postgresql(), recipes.fileSystems([...]))",
            );
        }
        return known;
    });
    if (parts.length === 0) {
        throw new TypeError("recipes.combine() needs at least one recipe");
    }
    return recipeOf([
        ...parts.filter((part) => part.level === "application"),
        ...parts.filter((part) => part.level === "filesystem"),
    ]);
}

export function recipeOf(parts: readonly Part[]): RecipeScripts {
    const script = scriptOf(parts);
    const recipe: RecipeScripts = {
        preFreeze: { script },
        postThaw: { script },
        level: parts.some((part) => part.level === "application") ? "application" : "filesystem",
        recipe: parts.map((part) => part.kind).join("+"),
    };
    partsOf.set(recipe, parts);
    return recipe;
}
