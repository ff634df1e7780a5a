/**
 * One recorded call, with what the tape keeps of it.
 *
 * @module
 */

import {
  formatShape,
  type OpAttributes,
  type OpName,
  type OpRecord,
  type Tensor,
} from "@cram/tensor";
import type { SavedCall, TensorSpec } from "./_rule.ts";
import { GradientError } from "./errors.ts";
import { rules } from "./rules/mod.ts";

/** A handle of the tape's own, and the version of its memory when it was made. */
interface Saved {
  readonly tensor: Tensor;
  readonly version: number;
}

/** A recorded call. */
export class TapeNode<K extends OpName = OpName> implements SavedCall<K> {
  readonly op: K;
  readonly attributes: OpAttributes[K];
  readonly inputs: readonly (TensorSpec | number | undefined)[];
  readonly inputIds: readonly (number | undefined)[];
  readonly outputId: number;
  /** First whether an operand is tracked, then whether it lies on the path to a source. */
  needs: readonly boolean[];

  readonly #inputs = new Map<number, Saved>();
  readonly #outputs = new Map<number, Saved>();

  constructor(record: OpRecord<K>, needs: readonly boolean[]) {
    this.op = record.op;
    this.attributes = record.attributes;
    this.inputs = record.inputs.map((input) =>
      typeof input === "object"
        ? { shape: input.shape, dtype: input.dtype }
        : input
    );
    this.inputIds = record.inputs.map((input) =>
      typeof input === "object" ? input.id : undefined
    );
    this.outputId = record.outputs[0].id;
    this.needs = needs;
    const { inputs = [], outputs = [] } = rules[this.op].saves(this);
    for (const index of inputs) save(this.#inputs, index, record.inputs[index]);
    for (const index of outputs) {
      save(this.#outputs, index, record.outputs[index]);
    }
  }

  input(index: number): Tensor {
    return this.#value("operand", index, this.#inputs.get(index));
  }

  output(index: number): Tensor {
    return this.#value("result", index, this.#outputs.get(index));
  }

  /** Computes the gradients of the operands. */
  gradients(dy: Tensor): readonly (Tensor | undefined)[] {
    return rules[this.op].gradients(this, dy);
  }

  /** Gives up what was saved. */
  release(): void {
    for (const saved of [this.#inputs, this.#outputs]) {
      for (const { tensor } of saved.values()) tensor.dispose();
      saved.clear();
    }
  }

  #value(kind: string, index: number, saved: Saved | undefined): Tensor {
    if (saved === undefined) {
      throw new GradientError(
        `Cannot compute the gradient of "${this.op}": its rule reads ${kind} ${index}, which it did not declare as saved`,
      );
    }
    const { tensor, version } = saved;
    if (tensor.version !== version) {
      throw new GradientError(
        `Cannot compute the gradient of "${this.op}": its ${kind} ${index} of shape ${
          formatShape(tensor.shape)
        } was written in place after the tape saved it`,
      );
    }
    return tensor;
  }
}

function save(
  saved: Map<number, Saved>,
  index: number,
  value: Tensor | number | undefined,
): void {
  if (typeof value !== "object") return;
  const tensor = value.alias();
  // The tape owns the handle, whatever scope is open now.
  tensor.device.forget(tensor);
  saved.set(index, { tensor, version: tensor.version });
}
