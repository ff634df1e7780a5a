import { assertEquals } from "@std/assert";
import type { Shape } from "@cram/tensor";
import { layOut } from "./_arena_layout.ts";

function entries(...shapes: Shape[]) {
  return shapes.map((shape) => ({
    shape,
    group: 0,
    prunable: shape.length >= 2,
  }));
}

Deno.test("layOut() puts prunable parameters first, without gaps, whole vectors before others", () => {
  const { places, lengths, ranges } = layOut(
    entries([3], [3, 3], [2, 4], [], [4]),
    1e6,
  );
  assertEquals(lengths, [25]);
  assertEquals(places.map(({ offset }) => offset), [21, 8, 0, 24, 17]);
  assertEquals(ranges, [{ chunk: 0, offset: 0, length: 25, group: 0 }]);
});

Deno.test("layOut() begins a chunk when a binding is full", () => {
  const { places, lengths } = layOut(
    entries([100], [100], [100], [300], [20]),
    256,
  );
  assertEquals(lengths, [200, 100, 300, 20]);
  assertEquals(
    places.map(({ chunk, offset }) => [chunk, offset]),
    [[0, 0], [0, 100], [1, 0], [2, 0], [3, 0]],
  );
});

Deno.test("layOut() keeps groups together, in ranges of their own", () => {
  const [a, b, c, d] = entries([2, 2], [2, 4], [4], [8]);
  const { places, ranges } = layOut(
    [{ ...a, group: 1 }, b, { ...c, group: 1 }, d],
    1e6,
  );
  assertEquals(places.map(({ offset }) => offset), [8, 0, 20, 12]);
  assertEquals(ranges, [
    { chunk: 0, offset: 0, length: 8, group: 0 },
    { chunk: 0, offset: 8, length: 4, group: 1 },
    { chunk: 0, offset: 12, length: 8, group: 0 },
    { chunk: 0, offset: 20, length: 4, group: 1 },
  ]);
});
