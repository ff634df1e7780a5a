/** Two-dimensional convolution and its gradients. */

import type { ConvGeometry } from "../backend.ts";
import { elementsOf, type ReferenceView } from "./buffer.ts";

export function conv2d(
  x: ReferenceView,
  weight: ReferenceView,
  bias: ReferenceView | undefined,
  out: ReferenceView,
  geometry: ConvGeometry,
): void {
  const input = elementsOf(x);
  const weights = elementsOf(weight);
  const shift = bias && elementsOf(bias);
  const sums = new Float64Array(sizeOfOutput(geometry));
  forEachProduct(geometry, (i, w, o) => sums[o] += input[i] * weights[w]);
  const target = elementsOf(out);
  for (let o = 0; o < sums.length; o++) {
    target[o] = shift ? sums[o] + shift[o % geometry.outChannels] : sums[o];
  }
}

export function conv2dBackwardInput(
  dy: ReferenceView,
  weight: ReferenceView,
  dx: ReferenceView,
  geometry: ConvGeometry,
): void {
  const gradient = elementsOf(dy);
  const weights = elementsOf(weight);
  const target = elementsOf(dx);
  const sums = new Float64Array(target.length);
  forEachProduct(geometry, (i, w, o) => sums[i] += gradient[o] * weights[w]);
  target.set(sums);
}

export function conv2dBackwardWeight(
  x: ReferenceView,
  dy: ReferenceView,
  dWeight: ReferenceView,
  geometry: ConvGeometry,
): void {
  const input = elementsOf(x);
  const gradient = elementsOf(dy);
  const target = elementsOf(dWeight);
  const sums = new Float64Array(target.length);
  forEachProduct(geometry, (i, w, o) => sums[w] += gradient[o] * input[i]);
  target.set(sums);
}

function sizeOfOutput(geometry: ConvGeometry): number {
  const { batch, outHeight, outWidth, outChannels } = geometry;
  return batch * outHeight * outWidth * outChannels;
}

/**
 * Visits every product that a convolution sums up, `out[o] += x[i] · w[w]`,
 * with the indices of its three elements. Both gradients sum up the same ones.
 */
function forEachProduct(
  geometry: ConvGeometry,
  visit: (input: number, weight: number, output: number) => void,
): void {
  const { batch, height, width, channels, groups, outChannels } = geometry;
  const { kernelHeight, kernelWidth, outHeight, outWidth } = geometry;
  const groupChannels = channels / groups;
  const groupOutChannels = outChannels / groups;
  for (let n = 0; n < batch; n++) {
    for (let oy = 0; oy < outHeight; oy++) {
      for (let ox = 0; ox < outWidth; ox++) {
        for (let ky = 0; ky < kernelHeight; ky++) {
          const y = oy * geometry.strideHeight - geometry.padTop +
            ky * geometry.dilationHeight;
          if (y < 0 || y >= height) continue;
          for (let kx = 0; kx < kernelWidth; kx++) {
            const x = ox * geometry.strideWidth - geometry.padLeft +
              kx * geometry.dilationWidth;
            if (x < 0 || x >= width) continue;
            for (let o = 0; o < outChannels; o++) {
              const group = Math.floor(o / groupOutChannels);
              for (let c = 0; c < groupChannels; c++) {
                visit(
                  ((n * height + y) * width + x) * channels +
                    group * groupChannels + c,
                  ((ky * kernelWidth + kx) * groupChannels + c) * outChannels +
                    o,
                  ((n * outHeight + oy) * outWidth + ox) * outChannels + o,
                );
              }
            }
          }
        }
      }
    }
  }
}
