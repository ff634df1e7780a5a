// @ts-nocheck: AssemblyScript, compiled by ../build.ts

/**
 * Writes of some output pixels the input row and column that weight position
 * (0, 0) multiplies, and how many bytes behind the first image that input
 * pixel is: three lists of int32, `listBytes` apart. Up to 12 bytes behind the
 * end of each list become anything.
 */
export function startPixels(
  first: i32,
  count: i32,
  gridHeight: i32,
  gridWidth: i32,
  height: i32,
  width: i32,
  pixel: i32,
  stepY: i32,
  stepX: i32,
  starts: usize,
  listBytes: usize,
): void {
  let gridX = first % gridWidth;
  let gridY = first / gridWidth % gridHeight;
  let image = first / gridWidth / gridHeight;
  const stepBytes = stepX * pixel << 2;
  const lanes = i32x4(0, 1, 2, 3);
  const columnSteps = i32x4.mul(lanes, i32x4.splat(stepX));
  const offsetSteps = i32x4.mul(lanes, i32x4.splat(stepBytes));
  const end = starts + (<usize> count << 2);
  while (starts < end) {
    const left = <i32> (end - starts >> 2);
    const run = min(gridWidth - gridX, left);
    const inY = gridY * stepY;
    let inX = gridX * stepX;
    let offset = ((image * height + inY) * width + inX) * pixel << 2;
    let to = starts;
    for (let i = 0; i < run; i += 4) {
      v128.store(to, i32x4.splat(inY));
      v128.store(to + listBytes, i32x4.add(i32x4.splat(inX), columnSteps));
      v128.store(
        to + 2 * listBytes,
        i32x4.add(i32x4.splat(offset), offsetSteps),
      );
      to += 16;
      inX += 4 * stepX;
      offset += 4 * stepBytes;
    }
    starts += <usize> run << 2;
    gridX = 0;
    if (++gridY == gridHeight) {
      gridY = 0;
      image++;
    }
  }
}
