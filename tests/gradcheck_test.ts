/**
 * Every gradient rule against finite differences, on every device.
 *
 * @module
 */

import { gradcheck } from "@cram/autograd";
import type { Device, DType } from "@cram/tensor";
import { CPU, openTested, REFERENCE, WEBGPU } from "./devices.ts";
import { upload } from "./host_tensor.ts";
import { OPS } from "./op_table.ts";
import type { Op } from "./ops/op.ts";

/**
 * On the reference device in float64 only the differences themselves are
 * inexact. In float32 gradients of order 1 carry errors of some 1e-6, which
 * elements as small as the floor of `gradcheck()`, 0.01, show a hundredfold.
 */
const TOLERANCE = { float64: 1e-6, float32: 2e-4 } as const;

async function checkGradients(
  op: Op,
  device: Device,
  float: DType & keyof typeof TOLERANCE,
): Promise<void> {
  for (const { name, inputs, run } of op.gradchecks) {
    using _scope = device.scope();
    const tensors = inputs.map((input) => upload(device, input, float));
    try {
      await gradcheck(run, tensors, { tolerance: TOLERANCE[float] });
    } catch (error) {
      throw new Error(`${op.name}, ${name}`, { cause: error });
    }
  }
}

for (const tested of await openTested(REFERENCE, CPU, WEBGPU)) {
  const floats = tested.kind === "reference"
    ? ["float64", "float32"] as const
    : ["float32"] as const;
  for (const op of OPS.filter(({ gradchecks }) => gradchecks.length > 0)) {
    for (const float of floats) {
      tested.test(
        `gradients of ${op.name} agree with finite differences in ${float}`,
        (device) => checkGradients(op, device, float),
      );
    }
  }
}
