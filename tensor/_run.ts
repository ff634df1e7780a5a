/**
 * What every operation does around its kernel: check operands, make the
 * output, give it back if the kernel fails.
 *
 * @module
 */

import type { View } from "./backend.ts";
import type { Device } from "./device.ts";
import { type DType, dtypeInfo } from "./dtype.ts";
import { DeviceError, DTypeError } from "./errors.ts";
import { type Shape, sizeOf } from "./shape.ts";
import { storageOf, type Tensor, viewOf } from "./tensor.ts";

/**
 * The device that all operands live on.
 *
 * @throws {DisposedError} If an operand was disposed of.
 * @throws {DeviceError} If operands live on different devices.
 */
export function commonDevice(
  op: string,
  ...operands: readonly (Tensor | number | undefined)[]
): Device {
  let device: Device | undefined;
  for (const operand of operands) {
    if (operand === undefined || typeof operand === "number") continue;
    storageOf(operand);
    device ??= operand.device;
    if (operand.device !== device) {
      throw new DeviceError(
        `Cannot run "${op}" on tensors of different devices: one lives on a ${device.info.kind} device, ${operand} on another ${operand.device.info.kind} device`,
      );
    }
  }
  if (device === undefined) {
    throw new DeviceError(
      `Cannot run "${op}" without a tensor: at least one operand must be one`,
    );
  }
  return device;
}

/**
 * Checks that a tensor has one of some kinds of dtype.
 *
 * @throws {DTypeError} If it has not.
 */
export function checkKind(
  op: string,
  tensor: Tensor,
  ...kinds: ("float" | "int" | "bool")[]
): void {
  const { kind } = dtypeInfo(tensor.dtype);
  if (!(kinds as string[]).includes(kind)) {
    throw new DTypeError(
      `Cannot run "${op}" on ${tensor}: it takes ${kinds.join(" and ")} tensors${
        kind === "storage" ? "; cast it first" : ""
      }`,
    );
  }
}

/**
 * Checks that operands have the same dtype.
 *
 * @throws {DTypeError} If they have not.
 */
export function checkSameDType(
  op: string,
  ...operands: readonly (Tensor | number | undefined)[]
): DType {
  const tensors = operands.filter((operand) => typeof operand === "object");
  for (const tensor of tensors) {
    if (tensor.dtype !== tensors[0].dtype) {
      throw new DTypeError(
        `Cannot run "${op}" on ${tensors[0]} and ${tensor}: dtypes differ; cast one of them`,
      );
    }
  }
  return tensors[0].dtype;
}

/** An output to be made. */
export type OutputSpec = readonly [shape: Shape, dtype: DType];

/** Makes outputs and runs the kernel that fills them, unless the first has no elements. */
export function produceAll(
  device: Device,
  op: string,
  specs: readonly OutputSpec[],
  kernel: (...outs: View[]) => void,
): Tensor[] {
  const outs: Tensor[] = [];
  try {
    for (const [shape, dtype] of specs) {
      outs.push(device.allocate(shape, dtype, op));
    }
    if (sizeOf(specs[0][0]) > 0) kernel(...outs.map(viewOf));
    return outs;
  } catch (error) {
    for (const out of outs) out.dispose();
    throw error;
  }
}

/** Makes one output and runs the kernel that fills it, unless it has no elements. */
export function produce(
  device: Device,
  op: string,
  shape: Shape,
  dtype: DType,
  kernel: (out: View) => void,
): Tensor {
  return produceAll(device, op, [[shape, dtype]], kernel)[0];
}
