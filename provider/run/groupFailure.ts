import { SnapshotError } from "../base/errors";
import { SomeFailed } from "./together";

/** Stands in for the error of those instances of a group whose own part has not failed. */
export function groupFailure(): SnapshotError {
    return new SnapshotError({
        code: "GROUP_FAILED",
        message: "Another member of the group failed, and a group is taken as a whole or not at all.",
        remedy: "See the error of the other member.",
    });
}

/** The error of each of several; undefined for those that have none. What failed for all is the error of each. */
export function errorsOf(error: unknown, all: readonly unknown[]): readonly unknown[] {
    return error instanceof SomeFailed ? error.errors : all.map(() => error);
}

/** Those errors that are not there because of another one. */
export function causesOf(errors: readonly unknown[]): unknown[] {
    return errors.filter((error) => error !== undefined && !isGroupFailure(error));
}

export function isGroupFailure(error: unknown): boolean {
    return error instanceof SnapshotError && error.code === "GROUP_FAILED";
}
