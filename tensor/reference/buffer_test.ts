import { assert, assertEquals, assertThrows } from "@std/assert";
import { dtypeInfo, DTYPES } from "../dtype.ts";
import { DisposedError, OutOfMemoryError } from "../errors.ts";
import { elementsOf, ReferenceBuffer } from "./buffer.ts";
import { createReferenceBackend } from "./mod.ts";

Deno.test("ReferenceBuffer shows who relies on zeros", () => {
  const buffer = new ReferenceBuffer(8);
  const view = { buffer, byteOffset: 0, shape: [1], dtype: "float64" } as const;
  assert(Number.isNaN(elementsOf(view)[0]));
});

Deno.test("ReferenceBuffer throws when it is used after it was freed", () => {
  const buffer = new ReferenceBuffer(12);
  buffer.free();
  assertThrows(() => buffer.memory, DisposedError, "12 bytes");
});

Deno.test("ReferenceBuffer throws when the platform refuses", () => {
  assertThrows(
    () => new ReferenceBuffer(2 ** 52),
    OutOfMemoryError,
    `${2 ** 52} bytes`,
  );
});

Deno.test("elementsOf() sees the range of a view in its dtype", () => {
  const buffer = new ReferenceBuffer(64);
  for (const dtype of DTYPES) {
    const elements = elementsOf({
      buffer,
      byteOffset: 8,
      shape: [2, 3],
      dtype,
    });
    assertEquals(elements.length, 6);
    assertEquals(elements.byteOffset, 8);
    assertEquals(elements.BYTES_PER_ELEMENT, dtypeInfo(dtype).byteSize);
  }
});

Deno.test("ReferenceBackend.read() and write() copy", async () => {
  const backend = createReferenceBackend();
  const buffer = backend.allocate(8);
  const bytes = Uint8Array.of(1, 2, 3, 4);
  backend.write(buffer, 4, bytes);
  bytes.fill(9);
  const read = await backend.read(buffer, 4, 4);
  backend.write(buffer, 4, bytes);
  assertEquals([...read], [1, 2, 3, 4]);
});

Deno.test("ReferenceBackend.free() and close() drop memory", () => {
  const backend = createReferenceBackend();
  const [a, b] = [backend.allocate(4), backend.allocate(4)];
  backend.free(a);
  assertThrows(() => a.memory, DisposedError);
  assertEquals(b.memory.byteLength, 4);
  backend.close();
  assertThrows(() => b.memory, DisposedError);
});
