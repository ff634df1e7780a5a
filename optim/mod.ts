/**
 * Optimizers and learning-rate schedules.
 *
 * @module
 */

export * from "./arena.ts";
export * from "./optimizer.ts";
export * from "./schedule.ts";
export * from "./sgd.ts";
