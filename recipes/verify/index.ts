export { postgresql } from "./postgresql";
export type { VerifyLimits, VerifyScript } from "./verifyScript";
