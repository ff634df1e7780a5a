/**
 * Gradients of operations that move elements.
 *
 * @module
 */

import {
  gather,
  greaterEqual,
  less,
  logicalAnd,
  reshape,
  slice,
  type Tensor,
  transpose,
  where,
} from "@cram/tensor";
import { gatherBackward, sliceBackward } from "@cram/tensor/backward";
import { inputs, inputSpec, nothing, type RuleFamily } from "../_rule.ts";

/** Slices of dy, and zeros where the index was out of range and its update left out. */
function updatesGradient(dy: Tensor, indices: Tensor, axis: number): Tensor {
  const length = dy.shape[axis];
  const used = logicalAnd(greaterEqual(indices, 0), less(indices, length));
  return where(
    reshape(used, dy.shape.slice(axis).map((_, i) => i === 0 ? -1 : 1)),
    gather(dy, indices, { axis }),
    0,
  );
}

/** Rules of operations that move elements, by name. */
export const structureRules = {
  reshape: {
    saves: nothing,
    gradients: (call, dy) => [reshape(dy, inputSpec(call, 0).shape)],
  },
  transpose: {
    saves: nothing,
    gradients: ({ attributes: { permutation } }, dy) => [
      transpose(dy, permutation.map((_, axis) => permutation.indexOf(axis))),
    ],
  },
  slice: {
    saves: nothing,
    gradients: (call, dy) => {
      const { starts, steps } = call.attributes;
      return [sliceBackward(dy, inputSpec(call, 0).shape, starts, steps)];
    },
  },
  concat: {
    saves: nothing,
    gradients: (call, dy) => {
      const { axis } = call.attributes;
      let end = 0;
      return call.inputs.map((_, i) => {
        const { shape } = inputSpec(call, i);
        const start = end;
        end += shape[axis];
        if (!call.needs[i]) return undefined;
        return slice(dy, shape.map((_, a) => a === axis ? start : 0), shape);
      });
    },
  },
  pad: {
    saves: nothing,
    gradients: (call, dy) => [
      slice(dy, call.attributes.before, inputSpec(call, 0).shape),
    ],
  },
  // The tape sums what was stretched.
  broadcastTo: { saves: nothing, gradients: (_, dy) => [dy] },
  gather: {
    saves: inputs(1),
    gradients: (call, dy) => [
      gatherBackward(
        dy,
        call.input(1),
        inputSpec(call, 0).shape,
        call.attributes.axis,
      ),
    ],
  },
  scatterAdd: {
    saves: inputs(1),
    gradients: (call, dy) => [
      dy,
      undefined,
      call.needs[2]
        ? updatesGradient(dy, call.input(1), call.attributes.axis)
        : undefined,
    ],
  },
} satisfies RuleFamily;
