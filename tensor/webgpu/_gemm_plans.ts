/** Which kernels a device computes its products with: chosen once for all that they depend on. */

import {
  chooseGemm,
  type GemmChoice,
  type GemmSizes,
  type GemmTraits,
} from "./_gemm_choice.ts";
import { type GemmFlags, gemmKernel, type GemmSource } from "./_gemm_kernel.ts";
import type { Kernel } from "./_kernel.ts";
import { RecentMap } from "./_recent_map.ts";

/** How a product is computed, and by what. */
export interface GemmPlan {
  readonly choice: GemmChoice;
  readonly kernel: Kernel;
}

/** The values of each flag: together they are one digit after the other of a number. */
const FLAGS = {
  aAlong: ["k", "m"],
  aVector: [false, true],
  aMasked: [false, true],
  bAlong: ["n", "k"],
  bVector: [false, true],
  outVector: [false, true],
  even: [false, true],
  half: [false, true],
  bias: [false, true],
  activation: [undefined, "relu", "gelu", "geluTanh", "tanh"],
  preActivation: [false, true],
} as const satisfies {
  readonly [Flag in keyof GemmFlags]: readonly GemmFlags[Flag][];
};

/** What must be in the list of a flag's values: all of them. */
type Listed = {
  readonly [Flag in keyof GemmFlags]: (typeof FLAGS)[Flag][number];
};

const FLAG_VALUES = Object.entries(FLAGS) as [
  keyof GemmFlags,
  readonly unknown[],
][];

/** A number that no other flags have. */
export function flagsNumber(flags: GemmFlags & Listed): number {
  let number = 0;
  for (const [name, values] of FLAG_VALUES) {
    number = number * values.length + values.indexOf(flags[name]);
  }
  return number;
}

/** Plans that are kept for each source; a network has fewer products. */
const MAX_PLANS = 1024;

/** Kernels of all devices, by all that their text depends on. */
const kernels = new Map<string, Kernel>();

/** The kernel of a choice, made once. */
function kernelOf(
  source: GemmSource,
  flags: GemmFlags,
  choice: GemmChoice,
): Kernel {
  const { variant, rows, columns, lanesM, lanesN } = choice;
  // Partial results are added by a kernel that does what follows the sum.
  const isSplit = choice.segmentSplits * choice.lengthSplits > 1;
  const own: GemmFlags = {
    ...flags,
    // Only tiles differ, which are kept as they are loaded.
    half: flags.half && variant === "tiles",
    ...(isSplit &&
      { bias: false, activation: undefined, preActivation: false }),
  };
  const key = [
    ...[source.name, flagsNumber(own), variant, rows, columns, lanesM, lanesN],
  ].join();
  let kernel = kernels.get(key);
  if (kernel === undefined) {
    kernels.set(key, kernel = gemmKernel(source, own, choice));
  }
  return kernel;
}

/**
 * What products have in common that are computed in the same way, as text: the
 * source, along which axes operands lie and whether they are float16, problems,
 * rows, columns, segments and their length.
 */
export function gemmName(
  { name }: GemmSource,
  { aAlong, bAlong, half }: Pick<GemmFlags, "aAlong" | "bAlong" | "half">,
  { problems, m, n, segments, length }: GemmSizes,
): string {
  const along = `${aAlong}${bAlong}${half ? " float16" : ""}`;
  return `${name} ${along} ${problems}x${m}x${n} ${segments}x${length}`;
}

/** The plans of one device. */
export class GemmPlans {
  readonly #traits: GemmTraits;
  /** What was found by trials, by {@linkcode gemmName}. */
  readonly #tuned = new Map<string, GemmChoice>();
  readonly #plans = new Map<GemmSource, RecentMap<GemmPlan>>();
  readonly #words = new Uint32Array(8);

  constructor(traits: GemmTraits) {
    this.#traits = traits;
  }

  /** What was found by trials. */
  get tuned(): ReadonlyMap<string, GemmChoice> {
    return this.#tuned;
  }

  /** From now on products of this name are computed in this way. */
  setTuned(name: string, choice: GemmChoice): void {
    this.#tuned.set(name, choice);
    this.#plans.clear();
  }

  /** How a product is computed on this device. */
  find(source: GemmSource, flags: GemmFlags, sizes: GemmSizes): GemmPlan {
    let plans = this.#plans.get(source);
    if (plans === undefined) {
      this.#plans.set(source, plans = new RecentMap(MAX_PLANS));
    }
    const words = this.#words;
    words[0] = flagsNumber(flags);
    words[1] = sizes.problems;
    words[2] = sizes.m;
    words[3] = sizes.n;
    words[4] = sizes.rowsAlike;
    words[5] = sizes.segments;
    words[6] = sizes.length;
    words[7] = Number(sizes.whole ?? false);
    let plan = plans.get(words, words.length);
    if (plan === undefined) {
      const tuned = this.#tuned.get(gemmName(source, flags, sizes));
      const choice = tuned === undefined
        ? chooseGemm(sizes, this.#traits)
        : sizes.whole
        ? { ...tuned, segmentSplits: 1, lengthSplits: 1 }
        : tuned;
      plan = gemmPlan(source, flags, choice);
      plans.set(words, words.length, plan);
    }
    return plan;
  }
}

/** The plan of a choice. */
export function gemmPlan(
  source: GemmSource,
  flags: GemmFlags,
  choice: GemmChoice,
): GemmPlan {
  return { choice, kernel: kernelOf(source, flags, choice) };
}
