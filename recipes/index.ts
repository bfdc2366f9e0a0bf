export { combine } from "./combine";
export type { RecipeScripts } from "./combine";
export { fileSystems } from "./fileSystems";
export { mysql } from "./mysql";
export type { MysqlOptions } from "./mysql";
export { postgresql } from "./postgresql";
export type { PostgresqlOptions } from "./postgresql";
export { redis } from "./redis";
export type { RedisOptions, RedisTls } from "./redis";
