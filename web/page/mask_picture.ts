/**
 * The weights of a layer as a picture.
 *
 * @module
 */

/** The number of weights in each direction of the picture, blocks and their borders included. */
interface Layout {
  readonly rows: number;
  readonly columns: number;
  /** Where a weight stands, by its axes `[height, width, in, out]`. */
  readonly at: (y: number, x: number, i: number, o: number) => number;
}

/**
 * Draws the weights of a layer: one block for each pair of channels, with one
 * cell for each weight.
 *
 * @param canvas What is drawn on; its size changes.
 * @param values The weights; 0 where they are pruned.
 * @param shape `[height, width, in, out]` or `[in, out]`.
 * @returns How many weights are left.
 */
export function drawWeights(
  canvas: HTMLCanvasElement,
  values: Float32Array,
  shape: readonly number[],
): number {
  const [height, width, inputs, outputs] = shape.length === 4
    ? shape
    : [1, 1, ...shape];
  const { rows, columns, at } = layoutOf(height, width, inputs, outputs);
  canvas.width = columns;
  canvas.height = rows;
  const style = getComputedStyle(document.documentElement);
  const positive = colorOf(style.getPropertyValue("--positive"));
  const negative = colorOf(style.getPropertyValue("--negative"));
  const picture = new ImageData(columns, rows);
  const largest = values.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
  let kept = 0;
  let index = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let i = 0; i < inputs; i++) {
        for (let o = 0; o < outputs; o++) {
          const value = values[index++];
          if (value === 0) continue;
          kept++;
          // Even the smallest that is kept must be seen.
          const opacity = 0.35 + 0.65 * Math.sqrt(Math.abs(value) / largest);
          picture.data.set(
            [...value > 0 ? positive : negative, 255 * opacity],
            4 * at(y, x, i, o),
          );
        }
      }
    }
  }
  canvas.getContext("2d")!.putImageData(picture, 0, 0);
  return kept;
}

function layoutOf(
  height: number,
  width: number,
  inputs: number,
  outputs: number,
): Layout {
  // An empty line lies between blocks of several weights.
  const [gapY, gapX] = [height, width].map((size) => size > 1 ? 1 : 0);
  const columns = outputs * (width + gapX) - gapX;
  return {
    rows: inputs * (height + gapY) - gapY,
    columns,
    at: (y, x, i, o) =>
      (i * (height + gapY) + y) * columns + o * (width + gapX) + x,
  };
}

/** Red, green and blue of `#rrggbb`. */
function colorOf(text: string): number[] {
  return [1, 3, 5].map((at) => parseInt(text.trim().slice(at, at + 2), 16));
}
