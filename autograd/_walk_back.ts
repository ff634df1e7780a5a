/**
 * The way back over recorded calls: the chain rule.
 *
 * @module
 */

import { add, copy, formatShape, ones, type Tensor } from "@cram/tensor";
import { addInPlace } from "@cram/tensor/backward";
import type { TensorSpec } from "./_rule.ts";
import type { TapeNode } from "./_tape_node.ts";
import { unbroadcast } from "./_unbroadcast.ts";
import { GradientError } from "./errors.ts";

/**
 * The gradients of the sources that the path leads to, by id. Frees what the
 * nodes saved and the gradients in between on the way. Everything it makes
 * belongs to the open scope.
 */
export function walkBack(
  loss: Tensor,
  sources: readonly Tensor[],
  path: readonly TapeNode[],
  seed: Tensor | undefined,
): Map<number, Tensor> {
  const wanted = new Set(sources.map(({ id }) => id));
  const gradients = new Map<number, Tensor>();
  gradients.set(
    loss.id,
    seed?.alias() ??
      ones(loss.device, loss.shape, { dtype: loss.dtype }),
  );
  for (const node of path.toReversed()) {
    const dy = gradients.get(node.outputId) as Tensor;
    const contributions = operandGradients(node, dy);
    node.release();
    if (!wanted.has(node.outputId)) {
      gradients.delete(node.outputId);
      dy.dispose();
    }
    for (const [i, contribution] of contributions.entries()) {
      if (contribution === undefined) continue;
      const id = node.inputIds[i] as number;
      gradients.set(id, accumulate(gradients.get(id), contribution));
    }
  }
  return gradients;
}

/** The gradients of a node's operands in their shapes, as handles of their own. */
function operandGradients(node: TapeNode, dy: Tensor): (Tensor | undefined)[] {
  using scope = dy.device.scope();
  const gradients = node.gradients(dy);
  return node.inputs.map((input, i) => {
    if (!node.needs[i]) return undefined;
    const gradient = gradients[i];
    if (gradient === undefined) {
      throw new GradientError(
        `Cannot compute the gradient of "${node.op}" for operand ${i} of shape ${
          formatShape((input as TensorSpec).shape)
        }: it has none`,
      );
    }
    return scope.keep(
      unbroadcast(gradient, input as TensorSpec).alias(),
    );
  });
}

/** The sum of two gradients, in the memory of one of them where nobody else sees it. Both handles are given up. */
function accumulate(sum: Tensor | undefined, gradient: Tensor): Tensor {
  if (sum === undefined) return gradient;
  if (sum.shared && gradient.shared) {
    const result = add(sum, gradient);
    sum.dispose();
    gradient.dispose();
    return result;
  }
  const [target, other] = sum.shared ? [gradient, sum] : [sum, gradient];
  addInPlace(target, other);
  other.dispose();
  return target;
}

/** The same gradient, in memory that nobody else sees. */
export function soleOwner(gradient: Tensor): Tensor {
  return gradient.shared ? copy(gradient) : gradient;
}
