/** Running a matrix product: choice of kernel, splits of the inner dimension. */

import type { Activation } from "../backend.ts";
import { sizeOf } from "../shape.ts";
import { activationSource } from "./_activation.ts";
import type { GpuView } from "./_buffer.ts";
import { type GemmChoice, TILE_DEPTH } from "./_gemm_choice.ts";
import { type GemmFlags, gemmKernel, type GemmSource } from "./_gemm_kernel.ts";
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
  readonly problems: number;
  readonly n: number;
  /** Steps of k in one segment. */
  readonly length: number;
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

/** Kernels by all that they depend on. */
const kernels = new Map<string, Kernel>();

function kernelFor(
  source: GemmSource,
  flags: GemmFlags,
  choice: GemmChoice,
): Kernel {
  const key = [source.name, ...Object.values(flags), ...Object.values(choice)]
    .join();
  let kernel = kernels.get(key);
  if (kernel === undefined) {
    kernels.set(key, kernel = gemmKernel(source, flags, choice));
  }
  return kernel;
}

/**
 * Runs products that fill `out` together.
 *
 * @param runtime The device.
 * @param call What they have in common.
 * @param choice How they are computed.
 * @param parts What each of them has of its own.
 */
export function runGemm(
  runtime: Runtime,
  call: GemmCall,
  choice: GemmChoice,
  parts: readonly GemmPart[],
): void {
  const splits = choice.segmentSplits * choice.lengthSplits;
  if (splits === 1) {
    runParts(runtime, call, choice, parts);
    return;
  }
  const size = sizeOf(call.out.shape);
  runtime.temporary([splits, size], (partials) => {
    runParts(
      runtime,
      {
        ...call,
        out: partials,
        bias: undefined,
        activation: undefined,
        preActivation: undefined,
      },
      choice,
      parts,
    );
    addSplits(runtime, call, partials, splits, size);
  });
}

function runParts(
  runtime: Runtime,
  call: GemmCall,
  choice: GemmChoice,
  parts: readonly GemmPart[],
): void {
  const { source, problems, n, length, a, b, out, bias, preActivation } = call;
  const { segmentSplits, lengthSplits } = choice;
  const kernel = kernelFor(source, {
    aAlong: call.aAlong,
    aVector: call.aVector,
    aMasked: call.aMasked,
    bAlong: call.bAlong,
    bVector: call.bVector,
    outVector: call.outVector,
    even: length % 4 === 0,
    bias: bias !== undefined,
    activation: call.activation,
    preActivation: preActivation !== undefined,
  }, { ...choice, segmentSplits: 1, lengthSplits: 1 });
  const splits = segmentSplits * lengthSplits;
  const lengthSteps = Math.ceil(length / TILE_DEPTH);
  for (const { m, segments, uniforms } of parts) {
    const tilesM = Math.ceil(m / (choice.rows * choice.lanesM));
    const tilesN = Math.ceil(n / (choice.columns * choice.lanesN));
    runtime.run(kernel, { a, b, out, bias, before: preActivation }, {
      m,
      n,
      segments,
      length,
      segments_per_split: Math.ceil(segments / segmentSplits),
      length_per_split: Math.ceil(lengthSteps / lengthSplits) * TILE_DEPTH,
      segment_splits: segmentSplits,
      splits,
      split_size: splits === 1 ? 0 : sizeOf(out.shape) / splits,
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
