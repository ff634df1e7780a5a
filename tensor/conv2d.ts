/**
 * Convolution of images.
 *
 * @module
 */

import type { ConvGeometry } from "./backend.ts";
import { ArgumentError, ShapeError } from "./errors.ts";
import {
  announceResult,
  checkBias,
  checkKind,
  checkSameDType,
  commonDevice,
  produce,
} from "./_run.ts";
import { sameShape } from "./shape.ts";
import { type Tensor, viewOf } from "./tensor.ts";
import { type Padding, type Pair, pairOf, slideWindows } from "./_window.ts";

export type { Padding, Pair } from "./_window.ts";

/** Options of {@linkcode conv2d}. */
export interface Conv2dOptions {
  /** What is added to each channel of the output, `[O]`; of x's dtype, or `float32` beside `float16`. */
  readonly bias?: Tensor;
  /** Rows and columns between neighbouring outputs; 1 if it is not given. */
  readonly stride?: Pair;
  /** Zeros around the images; none if it is not given. */
  readonly padding?: Padding;
  /** Rows and columns between neighbouring weights; 1 if it is not given. */
  readonly dilation?: Pair;
  /** How many groups of channels are convolved apart; 1 if it is not given. */
  readonly groups?: number;
}

/**
 * Convolves images with a weight (a cross-correlation, as everywhere in the
 * field).
 *
 * @param x Images, float, `[N, H, W, C]`.
 * @param weight The same dtype, `[KH, KW, C / groups, O]`; group g makes the
 *   output channels from `g · O / groups` on.
 * @param options Bias, stride, padding, dilation and groups.
 * @returns The images `[N, OH, OW, O]`, where `OH = ⌊(H + padding - dilation · (KH - 1) - 1) / stride⌋ + 1`.
 * @throws {ShapeError} If the shapes do not fit, or the window is larger than a padded image.
 * @throws {ArgumentError} If stride, padding, dilation or groups are none.
 * @throws {DTypeError} If the dtypes differ or are not float.
 *
 * @example Sums of neighbours
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { conv2d, ones, openDevice, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const image = tensor(device, [1, 2, 3, 4], { shape: [1, 1, 4, 1] });
 * const sums = conv2d(image, ones(device, [1, 3, 1, 1]), { padding: "same" });
 * assertEquals([...await sums.data()], [3, 6, 9, 7]);
 * ```
 */
export function conv2d(
  x: Tensor,
  weight: Tensor,
  options: Conv2dOptions = {},
): Tensor {
  const { bias } = options;
  const device = commonDevice("conv2d", x, weight, bias);
  checkKind("conv2d", x, "float");
  checkSameDType("conv2d", x, weight);
  checkBias("conv2d", x, bias);
  const geometry = convGeometry(x, weight, options);
  const { batch, outHeight, outWidth, outChannels } = geometry;
  const out = produce(
    device,
    "conv2d",
    [batch, outHeight, outWidth, outChannels],
    x.dtype,
    (out) =>
      device.backend.conv2d(
        viewOf(x),
        viewOf(weight),
        bias && viewOf(bias),
        out,
        geometry,
      ),
  );
  return announceResult("conv2d", [x, weight, bias], [out], { geometry });
}

function convGeometry(
  x: Tensor,
  weight: Tensor,
  options: Conv2dOptions,
): ConvGeometry {
  const { bias, padding = 0, groups = 1 } = options;
  const stride = pairOf("conv2d", "stride", options.stride ?? 1, 1);
  const dilation = pairOf("conv2d", "dilation", options.dilation ?? 1, 1);
  const call = `convolve ${x} with ${weight}`;
  if (x.rank !== 4 || weight.rank !== 4) {
    throw new ShapeError(
      `Cannot ${call}: expected images [N, H, W, C] and a weight [KH, KW, C / groups, O]`,
    );
  }
  const [batch, height, width, channels] = x.shape;
  const [kernelHeight, kernelWidth, groupChannels, outChannels] = weight.shape;
  if (weight.size === 0) {
    throw new ShapeError(`Cannot ${call}: the weight has no elements`);
  }
  if (
    !Number.isSafeInteger(groups) || groups < 1 || outChannels % groups !== 0
  ) {
    throw new ArgumentError(
      `Cannot ${call} in ${groups} groups: expected a whole number that divides the ${outChannels} output channels`,
    );
  }
  if (groupChannels * groups !== channels) {
    throw new ShapeError(
      `Cannot ${call} in ${groups} groups: the images have ${channels} channels, the weight takes ${
        groupChannels * groups
      }`,
    );
  }
  if (bias !== undefined && !sameShape(bias.shape, [outChannels])) {
    throw new ShapeError(
      `Cannot ${call} with bias ${bias}: expected it to have shape [${outChannels}]`,
    );
  }
  const [rows, columns] = slideWindows(
    "conv2d",
    [height, width],
    [kernelHeight, kernelWidth],
    stride,
    dilation,
    padding,
  );
  return {
    batch,
    height,
    width,
    channels,
    kernelHeight,
    kernelWidth,
    outHeight: rows.out,
    outWidth: columns.out,
    outChannels,
    strideHeight: stride[0],
    strideWidth: stride[1],
    padTop: rows.before,
    padLeft: columns.before,
    dilationHeight: dilation[0],
    dilationWidth: dilation[1],
    groups,
  };
}
