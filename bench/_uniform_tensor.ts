/**
 * Inputs of benchmarks.
 *
 * @module
 */

import { type Device, type Shape, type Tensor, tensor } from "@cram/tensor";
import { sizeOf, uniform } from "./_uniform.ts";

/** A tensor of the numbers of `uniform()`, which belongs to the open scope. */
export function uniformTensor(
  device: Device,
  seed: number,
  shape: Shape,
): Tensor {
  return tensor(device, uniform(seed, sizeOf(shape)), { shape });
}
