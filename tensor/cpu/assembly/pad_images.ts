// @ts-nocheck: AssemblyScript, compiled by ../build.ts
import { address, int, slice } from "./_kernel.ts";

/**
 * (x, out, images, height, width, pixel, padTop, padLeft, outHeight,
 * outWidth): images with a border of zeros, or without their last rows and
 * columns. Sizes in pixels of `pixel` elements.
 */
export function padImages(params: usize, part: i32, parts: i32): void {
  const height = int(params, 3);
  const width = int(params, 4);
  const pixelBytes = <usize> int(params, 5) << 2;
  const padTop = int(params, 6);
  const padLeft = int(params, 7);
  const outHeight = int(params, 8);
  const outWidth = int(params, 9);
  const before = <usize> min(padLeft, outWidth) * pixelBytes;
  const used = <usize> max(0, min(width, outWidth - padLeft)) * pixelBytes;
  const outBytes = <usize> outWidth * pixelBytes;
  const lines = int(params, 2) * outHeight;
  const end = slice(lines, part + 1, parts);
  for (let line = slice(lines, part, parts); line < end; line++) {
    const to = address(params, 1) + <usize> line * outBytes;
    const row = line % outHeight - padTop;
    if (<u32> row >= <u32> height) {
      memory.fill(to, 0, outBytes);
      continue;
    }
    const from = address(params, 0) +
      <usize> ((line / outHeight * height + row) * width) * pixelBytes;
    memory.fill(to, 0, before);
    memory.copy(to + before, from, used);
    memory.fill(to + before + used, 0, outBytes - before - used);
  }
}
