/**
 * The tree of layers that a model is.
 *
 * @module
 */

import {
  assign,
  formatShape,
  sameShape,
  type Shape,
  type Tensor,
} from "@cram/tensor";
import { StateDictError } from "./errors.ts";
import type { ForwardContext } from "./forward_context.ts";
import { Variable } from "./variable.ts";

/** The parts of a module by the names that PyTorch gives them, in PyTorch's order; `undefined` for a part that is not there. */
export type Members = Readonly<Record<string, Variable | Module | undefined>>;

/** A layer, or layers put together. */
export abstract class Module implements Disposable {
  /**
   * The parts of this module.
   *
   * @returns Variables and modules by name.
   */
  abstract members(): Members;

  /**
   * Lists all variables, those of parts included.
   *
   * @returns The variables by their full name, for instance `layer1.0.conv1.weight`, in PyTorch's order.
   */
  variables(): Map<string, Variable> {
    const found = new Map<string, Variable>();
    for (const [name, member] of Object.entries(this.members())) {
      if (member instanceof Variable) found.set(name, member);
    }
    for (const [name, member] of Object.entries(this.members())) {
      if (!(member instanceof Module)) continue;
      for (const [inner, variable] of member.variables()) {
        found.set(`${name}.${inner}`, variable);
      }
    }
    return found;
  }

  /**
   * Lists what is trained: what optimizers and `valueAndGrad()` are given.
   *
   * @returns The tensors of the trainable variables, by name.
   */
  parameters(): Map<string, Tensor> {
    return this.#filter((variable) => variable.trainable);
  }

  /**
   * Lists what moves without being trained: running statistics.
   *
   * @returns The tensors of the other variables, by name.
   */
  buffers(): Map<string, Tensor> {
    return this.#filter((variable) => !variable.trainable);
  }

  #filter(predicate: (variable: Variable) => boolean): Map<string, Tensor> {
    return new Map(
      [...this.variables()]
        .filter(([, variable]) => predicate(variable))
        .map(([name, { value }]) => [name, value]),
    );
  }

  /**
   * The tensors of the model, as they are: changes of the model show in them.
   *
   * @returns All variables' tensors by name.
   */
  stateDict(): Map<string, Tensor> {
    return this.#filter(() => true);
  }

  /**
   * Copies tensors into the model. Nothing is changed if something does not fit.
   *
   * @param state One tensor for each variable, of its shape and dtype, on the same device.
   * @throws {StateDictError} If names are missing or unexpected, or shapes or dtypes differ.
   */
  loadStateDict(state: ReadonlyMap<string, Tensor>): void {
    const variables = this.variables();
    checkState(variables, state);
    for (const [name, { value }] of variables) assign(value, state.get(name)!);
  }

  /** Disposes of all tensors. */
  [Symbol.dispose](): void {
    for (const variable of this.variables().values()) {
      variable[Symbol.dispose]();
    }
  }
}

function checkState(
  variables: ReadonlyMap<string, Variable>,
  state: ReadonlyMap<string, Tensor>,
): void {
  const missing = [...variables.keys()].filter((name) => !state.has(name));
  const unexpected = [...state.keys()].filter((name) => !variables.has(name));
  const different = [...variables].flatMap(([name, { value }]) => {
    const given = state.get(name);
    return given === undefined ||
        sameShape(given.shape, value.shape) && given.dtype === value.dtype
      ? []
      : [
        `"${name}" is ${describe(given)} where ${describe(value)} is expected`,
      ];
  });
  const problems = [
    ...missing.length > 0 ? [`missing are ${list(missing)}`] : [],
    ...unexpected.length > 0 ? [`unexpected are ${list(unexpected)}`] : [],
    ...different.slice(0, MAX_LISTED),
  ];
  if (problems.length > 0) {
    throw new StateDictError(`Cannot load weights: ${problems.join("; ")}`);
  }
}

const MAX_LISTED = 8;

function list(names: readonly string[]): string {
  const shown = names.slice(0, MAX_LISTED).map((name) => `"${name}"`);
  const more = names.length - shown.length;
  return shown.join(", ") + (more > 0 ? ` and ${more} more` : "");
}

function describe(
  tensor: { readonly dtype: string; readonly shape: Shape },
): string {
  return `${tensor.dtype} ${formatShape(tensor.shape)}`;
}

/** A module that maps one tensor to another. */
export abstract class Layer extends Module {
  /**
   * Applies the layer.
   *
   * @param x The input.
   * @param context What the pass is for.
   * @returns The output, which belongs to the open scope.
   */
  abstract forward(x: Tensor, context: ForwardContext): Tensor;
}
