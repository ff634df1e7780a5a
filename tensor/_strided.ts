/**
 * Copies between strided ranges, with neighbouring axes merged.
 *
 * @module
 */

import type { StridedLayout, View } from "./backend.ts";
import { mergeAxes } from "./_broadcast.ts";
import { dtypeInfo } from "./dtype.ts";
import { checkKind, commonDevice, produce } from "./_run.ts";
import { type Shape, sizeOf, stridesOf } from "./shape.ts";
import { type Tensor, viewOf } from "./tensor.ts";
import type { Device } from "./device.ts";

/** Checks that an operation that copies elements can do so, and tells the device. */
export function checkCopied(
  op: string,
  ...tensors: readonly Tensor[]
): Device {
  const device = commonDevice(op, ...tensors);
  for (const tensor of tensors) checkKind(op, tensor, "float", "int", "bool");
  return device;
}

/** Copies elements, if there are any. */
export function copyStrided(
  source: View,
  target: View,
  layout: StridedLayout,
  backend: Device["backend"],
): void {
  if (sizeOf(layout.shape) === 0) return;
  const { shape, strides } = mergeAxes(layout.shape, [
    layout.sourceStrides,
    layout.targetStrides,
  ]);
  backend.stridedCopy(source, target, {
    ...layout,
    shape,
    sourceStrides: strides[0],
    targetStrides: strides[1],
  });
}

/** A new tensor whose elements are read from x at an offset and with strides. */
export function readStrided(
  op: string,
  x: Tensor,
  shape: Shape,
  sourceStrides: readonly number[],
  sourceOffset = 0,
): Tensor {
  return produce(
    x.device,
    op,
    shape,
    x.dtype,
    (out) =>
      copyStrided(viewOf(x), out, {
        shape,
        sourceOffset,
        sourceStrides,
        targetOffset: 0,
        targetStrides: stridesOf(shape),
      }, x.device.backend),
  );
}

/** Reorders axes, without announcing it. */
export function computeTranspose(
  x: Tensor,
  permutation: readonly number[],
): Tensor {
  const strides = stridesOf(x.shape);
  return readStrided(
    "transpose",
    x,
    permutation.map((axis) => x.shape[axis]),
    permutation.map((axis) => strides[axis]),
  );
}

/** Copies elements, word by word, from a view to another that does not overlap it. */
export function copyWords(
  source: View,
  target: View,
  backend: Device["backend"],
): void {
  const { byteSize } = dtypeInfo(source.dtype);
  const length = Math.ceil(sizeOf(source.shape) * byteSize / 4);
  const asWords = (view: View): View => ({
    ...view,
    shape: [length],
    dtype: "uint32",
  });
  copyStrided(asWords(source), asWords(target), {
    shape: [length],
    sourceOffset: 0,
    sourceStrides: [1],
    targetOffset: 0,
    targetStrides: [1],
  }, backend);
}

/** Copies a tensor, without announcing it. */
export function computeCopy(op: string, x: Tensor): Tensor {
  return produce(
    x.device,
    op,
    x.shape,
    x.dtype,
    (out) => copyWords(viewOf(x), out, x.device.backend),
  );
}
