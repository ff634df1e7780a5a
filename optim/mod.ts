/**
 * Optimizers over flat parameter arenas: SGD, Adam, AdamW, SAM, CrAM and
 * CrAM⁺, learning-rate schedules and clipping.
 *
 * @module
 */

export * from "./adam.ts";
export * from "./arena.ts";
export * from "./base_rule.ts";
export type { Clipping } from "./clip.ts";
export * from "./cram.ts";
export * from "./errors.ts";
export * from "./gradual_pruning.ts";
export type { LossScale, LossScaling } from "./loss_scaling.ts";
export * from "./optimizer.ts";
export type { ParameterGroup, ParameterSettings } from "./parameter_group.ts";
export { sam, type SamOptions } from "./sam.ts";
export * from "./schedule.ts";
export * from "./sgd.ts";
