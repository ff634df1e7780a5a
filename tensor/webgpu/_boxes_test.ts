import { assert, assertEquals } from "@std/assert";
import { sizeOf } from "../shape.ts";
import { type Box, boxOf, forBoxes } from "./_boxes.ts";
import { Block, GpuBuffer } from "./_buffer.ts";

const LIMITS = { maxBindingBytes: 512, alignment: 32 };
const MAX_ELEMENTS = 120;

function boxesOf(shape: number[], strides: number[][]): Box[] {
  const boxes: Box[] = [];
  forBoxes(shape, strides, LIMITS, (box) => boxes.push(box));
  return boxes;
}

/** Every element that boxes touch in one operand. */
function touched(
  boxes: readonly Box[],
  operand: number,
  strides: number[],
): number[] {
  return boxes.flatMap(({ shape, offsets }) => {
    let elements = [offsets[operand]];
    for (const [axis, size] of shape.entries()) {
      elements = elements.flatMap((at) =>
        Array.from({ length: size }, (_, i) => at + i * strides[axis])
      );
    }
    return elements;
  });
}

Deno.test("forBoxes() leaves alone what fits", () => {
  assertEquals(boxesOf([10, 12], [[12, 1]]), [
    { shape: [10, 12], offsets: [0] },
  ]);
});

Deno.test("forBoxes() covers everything once, in contiguous order", () => {
  const strides = [70, 1];
  const boxes = boxesOf([33, 70], [strides]);
  assertEquals(
    touched(boxes, 0, strides),
    Array.from({ length: 33 * 70 }, (_, i) => i),
  );
});

Deno.test("forBoxes() keeps every operand within a binding", () => {
  const strides = [[64, 1], [1, 40], [0, -3]];
  const boxes = boxesOf([40, 64], strides);
  for (const [operand, own] of strides.entries()) {
    for (const box of boxes) {
      const elements = touched([box], operand, own);
      const reach = Math.max(...elements) - Math.min(...elements) + 1;
      assert(reach <= MAX_ELEMENTS);
    }
  }
  assertEquals(
    new Set(touched(boxes, 1, strides[1])).size,
    sizeOf([40, 64]),
  );
});

Deno.test("boxOf() begins at the least element where strides are negative", () => {
  const block = new Block({ size: 4096 } as GPUBuffer);
  const buffer = new GpuBuffer(4096, block);
  const view = {
    buffer,
    byteOffset: 8,
    shape: [1000],
    dtype: "float32",
  } as const;
  const { view: part, first } = boxOf(view, 100, [5, 3], [-10, 2]);
  assertEquals(first, 40);
  assertEquals(part.byteOffset, 8 + 4 * 60);
  assertEquals(part.shape, [45]);
});
