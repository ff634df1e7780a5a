import { assert, assertEquals } from "@std/assert";
import { packKernels, unpackKernels } from "./_kernel_archive.ts";

/** Bytes without a pattern, which gzip cannot make shorter. */
function noise(length: number): Uint8Array<ArrayBuffer> {
  let state = 1;
  return Uint8Array.from({ length }, () => {
    state = Math.imul(state, 1_664_525) + 1_013_904_223 | 0;
    return state >>> 24;
  });
}

Deno.test("unpacking gives back both binaries, whatever their lengths", async () => {
  for (const [first, second] of [[0, 0], [1, 20_000], [30_000, 8192]]) {
    const pair = [noise(first), noise(second).fill(7, 0, 3)] as const;
    assertEquals(await unpackKernels(await packKernels(...pair)), [...pair]);
  }
});

Deno.test("two binaries that are alike take little more than one", async () => {
  const first = noise(100_000);
  const second = Uint8Array.from([1, 2, 3, ...first]);
  const text = await packKernels(first, second);
  assert(text.length < 1.05 * (first.length * 4 / 3), `${text.length}`);
});
