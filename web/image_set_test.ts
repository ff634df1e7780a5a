import { assertEquals, assertRejects } from "@std/assert";
import { SafetensorsError } from "@cram/tensor/safetensors";
import { encodeImageSet, parseImageSet, shrink } from "./image_set.ts";
import { shapes } from "./testdata/shapes.ts";

Deno.test("an image set comes back from its file", async () => {
  const set = shapes(6, 3);
  const bytes = await encodeImageSet(set);
  assertEquals(await parseImageSet(bytes), set);
  await assertRejects(
    () => parseImageSet(bytes.subarray(0, 100)),
    SafetensorsError,
  );
});

Deno.test("shrink() takes the mean of the pixels that become one", () => {
  // Two images of 2 × 2 pixels: what changes is one channel of each.
  const pixels = Uint8Array.from([
    ...[8, 0, 0, 12, 0, 0],
    ...[16, 0, 0, 4, 0, 0],
    ...[0, 0, 1, 0, 0, 2],
    ...[0, 0, 3, 0, 0, 4],
  ]);
  assertEquals([...shrink(pixels, 2, 1)], [10, 0, 0, 0, 0, 3]);
  assertEquals(shrink(pixels, 2, 2), pixels);
});
