/** The kernels of optimizers and compressors on the cpu device. */

import type { Operand, View } from "../backend.ts";
import type { FlatKernels } from "../flat_kernels.ts";
import { sizeOf } from "../shape.ts";
import { selectThresholds } from "./_magnitude_select.ts";
import { addressOf, type CpuBuffer, type Runtime } from "./_runtime.ts";

/** The bytes of a row of thresholds. */
const THRESHOLD_BYTES = 8;

/** A scale as kernels take it: an address or 0, and a number. */
function scaleArguments(scale: Operand<CpuBuffer>): [number, number] {
  return typeof scale === "number" ? [0, scale] : [addressOf(scale), 0];
}

/** The kernels over flat ranges. */
export function flat(runtime: Runtime): FlatKernels<CpuBuffer> {
  const { heap } = runtime;

  function partsOf(view: View<CpuBuffer>, cost = 1): number {
    return runtime.parts(sizeOf(view.shape) * cost);
  }

  function bytesOf(view: View<CpuBuffer>): Uint8Array {
    return heap.bytes(addressOf(view), 4 * sizeOf(view.shape));
  }

  /** Whether a scale in memory is 0, by which gradients are not to be looked at. */
  function isLeftOut(scale: Operand<CpuBuffer>): boolean {
    if (typeof scale === "number") return false;
    // The scale is there already: kernels are done when their call returns.
    const { buffer, byteOffset } = bytesOf(scale);
    return new Float32Array(buffer, byteOffset, 1)[0] === 0;
  }

  return {
    perturb(parameter, gradient, saved, scale, adaptive) {
      if (isLeftOut(scale)) {
        bytesOf(saved).set(bytesOf(parameter));
        return;
      }
      runtime.run(adaptive ? "perturbAdaptive" : "perturb", [
        addressOf(parameter),
        addressOf(gradient),
        addressOf(saved),
        sizeOf(parameter.shape),
        ...scaleArguments(scale),
      ], partsOf(parameter));
    },

    maskedAdd(target, x, mask) {
      runtime.run("maskedAdd", [
        addressOf(target),
        addressOf(x),
        addressOf(mask),
        sizeOf(target.shape),
      ], partsOf(target));
    },

    sgdStep(parameter, gradient, velocity, out, gradientScale, update) {
      if (isLeftOut(gradientScale)) {
        bytesOf(out).set(bytesOf(parameter));
        if (update.first && velocity !== undefined) bytesOf(velocity).fill(0);
        return;
      }
      runtime.run("sgdStep", [
        addressOf(parameter),
        addressOf(gradient),
        addressOf(velocity),
        addressOf(out),
        sizeOf(parameter.shape),
        Number(update.first),
        Number(update.nesterov),
        ...scaleArguments(gradientScale),
        -update.learningRate,
        update.momentum,
        1 - update.dampening,
        update.weightDecay,
      ], partsOf(parameter));
    },

    adamStep(parameter, gradient, mean, square, out, gradientScale, update) {
      if (isLeftOut(gradientScale)) {
        bytesOf(out).set(bytesOf(parameter));
        return;
      }
      const { learningRate, beta1, beta2, epsilon, weightDecay, step } = update;
      runtime.run("adamStep", [
        addressOf(parameter),
        addressOf(gradient),
        addressOf(mean),
        addressOf(square),
        addressOf(out),
        sizeOf(parameter.shape),
        ...scaleArguments(gradientScale),
        beta1,
        1 - beta1,
        beta2,
        1 - beta2,
        -learningRate / (1 - beta1 ** step),
        1 / Math.sqrt(1 - beta2 ** step),
        epsilon,
        update.decoupled ? 0 : weightDecay,
        update.decoupled ? -learningRate * weightDecay : 0,
      ], partsOf(parameter));
    },

    magnitudeThresholds(parts, counts, exact, out) {
      selectThresholds(runtime, parts, counts, exact, addressOf(out));
    },

    pruneBelow({ x, segment, base }, thresholds, mask) {
      runtime.run("pruneBelow", [
        addressOf(x),
        addressOf(mask),
        sizeOf(x.shape),
        base,
        addressOf(thresholds) + segment * THRESHOLD_BYTES,
      ], partsOf(x));
    },

    pruneNM(x, mask, { rows, columns, n, m }) {
      runtime.run(
        rows % m === 0 ? "pruneNMWhole" : "pruneNMStraddling",
        [addressOf(x), addressOf(mask), rows, columns, n, m],
        partsOf(x, m),
      );
    },
  };
}
