/**
 * The optimizers that generated tests run: each as a rule of `@cram/optim`, and
 * in a few words from which `plain_optimizer.ts` takes the same steps.
 *
 * @module
 */

import { chain, type Compressor, nm, quantize, topK } from "@cram/compress";
import {
  adam,
  adamW,
  type BaseRule,
  cram,
  type OptimizerRule,
  sam,
  sgd,
} from "@cram/optim";

/** Hyperparameters of a base rule. */
export type BaseSpec =
  & { readonly learningRate: number; readonly weightDecay: number }
  & (
    | {
      readonly kind: "sgd";
      readonly momentum: number;
      readonly dampening: number;
      readonly nesterov: boolean;
    }
    | {
      readonly kind: "adam";
      readonly beta1: number;
      readonly beta2: number;
      readonly epsilon: number;
      readonly decoupled: boolean;
    }
  );

/** What happens between two passes. */
export interface AscentSpec {
  readonly rho: number;
  readonly normalize: boolean;
  readonly adaptive: boolean;
  readonly plus: boolean;
  readonly sparseGradient: boolean;
  readonly compressors: readonly Compressor[];
  readonly maskEvery: number;
}

/** An optimizer of the table. */
export interface OptimizerSpec {
  readonly name: string;
  readonly base: BaseSpec;
  readonly ascent?: AscentSpec;
  readonly rule: OptimizerRule;
}

export const SEED = 5n;

type SgdSpec = Extract<BaseSpec, { kind: "sgd" }>;
type AdamSpec = Extract<BaseSpec, { kind: "adam" }>;

function sgdSpec(part: Partial<SgdSpec> = {}): SgdSpec {
  return {
    kind: "sgd",
    learningRate: 0.1,
    weightDecay: 0.01,
    momentum: 0,
    dampening: 0,
    nesterov: false,
    ...part,
  };
}

function adamSpec(part: Partial<AdamSpec> = {}): AdamSpec {
  return {
    kind: "adam",
    learningRate: 0.02,
    weightDecay: 0.01,
    beta1: 0.8,
    beta2: 0.95,
    epsilon: 1e-3,
    decoupled: false,
    ...part,
  };
}

function ruleOf(base: BaseSpec): BaseRule {
  if (base.kind === "sgd") return sgd(base);
  return base.decoupled ? adamW(base) : adam(base);
}

function plain(name: string, base: BaseSpec): OptimizerSpec {
  return { name, base, rule: ruleOf(base) };
}

function sharpnessAware(
  name: string,
  base: BaseSpec,
  adaptive: boolean,
): OptimizerSpec {
  const rho = adaptive ? 0.4 : 0.05;
  return {
    name,
    base,
    ascent: {
      ...{ rho, normalize: true, adaptive, plus: false },
      ...{ sparseGradient: false, compressors: [], maskEvery: 1 },
    },
    rule: sam({ base: ruleOf(base), rho, adaptive }),
  };
}

function compressionAware(
  name: string,
  base: BaseSpec,
  compressors: readonly Compressor[],
  part: Partial<AscentSpec> = {},
): OptimizerSpec {
  const ascent: AscentSpec = {
    ...{ rho: 0.1, normalize: false, adaptive: false, plus: true },
    ...{ sparseGradient: true, compressors, maskEvery: 1 },
    ...part,
  };
  return {
    name,
    base,
    ascent,
    rule: cram({ base: ruleOf(base), ...ascent, seed: SEED }),
  };
}

const momentum = sgdSpec({ momentum: 0.9, learningRate: 0.05 });
const sparsities = [topK(0.3), topK(0.5), topK(0.8)];

export const OPTIMIZERS: readonly OptimizerSpec[] = [
  plain("SGD", sgdSpec()),
  plain("SGD with momentum", momentum),
  plain("SGD with dampening", sgdSpec({ momentum: 0.9, dampening: 0.5 })),
  plain("SGD with Nesterov", { ...momentum, nesterov: true }),
  plain("Adam", adamSpec()),
  plain("AdamW", adamSpec({ decoupled: true })),
  sharpnessAware("SAM", momentum, false),
  sharpnessAware("ASAM", momentum, true),
  sharpnessAware("SAM on Adam", adamSpec(), false),
  compressionAware("CrAM", momentum, [topK(0.5)], { plus: false }),
  compressionAware("CrAM with dense gradient", momentum, [topK(0.5)], {
    plus: false,
    sparseGradient: false,
  }),
  compressionAware("CrAM+", momentum, [topK(0.5)]),
  compressionAware("CrAM+ with dense gradient", momentum, [topK(0.5)], {
    sparseGradient: false,
  }),
  compressionAware("CrAM+, normalized", momentum, [topK(0.5)], {
    normalize: true,
  }),
  compressionAware("CrAM+ on AdamW", adamSpec({ decoupled: true }), [
    topK(0.5, { exact: true }),
  ]),
  compressionAware("CrAM+-Multi", momentum, sparsities),
  compressionAware("CrAM+-Multi, uniform", momentum, [
    topK(0.5, { scope: "uniform" }),
    topK(0.7, { scope: "uniform" }),
  ]),
  compressionAware("CrAM+-Multi with old masks", momentum, sparsities, {
    maskEvery: 3,
  }),
  compressionAware("CrAM+ N:M", momentum, [nm(2, 4), nm(4, 8)]),
  compressionAware("CrAM+ on 4 bits", momentum, [quantize({ bits: 4 })]),
  compressionAware("CrAM+ on 8 bits, affine", momentum, [
    quantize({ bits: 8, scheme: "affine", perChannel: false }),
  ]),
  compressionAware("CrAM+, pruned and quantized", momentum, [
    chain(topK(0.5), quantize({ bits: 4 })),
  ]),
  compressionAware(
    "CrAM+, pruned and quantized, with old masks",
    momentum,
    [chain(topK(0.5, { scope: "uniform" }), nm(2, 4), quantize({ bits: 4 }))],
    { maskEvery: 3 },
  ),
];
