import { assertEquals } from "@std/assert";
import { broadcastLayout, mergeAxes } from "./_broadcast.ts";

Deno.test("broadcastLayout() makes one axis of equal shapes", () => {
  assertEquals(broadcastLayout([2, 3, 4], [[2, 3, 4], [2, 3, 4]]), {
    shape: [24],
    strides: [[1], [1]],
  });
  assertEquals(broadcastLayout([2, 3], [[2, 3], undefined]), {
    shape: [6],
    strides: [[1], [0]],
  });
});

Deno.test("broadcastLayout() merges the axes that an operand is stretched along alike", () => {
  assertEquals(broadcastLayout([2, 3, 4, 5], [[2, 3, 4, 5], [4, 5]]), {
    shape: [6, 20],
    strides: [[20, 1], [0, 1]],
  });
  assertEquals(broadcastLayout([2, 3, 4], [[2, 1, 1], [3, 4]]), {
    shape: [2, 12],
    strides: [[1, 0], [0, 1]],
  });
  assertEquals(broadcastLayout([2, 3, 2], [[2, 1, 2], [2, 3, 2]]), {
    shape: [2, 3, 2],
    strides: [[2, 0, 1], [6, 2, 1]],
  });
});

Deno.test("broadcastLayout() leaves out axes of size 1", () => {
  assertEquals(broadcastLayout([2, 1, 3], [[2, 1, 3], [1, 3]]), {
    shape: [2, 3],
    strides: [[3, 1], [0, 1]],
  });
});

Deno.test("broadcastLayout() has one axis when there is one element", () => {
  for (const shape of [[], [1], [1, 1]]) {
    assertEquals(broadcastLayout(shape, [shape, [], undefined]), {
      shape: [1],
      strides: [[1], [1], [0]],
    });
  }
});

Deno.test("mergeAxes() merges only where all strides go on evenly", () => {
  assertEquals(mergeAxes([2, 3, 4], [[12, 4, 1], [1, 8, 2]]), {
    shape: [2, 12],
    strides: [[12, 1], [1, 2]],
  });
  assertEquals(mergeAxes([], [[], []]), { shape: [1], strides: [[0], [0]] });
});
