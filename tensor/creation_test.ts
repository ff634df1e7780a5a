import { assertEquals, assertThrows } from "@std/assert";
import {
  arange,
  eye,
  full,
  fullLike,
  ones,
  onesLike,
  tensor,
  zeros,
  zerosLike,
} from "./creation.ts";
import { Device } from "./device.ts";
import { DTYPES } from "./dtype.ts";
import {
  ArgumentError,
  BufferTooLargeError,
  DisposedError,
  DTypeError,
  ShapeError,
} from "./errors.ts";
import { openTested, REFERENCE } from "../tests/devices.ts";
import { assertRefused } from "../tests/refused.ts";

const [reference] = await openTested(REFERENCE);

reference.test("tensor() infers the shape of nested arrays", async (device) => {
  using _scope = device.scope();
  assertEquals(tensor(device, 5).shape, []);
  assertEquals(tensor(device, []).shape, [0]);
  assertEquals(tensor(device, [[], []]).shape, [2, 0]);
  const x = tensor(device, [[[1], [2]], [[3], [4]], [[5], [6]]]);
  assertEquals(x.shape, [3, 2, 1]);
  assertEquals(await x.data(), Float32Array.of(1, 2, 3, 4, 5, 6));
});

reference.test("tensor() chooses the dtype by the values", (device) => {
  using _scope = device.scope();
  assertEquals(tensor(device, [1]).dtype, "float32");
  assertEquals(tensor(device, [true]).dtype, "bool");
  assertEquals(tensor(device, []).dtype, "float32");
  assertEquals(tensor(device, new Float64Array(1)).dtype, "float64");
  assertEquals(tensor(device, new Int32Array(1)).dtype, "int32");
  assertEquals(tensor(device, new Uint32Array(1)).dtype, "uint32");
  assertEquals(tensor(device, new Uint8Array(1)).dtype, "uint8");
});

reference.test("tensor() converts numbers to each dtype", async (device) => {
  using _scope = device.scope();
  for (
    const [dtype, expected] of [
      ["float64", Float64Array.of(0, 1)],
      ["int32", Int32Array.of(0, 1)],
      ["uint32", Uint32Array.of(0, 1)],
      ["bool", Uint8Array.of(0, 1)],
      ["uint8", Uint8Array.of(0, 1)],
      ["float16", Uint16Array.of(0, 0x3c00)],
      ["bfloat16", Uint16Array.of(0, 0x3f80)],
    ] as const
  ) {
    for (const values of [[0, 1], [false, true], Float32Array.of(0, 1)]) {
      const x = tensor(device, values, { dtype });
      assertEquals([x.dtype, await x.data()], [dtype, expected]);
    }
  }
});

reference.test("tensor() takes bit patterns of 16-bit floats as they are", async (device) => {
  using x = tensor(device, Uint16Array.of(0x3c00), { dtype: "bfloat16" });
  assertEquals(await x.data(), Uint16Array.of(0x3c00));
});

reference.test("tensor() gives values another shape", (device) => {
  using x = tensor(device, [1, 2, 3, 4, 5, 6], { shape: [2, 3] });
  assertEquals(x.shape, [2, 3]);
});

reference.test("tensor() takes a part of a larger buffer", async (device) => {
  using x = tensor(device, Float32Array.of(1, 2, 3).subarray(1));
  assertEquals([...await x.data()], [2, 3]);
});

reference.test("tensor() throws when arrays are ragged", (device) => {
  for (
    const values of [
      [[1, 2], [3]],
      [[1], 2],
      [1, [2]],
      [[[1]], [[2, 3]]],
      [[], [1]],
    ]
  ) {
    assertRefused(device, () => tensor(device, values), ShapeError, "ragged");
  }
});

reference.test("tensor() throws when values do not fill the shape", (device) => {
  assertRefused(
    device,
    () => tensor(device, [1, 2, 3], { shape: [2, 2] }),
    ShapeError,
    "Cannot make a tensor of shape [2, 2] from 3 values: it has 4 elements",
  );
  assertRefused(
    device,
    () => tensor(device, [1], { shape: [NaN] }),
    ShapeError,
    "Cannot use shape [NaN]",
  );
});

