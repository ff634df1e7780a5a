import { assertEquals, assertThrows } from "@std/assert";
import { type DType, dtypeInfo, DTYPES, hostArray } from "./dtype.ts";
import { DTypeError } from "./errors.ts";

Deno.test("hostArray() has the bytes that dtypeInfo() tells of", () => {
  for (const dtype of DTYPES) {
    const array = hostArray(dtype, 3);
    assertEquals(array.byteLength, 3 * dtypeInfo(dtype).hostByteSize);
    assertEquals([...array], [0, 0, 0]);
  }
});

Deno.test("dtypeInfo() counts whole words for all dtypes that operations compute with, but float16", () => {
  for (const dtype of DTYPES) {
    const { kind, byteSize } = dtypeInfo(dtype);
    assertEquals(kind === "storage", byteSize < 4 && dtype !== "float16");
  }
});

Deno.test("dtypeInfo() and hostArray() throw when there is no such dtype", () => {
  for (const dtype of ["float8", "toString", undefined] as unknown as DType[]) {
    for (const f of [dtypeInfo, (d: DType) => hostArray(d, 1)]) {
      assertThrows(
        () => f(dtype),
        DTypeError,
        `Unknown dtype "${dtype}": expected one of float32, float64`,
      );
    }
  }
});
