/** Checks and names of optimizers' options. */

import { ArgumentError } from "@cram/tensor";
import { StateError } from "./errors.ts";
import type { OptimizerState } from "./optimizer.ts";

/** Checks that numbers are finite and at least 0. */
export function checkAtLeastZero(
  action: string,
  values: Readonly<Record<string, number>>,
): void {
  for (const [name, value] of Object.entries(values)) {
    if (!(value >= 0 && value < Infinity)) {
      throw new ArgumentError(
        `Cannot ${action} with ${name} ${value}: expected a number of at least 0`,
      );
    }
  }
}

/** A rule with its settings, by which a saved state is recognized. */
export function describe(
  name: string,
  settings: Readonly<Record<string, unknown>>,
): string {
  const list = Object.entries(settings).map(([key, value]) =>
    `${key} ${Array.isArray(value) ? `[${value.join("; ")}]` : value}`
  );
  return `${name}(${list.join(", ")})`;
}

/**
 * Checks whose state it is.
 *
 * @throws {StateError} If it is that of another optimizer.
 */
export function checkOptimizer(
  { optimizer }: OptimizerState,
  name: string,
): void {
  if (optimizer !== name) {
    throw new StateError(
      `Cannot load a state of "${optimizer}" into "${name}"`,
    );
  }
}
