/**
 * Pooling of images: one number of each window, or of each whole channel.
 *
 * @module
 */

import type { PoolGeometry } from "./backend.ts";
import { ArgumentError, ShapeError } from "./errors.ts";
import { max, mean } from "./reduction.ts";
import {
  announceResult,
  checkKind,
  commonDevice,
  produce,
  produceAll,
} from "./_run.ts";
import type { Shape } from "./shape.ts";
import { type Tensor, viewOf } from "./tensor.ts";
import { type Padding, type Pair, pairOf, slideWindows } from "./_window.ts";

/** Options of {@linkcode maxPool2d}. */
export interface Pool2dOptions {
  /** Rows and columns of a window. */
  readonly size: Pair;
  /** Rows and columns between neighbouring windows; the size of a window if it is not given. */
  readonly stride?: Pair;
  /** The border around the images, less than a window; none if it is not given. */
  readonly padding?: Padding;
}

/** Options of {@linkcode averagePool2d}. */
export interface AveragePool2dOptions extends Pool2dOptions {
  /** Whether the border counts in the number that sums are divided by, as in PyTorch; true if it is not given. */
  readonly countIncludePad?: boolean;
}

/**
 * Takes the largest element of each window. The border never wins, NaN always;
 * the first of equals gets the gradient.
 *
 * @param x Images, float, `[N, H, W, C]`.
 * @param options The windows.
 * @returns The images `[N, OH, OW, C]`, where `OH = ⌊(H + padding - size) / stride⌋ + 1`.
 * @throws {ShapeError} If x has not four axes, or a window is larger than a padded image.
 * @throws {ArgumentError} If size, stride or padding are none, or the padding is not less than the size.
 * @throws {DTypeError} If x is not float.
 *
 * @example Pairs
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { maxPool2d, openDevice, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const image = tensor(device, [1, 2, 4, 3], { shape: [1, 1, 4, 1] });
 * const result = maxPool2d(image, { size: [1, 2] });
 * assertEquals([...await result.data()], [2, 4]);
 * ```
 */
export function maxPool2d(x: Tensor, options: Pool2dOptions): Tensor {
  const device = commonDevice("maxPool2d", x);
  const geometry = poolGeometry("maxPool2d", x, options, false);
  const shape = pooledShape(geometry);
  const outs = produceAll(
    device,
    "maxPool2d",
    [[shape, x.dtype], [shape, "int32"]],
    (out, indices) =>
      device.backend.maxPool2d(viewOf(x), out, indices, geometry),
  );
  return announceResult("maxPool2d", [x], outs, { geometry });
}

/**
 * Takes the mean of each window.
 *
 * @param x Images, float, `[N, H, W, C]`.
 * @param options The windows.
 * @returns The images `[N, OH, OW, C]`, where `OH = ⌊(H + padding - size) / stride⌋ + 1`.
 * @throws {ShapeError} If x has not four axes, or a window is larger than a padded image.
 * @throws {ArgumentError} If size, stride or padding are none, or the padding is not less than the size.
 * @throws {DTypeError} If x is not float.
 *
 * @example Pairs
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { averagePool2d, openDevice, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const image = tensor(device, [1, 3, 5, 7], { shape: [1, 1, 4, 1] });
 * const result = averagePool2d(image, { size: [1, 2] });
 * assertEquals([...await result.data()], [2, 6]);
 * ```
 */
export function averagePool2d(
  x: Tensor,
  options: AveragePool2dOptions,
): Tensor {
  const { countIncludePad = true } = options;
  const device = commonDevice("averagePool2d", x);
  const geometry = poolGeometry("averagePool2d", x, options, countIncludePad);
  const out = produce(
    device,
    "averagePool2d",
    pooledShape(geometry),
    x.dtype,
    (out) => device.backend.averagePool2d(viewOf(x), out, geometry),
  );
  return announceResult("averagePool2d", [x], [out], { geometry });
}

/**
 * Takes the mean of each channel of each image.
 *
 * @param x Images, float, `[N, H, W, C]`.
 * @returns The means `[N, C]`.
 * @throws {ShapeError} If x has not four axes.
 * @throws {DTypeError} If x is not float.
 *
 * @example One image
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { globalAveragePool2d, openDevice, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const image = tensor(device, [1, 3, 5, 7], { shape: [1, 2, 2, 1] });
 * assertEquals(await globalAveragePool2d(image).item(), 4);
 * ```
 */
export function globalAveragePool2d(x: Tensor): Tensor {
  checkImages("globalAveragePool2d", x);
  return mean(x, { axes: [1, 2] });
}

/**
 * Takes the largest element of each channel of each image; equal ones share
 * the gradient.
 *
 * @param x Images, float, `[N, H, W, C]`.
 * @returns The maxima `[N, C]`.
 * @throws {ShapeError} If x has not four axes.
 * @throws {DTypeError} If x is not float.
 *
 * @example One image
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { globalMaxPool2d, openDevice, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const image = tensor(device, [1, 3, 5, 7], { shape: [1, 2, 2, 1] });
 * assertEquals(await globalMaxPool2d(image).item(), 7);
 * ```
 */
export function globalMaxPool2d(x: Tensor): Tensor {
  checkImages("globalMaxPool2d", x);
  return max(x, { axes: [1, 2] });
}

function checkImages(op: string, x: Tensor): void {
  commonDevice(op, x);
  checkKind(op, x, "float");
  if (x.rank !== 4) {
    throw new ShapeError(
      `Cannot run "${op}" on ${x}: expected images [N, H, W, C]`,
    );
  }
}

function poolGeometry(
  op: string,
  x: Tensor,
  options: Pool2dOptions,
  countIncludePad: boolean,
): PoolGeometry {
  checkImages(op, x);
  const { padding = 0 } = options;
  const size = pairOf(op, "size", options.size, 1);
  const stride = pairOf(op, "stride", options.stride ?? size, 1);
  const [batch, height, width, channels] = x.shape;
  const windows = slideWindows(
    op,
    [height, width],
    size,
    stride,
    [1, 1],
    padding,
  );
  for (const [axis, { before, after }] of windows.entries()) {
    if (Math.max(before, after) >= size[axis]) {
      throw new ArgumentError(
        `Cannot run "${op}" with padding ${
          JSON.stringify(padding)
        } and size ${size}: expected the padding to be less than the size`,
      );
    }
  }
  const [rows, columns] = windows;
  return {
    batch,
    height,
    width,
    channels,
    kernelHeight: size[0],
    kernelWidth: size[1],
    outHeight: rows.out,
    outWidth: columns.out,
    strideHeight: stride[0],
    strideWidth: stride[1],
    padTop: rows.before,
    padLeft: columns.before,
    countIncludePad,
  };
}

function pooledShape(
  { batch, outHeight, outWidth, channels }: PoolGeometry,
): Shape {
  return [batch, outHeight, outWidth, channels];
}
