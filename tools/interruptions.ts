/** What a terminal sends when its user wants no more. */
export const INTERRUPTIONS = ["SIGINT", "SIGTERM", "SIGHUP"] as const satisfies NodeJS.Signals[];
