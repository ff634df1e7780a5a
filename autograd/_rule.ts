/**
 * What a gradient rule is.
 *
 * @module
 */

import type { DType, OpAttributes, OpName, Shape, Tensor } from "@cram/tensor";

/** What stays known of a tensor when its elements are not kept. */
export interface TensorSpec {
  readonly shape: Shape;
  readonly dtype: DType;
}

/** A recorded call, before anything of it is kept. */
export interface Call<K extends OpName = OpName> {
  readonly op: K;
  readonly attributes: OpAttributes[K];
  /** Its operands as they were listed. */
  readonly inputs: readonly (TensorSpec | number | undefined)[];
  /** For each operand, whether its gradient is asked for. */
  readonly needs: readonly boolean[];
}

/** A recorded call with the values that its rule declared. */
export interface SavedCall<K extends OpName = OpName> extends Call<K> {
  /** A saved operand. */
  input(index: number): Tensor;
  /** A saved result. */
  output(index: number): Tensor;
}

/** Indices of the operands and results that a gradient reads. Numbers and absent operands may be listed, they cost nothing. */
export interface Saves {
  readonly inputs?: readonly number[];
  readonly outputs?: readonly number[];
}

/** How the gradient of one operation is computed. */
export interface GradientRule<K extends OpName = OpName> {
  /** What the tape has to keep. Called while the operation is recorded, when `needs` says which gradients may be asked for. */
  saves(call: Call<K>): Saves;
  /**
   * The gradients of the operands, from the gradient `dy` of the first
   * result; `undefined` where none is needed. A gradient may have the shape
   * that its operand was broadcast to. What the rule makes on the way is
   * freed by the tape.
   */
  gradients(call: SavedCall<K>, dy: Tensor): readonly (Tensor | undefined)[];
}

/** Rules of some operations. */
export type RuleFamily = { readonly [K in OpName]?: GradientRule<K> };

/** Saves nothing. */
export const nothing = (): Saves => ({});

/** Saves the given operands. */
export function inputs(...indices: number[]): () => Saves {
  return () => ({ inputs: indices });
}

/** Saves the given results. */
export function outputs(...indices: number[]): () => Saves {
  return () => ({ outputs: indices });
}

/** Saves each of two factors if the gradient of the other one is needed. */
export function factors({ needs }: Call): Saves {
  return { inputs: [1, 0].filter((_, other) => needs[other]) };
}

/** Computes only the gradients that are needed. */
export function each(
  { needs }: Call,
  ...gradients: readonly (() => Tensor)[]
): (Tensor | undefined)[] {
  return gradients.map((gradient, i) => needs[i] ? gradient() : undefined);
}

/** An operand of an elementwise operation: its saved value, or the number it is. */
export function operand(call: SavedCall, index: number): Tensor | number {
  const input = call.inputs[index];
  return typeof input === "number" ? input : call.input(index);
}

/** What is known of an operand that is a tensor. */
export function inputSpec(call: Call, index: number): TensorSpec {
  return call.inputs[index] as TensorSpec;
}
