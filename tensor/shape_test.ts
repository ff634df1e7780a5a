import { assert, assertEquals, assertThrows } from "@std/assert";
import { ArgumentError, ShapeError } from "./errors.ts";
import {
  broadcastShapes,
  broadcastsTo,
  checkShape,
  formatShape,
  normalizeAxes,
  normalizeAxis,
  sameShape,
  sizeOf,
  stridesOf,
} from "./shape.ts";

Deno.test("checkShape() takes scalars and empty shapes, and refuses the rest", () => {
  for (const shape of [[], [0], [2, 0, 3], [2 ** 53 - 1], Array(8).fill(1)]) {
    checkShape(shape);
  }
  for (
    const [shape, message] of [
      [[NaN], "Cannot use shape [NaN]: sizes must be whole numbers"],
      [[-1], "Cannot use shape [-1]"],
      [[0.5], "Cannot use shape [0.5]"],
      [[2 ** 53], "Cannot use shape [9007199254740992]"],
      [[2 ** 30, 2 ** 30], "more than 2^53 - 1 elements"],
      [Array(9).fill(1), "it has 9 axes, at most 8 are supported"],
    ] as const
  ) {
    assertThrows(() => checkShape(shape), ShapeError, message);
  }
});

Deno.test("sizeOf(), stridesOf() and formatShape() read a shape in row-major order", () => {
  assertEquals([sizeOf([]), sizeOf([2, 3]), sizeOf([2, 0])], [1, 6, 0]);
  assertEquals(stridesOf([2, 3, 4]), [12, 4, 1]);
  assertEquals(stridesOf([]), []);
  assertEquals(formatShape([2, 3]), "[2, 3]");
});

Deno.test("sameShape() compares numbers and sizes of axes", () => {
  assert(sameShape([2, 3], [2, 3]));
  assert(!sameShape([2, 3], [2, 3, 1]));
  assert(!sameShape([2, 3], [3, 2]));
});

Deno.test("broadcastShapes() aligns last axes, and stretches 1 to 0 too", () => {
  assertEquals(broadcastShapes([3, 1], [2, 1, 4]), [2, 3, 4]);
  assertEquals(broadcastShapes([1], [0]), [0]);
  assertEquals(broadcastShapes([], [2]), [2]);
  assertEquals(broadcastShapes(), []);
  assertThrows(
    () => broadcastShapes([2, 1], [3], [4]),
    ShapeError,
    "Cannot broadcast shapes [2, 1] and [3] and [4]: sizes 3 and 4 of axis 1 differ",
  );
});

Deno.test("broadcastsTo() stretches in one direction only", () => {
  assert(broadcastsTo([1, 3], [2, 2, 3]));
  assert(broadcastsTo([], [2]));
  assert(!broadcastsTo([2], [1]));
  assert(!broadcastsTo([1, 2], [2]));
});

Deno.test("normalizeAxis() counts negative axes from the last", () => {
  assertEquals([normalizeAxis(0, 2), normalizeAxis(-2, 2)], [0, 0]);
  for (const axis of [2, -3, 0.5, NaN]) {
    assertThrows(
      () => normalizeAxis(axis, 2),
      ArgumentError,
      `Cannot use axis ${axis} of a tensor with 2 axes`,
    );
  }
});

Deno.test("normalizeAxes() sorts, and takes none or all", () => {
  assertEquals(normalizeAxes([-1, 0], 3), [0, 2]);
  assertEquals(normalizeAxes(undefined, 2), [0, 1]);
  assertEquals(normalizeAxes([], 2), []);
  assertEquals(normalizeAxes(-1, 2), [1]);
  assertThrows(
    () => normalizeAxes([1, -1], 2),
    ArgumentError,
    "Cannot use axis 1 twice in [1,-1]",
  );
});
