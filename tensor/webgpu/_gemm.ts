/** Running a matrix product: choice of kernel, splits of the inner dimension. */

import type { Activation } from "../backend.ts";
import { sizeOf } from "../shape.ts";
import { activationSource } from "./_activation.ts";
import type { GpuView } from "./_buffer.ts";
import { type GemmChoice, type GemmSizes, TILE_DEPTH } from "./_gemm_choice.ts";
import type { GemmFlags, GemmSource } from "./_gemm_kernel.ts";
import type { GemmPlan } from "./_gemm_plans.ts";
import { type Kernel, kernelFamily } from "./_kernel.ts";
import type { Runtime } from "./_runtime.ts";

/** One product, or one of several that fill a result together. */
export interface GemmPart {
  /** Rows of the result. */
  readonly m: number;
  /** Segments of the inner dimension. */
  readonly segments: number;
  /** Uniforms of the source. */
  readonly uniforms: Readonly<Record<string, number>>;
}

/** Products to be run. */
export interface GemmCall {
  readonly source: GemmSource;
  /** Of all products, or of the largest of several that fill a result together. */
  readonly sizes: GemmSizes;
  /** What each product has of its own, for the rows that one invocation computes. */
  readonly parts: (choice: GemmChoice) => readonly GemmPart[];
  readonly a: GpuView;
  readonly aAlong: "k" | "m";
  readonly aVector: boolean;
  readonly aMasked: boolean;
  /** Elements from one k to the next in A along m. */
  readonly aStepK: number;
  readonly b: GpuView;
  readonly bAlong: "n" | "k";
  readonly bVector: boolean;
  /** Elements from one k to the next, or from one column to the next, in B: whichever is not 1. */
  readonly bStep: number;
  readonly out: GpuView;
  readonly outVector: boolean;
  readonly bias: GpuView | undefined;
  /** Elements of the bias from one problem to the next. */
  readonly biasStep: number;
  readonly activation: Activation | undefined;
  readonly preActivation: GpuView | undefined;
}

/** The flags of a product, which follow from its operands. */
export function flagsOf(call: GemmCall): GemmFlags {
  return {
    aAlong: call.aAlong,
    aVector: call.aVector,
    aMasked: call.aMasked,
    bAlong: call.bAlong,
    bVector: call.bVector,
    outVector: call.outVector,
    even: call.sizes.length % 4 === 0,
    half: call.a.dtype === "float16" && call.b.dtype === "float16",
    bias: call.bias !== undefined,
    activation: call.activation,
    preActivation: call.preActivation !== undefined,
  };
}

/**
 * Runs products that fill `out` together.
 *
 * @param runtime The device, which knows how they are computed best.
 * @param call The products.
 */
export function runGemm(runtime: Runtime, call: GemmCall): void {
  if (runtime.recordedGemms !== undefined) {
    runtime.recordedGemms.push(call);
    return;
  }
  runPlan(
    runtime,
    call,
    runtime.gemmPlans.find(call.source, flagsOf(call), call.sizes),
  );
}

/** Runs products in a certain way. */
export function runPlan(
  runtime: Runtime,
  call: GemmCall,
  plan: GemmPlan,
): void {
  const splits = plan.choice.segmentSplits * plan.choice.lengthSplits;
  const { out, bias, preActivation } = call;
  if (splits === 1) {
    runParts(runtime, call, plan, { out, bias, before: preActivation });
    return;
  }
  const size = sizeOf(out.shape);
  runtime.temporary([splits, size], (partials) => {
    runParts(runtime, call, plan, { out: partials });
    addSplits(runtime, call, partials, splits, size);
  });
}

/** Where sums go, and what follows them. */
interface Targets {
  readonly out: GpuView;
  readonly bias?: GpuView | undefined;
  readonly before?: GpuView | undefined;
}

function runParts(
  runtime: Runtime,
  call: GemmCall,
  { choice, kernel }: GemmPlan,
  targets: Targets,
): void {
  const { a, b } = call;
  const { problems, n, length } = call.sizes;
  const { segmentSplits, lengthSplits } = choice;
  const splits = segmentSplits * lengthSplits;
  const lengthSteps = Math.ceil(length / TILE_DEPTH);
  for (const { m, segments, uniforms } of call.parts(choice)) {
    const tilesM = Math.ceil(m / (choice.rows * choice.lanesM));
    const tilesN = Math.ceil(n / (choice.columns * choice.lanesN));
    runtime.run(kernel, { a, b, ...targets }, {
      m,
      n,
      segments,
      length,
      segments_per_split: Math.ceil(segments / segmentSplits),
      length_per_split: Math.ceil(lengthSteps / lengthSplits) * TILE_DEPTH,
      segment_splits: segmentSplits,
      splits,
      split_size: splits === 1 ? 0 : sizeOf(targets.out.shape) / splits,
      tiles_m: tilesM,
      tiles_n: tilesN,
      a_k: call.aStepK,
      b_k: call.bAlong === "n" ? call.bStep : 1,
      b_n: call.bAlong === "n" ? 1 : call.bStep,
      bias_problem: call.biasStep,
      ...uniforms,
    }, problems * splits * tilesM * tilesN);
  }
}

const WORKGROUP_SIZE = 64;

const addKernel = kernelFamily((
  vector: boolean,
  bias: boolean,
  activation: Activation | "none",
  preActivation: boolean,
): Kernel => {
  const four = vector ? "4" : "";
  return {
    name: "gemm-add-splits",
    operands: {
      partials: { access: "read", type: "f32", vector },
      out: { access: "read_write", type: "f32", vector },
      ...(bias ? { bias: { access: "read", type: "f32", vector } } : {}),
      ...(preActivation
        ? { before: { access: "read_write", type: "f32", vector } }
        : {}),
    },
    uniforms: { size: "u32", splits: "u32", columns: "u32" },
    workgroupSize: WORKGROUP_SIZE,
    declarations: activationSource(
      activation === "none" ? undefined : activation,
    ),
    body: `
  let i = index${vector ? " * 4u" : ""};
  if (i >= u.size) {
    return;
  }
  var sum = partials_load${four}(i);
  for (var split = 1u; split < u.splits; split++) {
    sum += partials_load${four}(split * u.size + i);
  }
  ${bias ? `sum += bias_load${four}(i % u.columns);` : ""}
  ${preActivation ? `before_store${four}(i, sum);` : ""}
  out_store${four}(i, activate${four}(sum));`,
  };
});

/** Adds partial results in order, so that the same product always has the same bits. */
function addSplits(
  runtime: Runtime,
  { out, bias, activation, preActivation, outVector }: GemmCall,
  partials: GpuView,
  splits: number,
  size: number,
): void {
  const kernel = addKernel(
    outVector,
    bias !== undefined,
    activation ?? "none",
    preActivation !== undefined,
  );
  const items = outVector ? size / 4 : size;
  runtime.run(
    kernel,
    { partials, out, bias, before: preActivation },
    { size, splits, columns: bias ? sizeOf(bias.shape) : 1 },
    Math.ceil(items / WORKGROUP_SIZE),
  );
}
