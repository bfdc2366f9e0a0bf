export { combine } from "./verifyScript";
export type { VerifyLimits, VerifyScript } from "./verifyScript";
export { fileSystems } from "./fileSystems";
export { mysql } from "./mysql";
export { postgresql } from "./postgresql";
export { redis } from "./redis";
export type { RedisPassword } from "./redis";
