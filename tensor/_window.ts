/**
 * Windows that slide over images: what strides, dilations and padding of
 * convolution and pooling mean.
 *
 * @module
 */

import { ArgumentError, ShapeError } from "./errors.ts";

/** A number for rows and columns alike, or one for each. */
export type Pair = number | readonly [height: number, width: number];

/**
 * Zeros around an image: as many on each side, as many above and below and
 * left and right, four numbers, `"valid"` for none, or `"same"` for as many as
 * make the output `⌈input / stride⌉`, an odd one at the end.
 */
export type Padding =
  | Pair
  | "same"
  | "valid"
  | readonly [
    readonly [top: number, bottom: number],
    readonly [left: number, right: number],
  ];

/** What is known of the windows along one axis. */
interface Windows {
  readonly out: number;
  readonly before: number;
  readonly after: number;
}

/** Checks a pair of whole numbers and gives both. */
export function pairOf(
  op: string,
  name: string,
  value: Pair,
  least: number,
): readonly [number, number] {
  const pair = typeof value === "number" ? [value, value] : value;
  if (
    pair.length !== 2 ||
    !pair.every((n) => Number.isSafeInteger(n) && n >= least)
  ) {
    throw new ArgumentError(
      `Cannot run "${op}" with ${name} ${
        JSON.stringify(value)
      }: expected whole numbers of at least ${least}`,
    );
  }
  return [pair[0], pair[1]];
}

/** The windows along rows and along columns. */
export function slideWindows(
  op: string,
  input: readonly [number, number],
  kernel: readonly [number, number],
  stride: readonly [number, number],
  dilation: readonly [number, number],
  padding: Padding,
): readonly [Windows, Windows] {
  const slide = (axis: 0 | 1): Windows => {
    const span = (kernel[axis] - 1) * dilation[axis] + 1;
    const [before, after] = paddingOf(
      op,
      padding,
      axis,
      input[axis],
      span,
      stride[axis],
    );
    const out =
      Math.floor((input[axis] + before + after - span) / stride[axis]) + 1;
    if (out < 1) {
      throw new ShapeError(
        `Cannot run "${op}" on ${axis === 0 ? "height" : "width"} ${
          input[axis]
        } with padding ${before} and ${after}: the window needs ${span}`,
      );
    }
    return { out, before, after };
  };
  return [slide(0), slide(1)];
}

function paddingOf(
  op: string,
  padding: Padding,
  axis: 0 | 1,
  input: number,
  span: number,
  stride: number,
): readonly [before: number, after: number] {
  if (padding === "valid") return [0, 0];
  if (padding === "same") {
    const total = Math.max(
      0,
      (Math.ceil(input / stride) - 1) * stride + span - input,
    );
    return [Math.floor(total / 2), Math.ceil(total / 2)];
  }
  if (typeof padding === "object" && padding.length === 2) {
    const side = padding[axis];
    return pairOf(op, "padding", side, 0);
  }
  if (typeof padding === "number") return pairOf(op, "padding", padding, 0);
  throw new ArgumentError(
    `Cannot run "${op}" with padding ${
      JSON.stringify(padding)
    }: expected a number, two numbers or pairs, "same" or "valid"`,
  );
}
