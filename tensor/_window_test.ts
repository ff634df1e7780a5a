import { assertEquals, assertThrows } from "@std/assert";
import { ArgumentError, ShapeError } from "./errors.ts";
import { type Padding, pairOf, slideWindows } from "./_window.ts";

/** Windows along rows; along columns there is one pixel and one window. */
function rows(
  input: number,
  kernel: number,
  stride: number,
  dilation: number,
  padding: Padding,
) {
  return slideWindows(
    "test",
    [input, 1],
    [kernel, 1],
    [stride, 1],
    [dilation, 1],
    padding,
  )[0];
}

Deno.test("slideWindows() counts windows as PyTorch does", () => {
  assertEquals(rows(7, 3, 2, 1, 0), { out: 3, before: 0, after: 0 });
  assertEquals(rows(8, 3, 2, 1, [1, 0]), { out: 4, before: 1, after: 1 });
  assertEquals(rows(8, 3, 2, 1, "valid"), { out: 3, before: 0, after: 0 });
  assertEquals(rows(9, 3, 1, 4, 0), { out: 1, before: 0, after: 0 });
  assertEquals(rows(4, 2, 1, 1, [[0, 1], [0, 0]]), {
    out: 4,
    before: 0,
    after: 1,
  });
});

Deno.test('slideWindows() gives ⌈input / stride⌉ windows when the padding is "same"', () => {
  assertEquals(rows(5, 3, 1, 1, "same"), { out: 5, before: 1, after: 1 });
  assertEquals(rows(5, 2, 1, 1, "same"), { out: 5, before: 0, after: 1 });
  assertEquals(rows(8, 3, 2, 1, "same"), { out: 4, before: 0, after: 1 });
  assertEquals(rows(5, 1, 2, 1, "same"), { out: 3, before: 0, after: 0 });
  assertEquals(rows(5, 3, 1, 2, "same"), { out: 5, before: 2, after: 2 });
});

Deno.test("slideWindows() throws when the window is larger than the padded input", () => {
  assertThrows(
    () => rows(2, 5, 1, 1, 1),
    ShapeError,
    'Cannot run "test" on height 2 with padding 1 and 1: the window needs 5',
  );
});

Deno.test("slideWindows() throws when the padding is none", () => {
  for (
    const padding of [-1, 0.5, NaN, "full", [1], [1, 2, 3], [[1], [2]], {}]
  ) {
    assertThrows(
      () => rows(4, 2, 1, 1, padding as Padding),
      ArgumentError,
      "padding",
    );
  }
});

Deno.test("pairOf() gives two numbers of one, and throws when one is too small", () => {
  assertEquals(pairOf("test", "stride", 2, 1), [2, 2]);
  assertEquals(pairOf("test", "stride", [1, 2], 1), [1, 2]);
  assertThrows(
    () => pairOf("test", "stride", [1, 0], 1),
    ArgumentError,
    'Cannot run "test" with stride [1,0]: expected whole numbers of at least 1',
  );
});
