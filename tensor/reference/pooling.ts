/** Two-dimensional pooling and its gradients. */

import type { PoolGeometry } from "../backend.ts";
import { elementsOf, type ReferenceView } from "./buffer.ts";

export function maxPool2d(
  x: ReferenceView,
  out: ReferenceView,
  indices: ReferenceView,
  geometry: PoolGeometry,
): void {
  const { width, channels } = geometry;
  const input = elementsOf(x);
  const target = elementsOf(out);
  const winners = elementsOf(indices);
  forEachWindow(geometry, (output, image, channel, positions) => {
    let best = -Infinity;
    let winner = -1;
    for (const [row, column] of positions) {
      const position = row * width + column;
      const value = input[image + position * channels + channel];
      if (
        winner < 0 || value > best ||
        (Number.isNaN(value) && !Number.isNaN(best))
      ) {
        best = value;
        winner = position;
      }
    }
    target[output] = best;
    winners[output] = winner;
  });
}

export function maxPool2dBackward(
  dy: ReferenceView,
  indices: ReferenceView,
  dx: ReferenceView,
  geometry: PoolGeometry,
): void {
  const gradient = elementsOf(dy);
  const winners = elementsOf(indices);
  const target = elementsOf(dx);
  const sums = new Float64Array(target.length);
  forEachWindow(geometry, (output, image, channel) => {
    const winner = winners[output];
    if (winner < 0) return;
    sums[image + winner * geometry.channels + channel] += gradient[output];
  });
  target.set(sums);
}

export function averagePool2d(
  x: ReferenceView,
  out: ReferenceView,
  geometry: PoolGeometry,
): void {
  const { width, channels } = geometry;
  const input = elementsOf(x);
  const target = elementsOf(out);
  forEachWindow(geometry, (output, image, channel, positions) => {
    let sum = 0;
    for (const [row, column] of positions) {
      sum += input[image + (row * width + column) * channels + channel];
    }
    target[output] = sum / divisor(geometry, positions);
  });
}

export function averagePool2dBackward(
  dy: ReferenceView,
  dx: ReferenceView,
  geometry: PoolGeometry,
): void {
  const { width, channels } = geometry;
  const gradient = elementsOf(dy);
  const target = elementsOf(dx);
  const sums = new Float64Array(target.length);
  forEachWindow(geometry, (output, image, channel, positions) => {
    const share = gradient[output] / divisor(geometry, positions);
    for (const [row, column] of positions) {
      sums[image + (row * width + column) * channels + channel] += share;
    }
  });
  target.set(sums);
}

type Position = readonly [row: number, column: number];

function divisor(
  geometry: PoolGeometry,
  positions: readonly Position[],
): number {
  return geometry.countIncludePad
    ? geometry.kernelHeight * geometry.kernelWidth
    : positions.length;
}

/** Visits every window: the index of its result, where its image begins, its channel, and its positions inside of the image. */
function forEachWindow(
  geometry: PoolGeometry,
  visit: (
    output: number,
    image: number,
    channel: number,
    positions: readonly Position[],
  ) => void,
): void {
  const { batch, height, width, channels, outHeight, outWidth } = geometry;
  for (let n = 0; n < batch; n++) {
    for (let oy = 0; oy < outHeight; oy++) {
      for (let ox = 0; ox < outWidth; ox++) {
        const positions = positionsOf(geometry, oy, ox);
        for (let c = 0; c < channels; c++) {
          const output = ((n * outHeight + oy) * outWidth + ox) * channels + c;
          visit(output, n * height * width * channels, c, positions);
        }
      }
    }
  }
}

function positionsOf(
  geometry: PoolGeometry,
  outRow: number,
  outColumn: number,
): Position[] {
  const top = outRow * geometry.strideHeight - geometry.padTop;
  const left = outColumn * geometry.strideWidth - geometry.padLeft;
  const positions: Position[] = [];
  for (let row = top; row < top + geometry.kernelHeight; row++) {
    if (row < 0 || row >= geometry.height) continue;
    for (let column = left; column < left + geometry.kernelWidth; column++) {
      if (column < 0 || column >= geometry.width) continue;
      positions.push([row, column]);
    }
  }
  return positions;
}
