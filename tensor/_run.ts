/**
 * What every operation does around its kernel: check operands, make the
 * output, give it back if the kernel fails.
 *
 * @module
 */

import type { View } from "./backend.ts";
import type { Device } from "./device.ts";
import type { DType, DTypeInfo } from "./dtype.ts";
import { ArgumentError, DeviceError, DTypeError } from "./errors.ts";
import { announce, type OpAttributes, type OpName } from "./op_record.ts";
import type { Shape } from "./shape.ts";
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

/** What kind of values a dtype holds. */
export type Kind = DTypeInfo["kind"];

/**
 * Checks that a tensor has one of some kinds of dtype.
 *
 * @throws {DTypeError} If it has not.
 */
export function checkKind(
  op: string,
  tensor: Tensor,
  ...kinds: readonly Kind[]
): void {
  const { device, dtype } = tensor;
  const kind = device.kindOf(dtype);
  if (kinds.includes(kind)) return;
  const { kind: name, floatDTypes } = device.info;
  throw new DTypeError(
    `Cannot run "${op}" on ${tensor}: ${
      kind === "storage" && dtype === "float16"
        ? `the ${name} device computes with ${
          floatDTypes.join(", ")
        } and only stores ${dtype}`
        : `it takes ${kinds.join(" and ")} tensors`
    }${kind === "storage" ? "; cast it first" : ""}`,
  );
}

/**
 * Checks that a tensor has elements of at least single precision, for what
 * half of it is not enough for: losses and the state of optimizers.
 *
 * @throws {DTypeError} If it has not.
 */
export function checkSingleOrDouble(op: string, tensor: Tensor): void {
  checkKind(op, tensor, "float");
  if (tensor.dtype === "float16") {
    throw new DTypeError(
      `Cannot run "${op}" on ${tensor}: it takes float32 and float64; cast it first`,
    );
  }
}

/** The dtype of what is kept beside elements of a dtype in the precision of their sums: parameters and statistics of normalizations. */
export function sumDType(dtype: DType): DType {
  return dtype === "float16" ? "float32" : dtype;
}

/**
 * Checks that operands have the dtype that sums over x have.
 *
 * @throws {DTypeError} If they have not.
 */
export function checkSumDType(
  op: string,
  x: Tensor,
  ...operands: readonly Tensor[]
): void {
  const dtype = sumDType(x.dtype);
  if (dtype === x.dtype) {
    checkSameDType(op, x, ...operands);
    return;
  }
  for (const operand of operands) {
    if (operand.dtype !== dtype) {
      throw new DTypeError(
        `Cannot run "${op}" on ${x} and ${operand}: beside ${x.dtype} it takes ${dtype}; cast it`,
      );
    }
  }
}

/**
 * Checks the bias of a product, which may have the dtype of its sums.
 *
 * @throws {DTypeError} If it has neither that nor the factors' dtype.
 */
export function checkBias(
  op: string,
  x: Tensor,
  bias: Tensor | undefined,
): void {
  if (bias !== undefined && bias.dtype !== sumDType(x.dtype)) {
    checkSameDType(op, x, bias);
  }
}

/**
 * Checks that a tensor holds indices or labels.
 *
 * @throws {DTypeError} If it is not `int32`.
 */
export function checkInt32(op: string, tensor: Tensor): void {
  if (tensor.dtype !== "int32") {
    throw new DTypeError(
      `Cannot run "${op}" with ${tensor} as indices: expected int32`,
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
        `Cannot run "${op}" on ${
          tensors[0]
        } and ${tensor}: dtypes differ; cast one of them`,
      );
    }
  }
  return tensors[0].dtype;
}

/** Smallest and largest values of the dtypes that hold whole numbers only. */
export const WHOLE_RANGES: Readonly<
  Partial<Record<DType, readonly [low: number, high: number]>>
> = {
  int32: [-(2 ** 31), 2 ** 31 - 1],
  uint32: [0, 2 ** 32 - 1],
  bool: [0, 1],
  uint8: [0, 255],
};

/**
 * Checks that the numbers among operands are values of a dtype.
 *
 * @throws {ArgumentError} If a dtype of whole numbers cannot hold one.
 */
export function checkNumbers(
  op: string,
  dtype: DType,
  operands: Iterable<unknown>,
): void {
  const range = WHOLE_RANGES[dtype];
  if (range === undefined) return;
  const [low, high] = range;
  for (const value of operands) {
    if (typeof value !== "number") continue;
    if (!Number.isInteger(value) || value < low || value > high) {
      throw new ArgumentError(
        `Cannot run "${op}" with ${value} as ${dtype}: expected a whole number from ${low} to ${high}`,
      );
    }
  }
}

/**
 * Checks the ε that keeps a normalization from dividing by 0.
 *
 * @throws {ArgumentError} If it is not positive and finite.
 */
export function checkEpsilon(op: string, epsilon: number): void {
  if (!(epsilon > 0 && epsilon < Infinity)) {
    throw new ArgumentError(
      `Cannot run "${op}" with epsilon ${epsilon}: expected a positive number`,
    );
  }
}

/** An output to be made. */
export type OutputSpec = readonly [shape: Shape, dtype: DType];

/**
 * Makes outputs and runs the kernel that fills them. Kernels are never called
 * with an empty output: if there is one, the other outputs become 0, which is
 * what sums over nothing are.
 */
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
    if (outs.every((out) => out.size > 0)) {
      kernel(...outs.map(viewOf));
    } else {
      for (const out of outs) {
        if (out.size > 0) device.backend.fill(viewOf(out), 0);
      }
    }
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

/**
 * Announces an operation and returns its result. The outputs behind the first
 * serve its gradient only and are given up: an observer that needs them has
 * taken handles of its own.
 */
export function announceResult<K extends OpName>(
  op: K,
  inputs: readonly (Tensor | number | undefined)[],
  outputs: readonly Tensor[],
  attributes: OpAttributes[K],
): Tensor {
  announce(op, inputs, outputs, attributes);
  for (const output of outputs.slice(1)) output.dispose();
  return outputs[0];
}
