/** Where a lab stands, and tasks are done one after the other. */
export interface Scene<T> {
    take(task: T): Promise<void>;
    close(): Promise<void>;
}

/**
 * Does the tasks one after the other in one scene. One that cannot be done is told of, and the next ones are done in a new
 * scene, because nobody knows what state the old one is in.
 */
export async function inScenes<T>(
    tasks: readonly T[],
    open: () => Promise<Scene<T>>,
    failed: (task: T, error: unknown) => void,
): Promise<void> {
    let next = 0;
    while (next < tasks.length) {
        let scene: Scene<T> | undefined;
        try {
            scene = await open();
            for (; next < tasks.length; next += 1) {
                await scene.take(tasks[next] as T);
            }
        } catch (error) {
            failed(tasks[next] as T, error);
            next += 1;
        } finally {
            await scene?.close();
        }
    }
}
