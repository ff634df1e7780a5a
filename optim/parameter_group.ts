/**
 * Parameters with settings of their own.
 *
 * @module
 */

import { ArgumentError } from "@cram/tensor";

/** Settings of the parameters whose names match. */
export interface ParameterGroup {
  /** Which parameters: a name, the beginning of names up to a dot, or a pattern. */
  readonly match: string | RegExp;
  /** What the learning rate of a step is multiplied by. Default: 1. */
  readonly learningRateScale?: number;
  /** Weight decay instead of the rule's. */
  readonly weightDecay?: number;
  /** Whether CrAM compresses them. Default: tensors with at least 2 axes. */
  readonly prunable?: boolean;
}

/** Settings of one parameter, complete. */
export interface ParameterSettings {
  /** The number of its group; parameters of none come behind. */
  readonly group: number;
  /** What the learning rate of a step is multiplied by. */
  readonly learningRateScale: number;
  /** Weight decay instead of the rule's, if it has one. */
  readonly weightDecay: number | undefined;
  /** Whether CrAM compresses it. */
  readonly prunable: boolean;
}

function matches(name: string, match: string | RegExp): boolean {
  return typeof match === "string"
    ? name === match || name.startsWith(`${match}.`)
    : name.search(match) >= 0;
}

/**
 * Settings of each parameter.
 *
 * @throws {ArgumentError} If a group is that of no parameter, or a number is out of its range.
 */
export function settingsOf(
  parameters: readonly { readonly name: string; readonly rank: number }[],
  groups: readonly ParameterGroup[],
): ParameterSettings[] {
  for (const { match, learningRateScale = 1, weightDecay = 0 } of groups) {
    if (!parameters.some(({ name }) => matches(name, match))) {
      throw new ArgumentError(
        `Cannot group parameters by ${
          typeof match === "string" ? `"${match}"` : match
        }: none of the ${parameters.length} names matches, the first is "${
          parameters[0].name
        }"`,
      );
    }
    for (
      const [name, value] of Object.entries({ learningRateScale, weightDecay })
    ) {
      if (!(value >= 0 && value < Infinity)) {
        throw new ArgumentError(
          `Cannot use ${name} ${value} for a group: expected a number of at least 0`,
        );
      }
    }
  }
  return parameters.map(({ name, rank }) => {
    const index = groups.findIndex(({ match }) => matches(name, match));
    const group = groups[index];
    return {
      group: index < 0 ? groups.length : index,
      learningRateScale: group?.learningRateScale ?? 1,
      weightDecay: group?.weightDecay,
      prunable: group?.prunable ?? rank >= 2,
    };
  });
}
