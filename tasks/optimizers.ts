/**
 * Optimizers and learning rates of the experiments, from plain settings.
 *
 * @module
 */

import { type Compressor, nm, topK, type TopKOptions } from "@cram/compress";
import {
  adam,
  adamW,
  type BaseRule,
  constant,
  cram,
  cramPlus,
  type OptimizerRule,
  sam,
  type Schedule,
  sgd,
  stepDecay,
  warmupCosine,
  warmupLinear,
} from "@cram/optim";
import { compressionSeed } from "./data/random_streams.ts";

/** The optimizers by name. */
export const OPTIMIZERS = [
  "sgd",
  "adam",
  "adamw",
  "sam",
  "cram",
  "cram+",
] as const;

/** The name of an optimizer. */
export type OptimizerName = (typeof OPTIMIZERS)[number];

/** What SAM and CrAM can be put around, by name. */
export const BASE_OPTIMIZERS = [
  "sgd",
  "adam",
  "adamw",
] as const satisfies readonly OptimizerName[];

/** The name of an optimizer that SAM and CrAM can be put around. */
export type BaseOptimizerName = (typeof BASE_OPTIMIZERS)[number];

/** The courses of the learning rate by name. */
export const SCHEDULES = ["cosine", "linear", "step", "constant"] as const;

/** The name of a course of the learning rate. */
export type ScheduleName = (typeof SCHEDULES)[number];

/** An N:M pattern: of every m weights n are kept. */
export interface NMPattern {
  /** How many are kept. */
  readonly n: number;
  /** Of how many. */
  readonly m: number;
}

/** Settings of an optimizer; those that it has no use for are not looked at. */
export interface OptimizerSettings {
  /** Which one. */
  readonly optimizer: OptimizerName;
  /** What SAM and CrAM are put around. Default: `sgd`. */
  readonly base?: BaseOptimizerName;
  /** μ of SGD, also where SAM and CrAM are put around it. */
  readonly momentum?: number;
  /** λ: decoupled for `adamw`, else coupled. */
  readonly weightDecay: number;
  /** ρ of SAM and CrAM. */
  readonly rho?: number;
  /** Sparsities of Top-K, one of CrAM's lists to draw from. */
  readonly sparsities?: readonly number[];
  /** N:M patterns, the other one. */
  readonly patterns?: readonly NMPattern[];
  /** Whether Top-K has one threshold for all weights, or one for each layer. Default: `global`. */
  readonly scope?: TopKOptions["scope"];
  /** The seed of the run. */
  readonly seed: bigint;
}

/**
 * Makes an optimizer.
 *
 * @param settings Which one, and its settings.
 * @returns The rule.
 * @throws {ArgumentError} If a setting is out of its range, or CrAM has nothing to draw from.
 *
 * @example CrAM⁺-Multi
 * ```ts
 * import { assertMatch } from "@std/assert";
 * import { optimizerOf } from "@cram/tasks";
 *
 * const { name } = optimizerOf({
 *   optimizer: "cram+",
 *   momentum: 0.9,
 *   weightDecay: 1e-4,
 *   rho: 0.05,
 *   sparsities: [0.5, 0.7, 0.9],
 *   seed: 1n,
 * });
 * assertMatch(name, /top-k 50 %; top-k 70 %; top-k 90 %/);
 * ```
 */
export function optimizerOf(settings: OptimizerSettings): OptimizerRule {
  const { optimizer, base = "sgd", rho } = settings;
  switch (optimizer) {
    case "sam":
      return sam({ base: baseOf(base, settings), rho });
    case "cram":
    case "cram+": {
      const make = optimizer === "cram" ? cram : cramPlus;
      return make({
        base: baseOf(base, settings),
        compressors: compressorsOf(settings),
        rho,
        seed: compressionSeed(settings.seed),
      });
    }
    default:
      return baseOf(optimizer, settings);
  }
}

function baseOf(
  name: BaseOptimizerName,
  settings: OptimizerSettings,
): BaseRule {
  return { sgd, adam, adamw: adamW }[name](settings);
}

/**
 * Makes compressors: Top-K for each sparsity, then the N:M patterns.
 *
 * @param settings Sparsities, their scope, and patterns.
 * @returns The compressors.
 * @throws {ArgumentError} If one is out of its range.
 */
export function compressorsOf(
  { sparsities = [], patterns = [], scope }: Pick<
    OptimizerSettings,
    "sparsities" | "patterns" | "scope"
  >,
): Compressor[] {
  return [
    ...sparsities.map((sparsity) => topK(sparsity, { scope })),
    ...patterns.map(({ n, m }) => nm(n, m)),
  ];
}

/** Settings of the learning rate. */
export interface ScheduleSettings {
  /** Its course behind the warm-up. */
  readonly schedule: ScheduleName;
  /** The highest learning rate. */
  readonly learningRate: number;
  /** How many steps the training has. */
  readonly steps: number;
  /** In how many of them the learning rate rises. */
  readonly warmupSteps: number;
  /** How many steps have the same learning rate. */
  readonly interval: number;
}

/** `step` divides the learning rate by ten behind each such part of the training, as ResNets were trained first: after 30, 60 and 90 of 100 epochs. */
const STEP_PART = 0.3;

/**
 * Makes the course of the learning rate.
 *
 * @param settings Which one, and its lengths.
 * @returns The learning rate of each step.
 * @throws {ArgumentError} If a setting is out of its range.
 */
export function scheduleOf(settings: ScheduleSettings): Schedule {
  const options = { ...settings, peak: settings.learningRate };
  switch (settings.schedule) {
    case "cosine":
      return warmupCosine(options);
    case "linear":
      return warmupLinear(options);
    case "step":
      return stepDecay({
        ...options,
        every: Math.ceil(STEP_PART * settings.steps),
      });
    case "constant":
      return constant(options);
  }
}
