import { assertEquals } from "@std/assert";
import { layOut } from "./_arena_layout.ts";

Deno.test("layOut() puts matrices before vectors, each at a multiple of 256 bytes", () => {
  const { places, lengths } = layOut([[3], [2, 40], [], [1, 1, 1, 65]], 4, 1e6);
  assertEquals(lengths, [384]);
  assertEquals(places.map(({ offset }) => offset), [256, 0, 320, 128]);
  assertEquals(layOut([[3], [3]], 8, 1e6).lengths, [64]);
});

Deno.test("layOut() begins a chunk when a binding is full", () => {
  const shapes = [[100], [100], [100], [300], [20]];
  const { places, lengths } = layOut(shapes, 4, 1024);
  assertEquals(lengths, [256, 128, 320, 64]);
  assertEquals(
    places.map(({ chunk, offset }) => [chunk, offset]),
    [[0, 0], [0, 128], [1, 0], [2, 0], [3, 0]],
  );
});