reference.test("tensor() throws when it does not know what a typed array means", (device) => {
  for (const dtype of [undefined, "float32"] as const) {
    assertRefused(
      device,
      () => tensor(device, new Uint16Array(1), { dtype }),
      DTypeError,
      `with dtype "${dtype}"`,
    );
  }
  assertRefused(
    device,
    () => tensor(device, new Int8Array(1) as unknown as Uint8Array),
    DTypeError,
    "expected a Float32Array",
  );
});

reference.test("tensor() throws when there is no such dtype", (device) => {
  assertRefused(
    device,
    () => tensor(device, [1], { dtype: "float8" as "float32" }),
    DTypeError,
    'Unknown dtype "float8"',
  );
});

reference.test("tensor() throws when a whole dtype cannot hold a value", (device) => {
  for (
    const [dtype, value] of [
      ["int32", 1.5],
      ["int32", 2 ** 31],
      ["uint32", -1],
      ["uint8", 256],
      ["bool", 2],
      ["int32", NaN],
    ] as const
  ) {
    assertRefused(
      device,
      () => tensor(device, [0, value], { dtype }),
      ArgumentError,
      `with ${value} as ${dtype}`,
    );
    assertRefused(
      device,
      () => full(device, [2], value, { dtype }),
      ArgumentError,
      `with ${value} as ${dtype}`,
    );
  }
});

reference.test("full(), zeros() and ones() fill every dtype", async (device) => {
  using _scope = device.scope();
  for (const dtype of DTYPES) {
    const expected = tensor(device, [[1, 1, 1]], { dtype });
    const x = ones(device, [1, 3], { dtype });
    assertEquals([x.shape, x.dtype], [[1, 3], dtype]);
    assertEquals(await x.data(), await expected.data());
    const zero = zeros(device, [3], { dtype });
    assertEquals([...await zero.data()], [0, 0, 0]);
  }
});

reference.test("fullLike() takes shape, dtype and device of a tensor", async (device) => {
  using _scope = device.scope();
  const x = tensor(device, [[1, 2]], { dtype: "int32" });
  assertEquals(await fullLike(x, 7).data(), Int32Array.of(7, 7));
  assertEquals(await zerosLike(x).data(), Int32Array.of(0, 0));
  const y = onesLike(x, { dtype: "float64" });
  assertEquals(await y.data(), Float64Array.of(1, 1));
  assertEquals(y.shape, [1, 2]);
});

reference.test("fullLike() throws when the tensor was disposed of", (device) => {
  const x = ones(device, [1]);
  x.dispose();
  assertRefused(device, () => zerosLike(x), DisposedError, "Cannot use");
});

reference.test("arange() counts up and down", async (device) => {
  using _scope = device.scope();
  assertEquals([...await arange(device, 3).data()], [0, 1, 2]);
  const down = arange(device, -2, { start: 2, step: -1.5 });
  assertEquals([...await down.data()], [2, 0.5, -1]);
  assertEquals(arange(device, -1).shape, [0]);
});

reference.test("arange() throws when numbers are not finite, whole, or too many", (device) => {
  for (
    const [stop, options] of [
      [NaN, {}],
      [Infinity, {}],
      [1, { step: 0 }],
      [1, { start: NaN }],
      [1, { step: Infinity }],
    ] as const
  ) {
    assertRefused(
      device,
      () => arange(device, stop, options),
      ArgumentError,
      "expected finite numbers",
    );
  }
  assertRefused(
    device,
    () => arange(device, 2, { step: 0.5, dtype: "int32" }),
    ArgumentError,
    "with 0.5 as int32",
  );
});

reference.test("eye() has ones on the diagonal", async (device) => {
  using _scope = device.scope();
  const wide = eye(device, 2, { columns: 3, dtype: "int32" });
  assertEquals(await wide.data(), Int32Array.of(1, 0, 0, 0, 1, 0));
  const tall = eye(device, 3, { columns: 1 });
  assertEquals(await tall.data(), Float32Array.of(1, 0, 0));
  assertEquals(eye(device, 0).shape, [0, 0]);
});

reference.test("eye() and arange() leave it to the device to refuse sizes", ({ backend }) => {
  const info = { ...backend.info, maxBufferBytes: 2 ** 20 };
  const small = new Device({ ...backend, info });
  for (const make of [() => eye(small, 1e6), () => arange(small, 2 ** 40)]) {
    assertThrows(make, BufferTooLargeError, "bytes");
  }
});
