/**
 * Convolutions: forward, and both gradients.
 *
 * @module
 */

import { conv2d } from "@cram/tensor";
import {
  conv2dBackwardInput,
  conv2dBackwardWeight,
} from "@cram/tensor/backward";
import type { ConvGeometry } from "@cram/tensor/backend";
import type { Benchmark } from "./_benchmark.ts";
import { uniformTensor } from "./_uniform_tensor.ts";
import type { Conv2dWork } from "./works.ts";

/** How this project does it. */
export function conv2dBenchmark(work: Conv2dWork): Benchmark {
  const { name, flops, direction, batch, size, channels, outChannels } = work;
  const { kernel, stride, padding, outSize } = work;
  const geometry: ConvGeometry = {
    batch,
    height: size,
    width: size,
    channels,
    kernelHeight: kernel,
    kernelWidth: kernel,
    outHeight: outSize,
    outWidth: outSize,
    outChannels,
    strideHeight: stride,
    strideWidth: stride,
    padTop: padding,
    padLeft: padding,
    dilationHeight: 1,
    dilationWidth: 1,
    groups: 1,
  };
  return {
    name,
    flops,
    prepare(device) {
      const x = () => uniformTensor(device, 1, [batch, size, size, channels]);
      const weight = () =>
        uniformTensor(device, 2, [kernel, kernel, channels, outChannels]);
      const dy = () =>
        uniformTensor(device, 3, [batch, outSize, outSize, outChannels]);
      switch (direction) {
        case "forward": {
          const inputs = [x(), weight()] as const;
          return () => conv2d(...inputs, { stride, padding });
        }
        case "backward-input": {
          const inputs = [dy(), weight()] as const;
          return () => conv2dBackwardInput(...inputs, geometry);
        }
        case "backward-weight": {
          const inputs = [x(), dy()] as const;
          return () => conv2dBackwardWeight(...inputs, geometry);
        }
      }
    },
  };
}
