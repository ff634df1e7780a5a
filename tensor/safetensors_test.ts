import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { cast } from "./cast.ts";
import { tensor } from "./creation.ts";
import { Device } from "./device.ts";
import { DTYPES } from "./dtype.ts";
import { DisposedError, DTypeError } from "./errors.ts";
import { createReferenceBackend } from "./reference/mod.ts";
import {
  encodeSafetensors,
  openSafetensors,
  parseSafetensors,
  type SafetensorsData,
  SafetensorsError,
  writeSafetensors,
} from "./safetensors.ts";

function open(): Device {
  return new Device(createReferenceBackend());
}

/** A file with any header text, whose length may be a lie. */
function file(header: string, dataBytes: number, length?: bigint): Uint8Array {
  const json = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + json.length + dataBytes);
  new DataView(bytes.buffer)
    .setBigUint64(0, length ?? BigInt(json.length), true);
  bytes.set(json, 8);
  return bytes;
}

function entry(
  dtype: string,
  shape: string,
  begin: number,
  end: number,
): string {
  return `{"dtype":"${dtype}","shape":${shape},"data_offsets":[${begin},${end}]}`;
}

const mayUseFiles = (await Promise.all(
  (["read", "write"] as const).map((name) => Deno.permissions.query({ name })),
)).every(({ state }) => state === "granted");

async function withDirectory(
  use: (directory: string) => Promise<void>,
): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    await use(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** What Python's safetensors would write for {"b": [1.5, -2], "a": [[7, 8, 9]], "n": 41}. */
const FOREIGN = file(
  `{"__metadata__":{"format":"pt"},"n":${entry("I64", "[]", 0, 8)},"b":${
    entry("F32", "[2]", 8, 16)
  },"a":${entry("U8", "[1,3]", 16, 19)}}`,
  19,
);
new DataView(FOREIGN.buffer).setBigInt64(FOREIGN.length - 19, 41n, true);
FOREIGN.set(
  new Uint8Array(Float32Array.of(1.5, -2).buffer),
  FOREIGN.length - 11,
);
FOREIGN.set([7, 8, 9], FOREIGN.length - 3);

Deno.test("parseSafetensors() lists, reads and leaves out tensors", async () => {
  await using device = open();
  using _scope = device.scope();
  const found = parseSafetensors(FOREIGN);
  assertEquals([...found.entries.keys()], ["n", "b", "a"]);
  assertEquals([...found.metadata], [["format", "pt"]]);
  assertEquals(found.entries.get("a")?.shape, [1, 3]);
  const a = await found.tensor(device, "a");
  const b = await found.tensor(device, "b");
  assertEquals([a.dtype, b.dtype], ["uint8", "float32"]);
  assertEquals([a.shape, b.shape], [[1, 3], [2]]);
  assertEquals([...await a.data()], [7, 8, 9]);
  assertEquals([...await b.data()], [1.5, -2]);
});

Deno.test("Safetensors.read() gives the bytes of types that tensors do not have", async () => {
  await using device = open();
  const found = parseSafetensors(FOREIGN);
  const { dtype, shape, bytes } = await found.read("n");
  assertEquals([dtype, shape], ["I64", []]);
  assertEquals(new BigInt64Array(bytes.buffer), BigInt64Array.of(41n));
  const error = await assertRejects(
    () => found.tensor(device, "n"),
    SafetensorsError,
    '"n"',
  );
  assertStringIncludes(error.message, "I64");
  assertEquals(device.memory.peakBytes, 0);
});

Deno.test("Safetensors.read() rejects when there is no such tensor", async () => {
  const found = parseSafetensors(FOREIGN);
  await assertRejects(() => found.read("c"), SafetensorsError, '"c"');
});

Deno.test("encodeSafetensors() keeps every dtype, shape and bit", async () => {
  await using device = open();
  using _scope = device.scope();
  const values = [-0, 1.5, NaN, Infinity, 300.25, -1e-7];
  const x = tensor(device, Float64Array.from(values), { shape: [3, 1, 2] });
  const tensors = DTYPES.map((dtype) => [dtype, cast(x, dtype)] as const);
  const metadata = { step: "10", 'a "{[" and \\': 'Käse 🧀 "{{{{' };
  const bytes = await encodeSafetensors(tensors, { metadata });
  const found = parseSafetensors(bytes);
  assertEquals(Object.fromEntries(found.metadata), metadata);
  for (const [dtype, written] of tensors) {
    const read = await found.tensor(device, dtype);
    assertEquals([read.dtype, read.shape], [dtype, [3, 1, 2]]);
    assertEquals(
      new Uint8Array((await read.data()).buffer),
      new Uint8Array((await written.data()).buffer),
    );
  }
});

Deno.test("encodeSafetensors() aligns all tensors", async () => {
  const one = (dtype: SafetensorsData["dtype"], bytes: number) => ({
    dtype,
    shape: [1],
    bytes: new Uint8Array(bytes).fill(bytes),
  });
  const bytes = await encodeSafetensors([
    ["byte", one("U8", 1)],
    ["double", one("F64", 8)],
    ["half", one("BF16", 2)],
    ["single", one("F32", 4)],
  ]);
  const { entries } = parseSafetensors(bytes);
  for (const { byteOffset, byteLength } of entries.values()) {
    assertEquals(byteOffset % byteLength, 0);
    assertEquals(bytes[byteOffset], byteLength);
  }
});

Deno.test("encodeSafetensors() takes no tensors, scalars and empty tensors", async () => {
  await using device = open();
  using _scope = device.scope();
  assertEquals(parseSafetensors(await encodeSafetensors([])).entries.size, 0);
  const found = parseSafetensors(
    await encodeSafetensors([
      ["scalar", tensor(device, 5)],
      ["", tensor(device, new Float32Array(0), { shape: [0, 3] })],
      ["__proto__", tensor(device, [1])],
    ]),
  );
  assertEquals(await (await found.tensor(device, "scalar")).item(), 5);
  assertEquals((await found.tensor(device, "")).shape, [0, 3]);
  assertEquals(await (await found.tensor(device, "__proto__")).item(), 1);
});

Deno.test("encodeSafetensors() refuses what cannot be written", async () => {
  await using device = open();
  const gone = tensor(device, [1]);
  gone.dispose();
  await assertRejects(
    () => encodeSafetensors([["x", gone]]),
    DisposedError,
  );
  const data: SafetensorsData = {
    dtype: "F32",
    shape: [1],
    bytes: new Uint8Array(4),
  };
  const bad: [[string, SafetensorsData][], string][] = [
    [[["x", data], ["x", data]], '"x"'],
    [[["__metadata__", data]], '"__metadata__"'],
    [[["x", { ...data, shape: [2] }]], "4 bytes"],
    [[["x", { ...data, shape: [-1, -1] }]], "[-1, -1]"],
    [[["x", { ...data, dtype: "F31" as "F32" }]], '"F31"'],
  ];
  for (const [tensors, message] of bad) {
    await assertRejects(
      () => encodeSafetensors(tensors),
      SafetensorsError,
      message,
    );
  }
  await assertRejects(
    () => encodeSafetensors([], { metadata: { a: 1 as unknown as string } }),
    SafetensorsError,
    '"a"',
  );
});

const good = entry("F32", "[2]", 0, 8);
const HOSTILE: Record<string, [bytes: Uint8Array, message: string]> = {
  "nothing": [new Uint8Array(0), "0 bytes"],
  "half a length": [new Uint8Array(7), "7 bytes"],
  "an empty header": [file("", 0), 'begin with "{"'],
  "a length beyond the file": [file("{}", 0, 3n), "3 bytes, there are 2"],
  "a length above 100 MB": [file("{}", 0, 100_000_001n), "100000001 bytes"],
  "a length of 2^64 - 1": [
    file("{}", 0, 2n ** 64n - 1n),
    "18446744073709551615",
  ],
  "a header that is cut off": [file(`{"a":${good}`, 8), "not JSON"],
  "a header that is no object": [file("[]", 0), 'begin with "{"'],
  "a header after spaces": [file(" {}", 0), 'begin with "{"'],
  "a header that is no UTF-8": [
    file('{"__metadata__":{"a":"?"}}', 0).map((b) => b === 63 ? 255 : b),
    "not JSON",
  ],
  "text behind the header": [file("{}}", 0), "not JSON"],
  "a bad escape": [file('{"\\x":1}', 0), "not JSON"],
  "a tensor twice": [file(`{"a":${good},"a":${good}}`, 8), '"a" twice'],
  "a tensor twice, once escaped": [
    file(`{"a":${good},"\\u0061" :${good}}`, 8),
    '"a" twice',
  ],
  "a field twice": [
    file(
      `{"a":{"dtype":"F32","dtype":"F32","shape":[],"data_offsets":[0,4]}}`,
      4,
    ),
    '"dtype" twice',
  ],
  "metadata that are no object": [file('{"__metadata__":[]}', 0), "metadata"],
  "metadata that are no strings": [
    file('{"__metadata__":{"a":1}}', 0),
    "metadata",
  ],
  "objects without end": [file('{"a":'.repeat(1000), 0), "nested more than 3"],
  "arrays without end": [
    file('{"a":' + "[".repeat(1000), 0),
    "nested more than 3",
  ],
  "a tensor that is a number": [file('{"a":1}', 0), '"a"'],
  "no dtype": [file('{"a":{"shape":[],"data_offsets":[0,4]}}', 4), "undefined"],
  "an unknown dtype": [file(`{"a":${entry("F31", "[1]", 0, 4)}}`, 4), '"F31"'],
  "a dtype of Object.prototype": [
    file(`{"a":${entry("toString", "[1]", 0, 4)}}`, 4),
    '"toString"',
  ],
  "no shape": [file('{"a":{"dtype":"F32","data_offsets":[0,4]}}', 4), "shape"],
  "negative sizes": [
    file(`{"a":${entry("F32", "[-1,-1]", 0, 4)}}`, 4),
    "[-1,-1]",
  ],
  "broken sizes": [
    file(`{"a":${entry("F32", "[0.5,2]", 0, 4)}}`, 4),
    "[0.5,2]",
  ],
  "sizes of 2^53": [
    file(`{"a":${entry("F32", "[9007199254740992]", 0, 4)}}`, 4),
    "[9007199254740992]",
  ],
  "a product beyond 2^53": [
    file(
      `{"a":${entry("F32", "[4503599627370495,4503599627370495]", 0, 4)}}`,
      4,
    ),
    "4 bytes of data",
  ],
  "one offset": [
    file('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}}', 4),
    "data_offsets [0]",
  ],
  "negative offsets": [
    file(`{"a":${entry("F32", "[1]", -4, 0)}}`, 4),
    "[-4,0]",
  ],
  "reversed offsets": [file(`{"a":${entry("F32", "[1]", 4, 0)}}`, 4), "[4,0]"],
  "offsets beyond the data": [
    file(`{"a":${entry("F32", "[2]", 0, 8)}}`, 7),
    "within the 7 bytes",
  ],
  "offsets of 2^53": [
    file(`{"a":${entry("F32", "[1]", 0, 2 ** 53)}}`, 4),
    "9007199254740992",
  ],
  "another number of bytes": [
    file(`{"a":${entry("F16", "[3]", 0, 8)}}`, 8),
    "needs 6",
  ],
  "an overlap": [
    file(`{"a":${good},"b":${entry("F32", "[2]", 4, 12)}}`, 12),
    "inside of another",
  ],
  "two tensors in one place": [
    file(`{"a":${good},"b":${good}}`, 8),
    "inside of another",
  ],
  "a hole": [
    file(`{"a":${good},"b":${entry("F32", "[1]", 12, 16)}}`, 16),
    "hole",
  ],
  "a hole at the start": [
    file(`{"a":${entry("F32", "[1]", 4, 8)}}`, 8),
    "hole",
  ],
  "bytes behind the last tensor": [file(`{"a":${good}}`, 9), "9 bytes of data"],
};

for (const [what, [bytes, message]] of Object.entries(HOSTILE)) {
  Deno.test(`parseSafetensors() throws when it finds ${what}`, () => {
    assertThrows(() => parseSafetensors(bytes), SafetensorsError, message);
  });
}

Deno.test("parseSafetensors() throws quickly when strings are long or many", () => {
  const long = `{"__metadata__":{"a":"${"\\\\".repeat(1e6)}"},"a":1}`;
  const many = `{"__metadata__":{${
    Array.from({ length: 1e5 }, (_, i) => `"${i}":"{["`).join()
  }},"a":1}`;
  for (const header of [long, many]) {
    assertThrows(
      () => parseSafetensors(file(header, 0)),
      SafetensorsError,
      '"a"',
    );
  }
});

Deno.test("parseSafetensors() takes spaces behind the header and fields it does not know", () => {
  const header =
    `{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4],"more":[1]}}   `;
  assertEquals(parseSafetensors(file(header, 4)).entries.size, 1);
});

Deno.test("parseSafetensors() cuts long values of hostile files in messages", () => {
  const header = `{"${"x".repeat(1e5)}":1}`;
  const error = assertThrows(
    () => parseSafetensors(file(header, 0)),
    SafetensorsError,
  );
  assert(error.message.length < 300);
});

Deno.test("Safetensors.tensor() takes the device's dtypes only", async () => {
  const backend = createReferenceBackend();
  Object.assign(backend, { info: { ...backend.info, dtypes: ["float32"] } });
  await using device = new Device(backend);
  const bytes = file(`{"a":${entry("F64", "[1]", 0, 8)}}`, 8);
  await assertRejects(
    () => parseSafetensors(bytes).tensor(device, "a"),
    DTypeError,
    "float64",
  );
});

Deno.test({
  name: "writeSafetensors() writes what openSafetensors() reads",
  ignore: !mayUseFiles,
  fn: () =>
    withDirectory(async (directory) => {
      await using device = open();
      using _scope = device.scope();
      const path = `${directory}/model.safetensors`;
      const x = tensor(device, [[1, 2, 3]]);
      const n: SafetensorsData = {
        dtype: "I64",
        shape: [],
        bytes: new Uint8Array(BigInt64Array.of(41n).buffer),
      };
      await writeSafetensors(path, new Map([["x", x]]));
      await writeSafetensors(path, [["x", x], ["n", n]], {
        metadata: { format: "pt" },
      });
      await using found = await openSafetensors(path);
      assertEquals(found.metadata.get("format"), "pt");
      const read = await found.tensor(device, "x");
      assertEquals([read.shape, [...await read.data()]], [[1, 3], [1, 2, 3]]);
      assertEquals(await found.read("n"), n);
      const names = [];
      for await (const { name } of Deno.readDir(directory)) names.push(name);
      assertEquals(names, ["model.safetensors"]);
    }),
});

Deno.test({
  name:
    "writeSafetensors() leaves the file before and nothing else when it fails",
  ignore: !mayUseFiles,
  fn: () =>
    withDirectory(async (directory) => {
      await using device = open();
      using _scope = device.scope();
      const path = `${directory}/model.safetensors`;
      const x = tensor(device, [1]);
      await writeSafetensors(path, [["x", x]]);
      const before = await Deno.readFile(path);
      const failing = tensor(device, [2]);
      const write = writeSafetensors(path, [["x", x], ["failing", failing]]);
      // Gone after the checks, when the file is being written.
      failing.dispose();
      await assertRejects(() => write, DisposedError);
      assertEquals(await Deno.readFile(path), before);
      const names = [];
      for await (const { name } of Deno.readDir(directory)) names.push(name);
      assertEquals(names, ["model.safetensors"]);
      const nowhere = `${directory}/none/x`;
      await assertRejects(
        () => writeSafetensors(nowhere, [["x", x]]),
        Error,
        "none",
      );
      // The checks come first.
      await assertRejects(
        () => writeSafetensors(nowhere, [["x", failing]]),
        DisposedError,
      );
    }),
});

Deno.test({
  name: "openSafetensors() rejects when the file is hostile, and closes it",
  ignore: !mayUseFiles,
  fn: () =>
    withDirectory(async (directory) => {
      const path = `${directory}/hostile.safetensors`;
      for (const [bytes, message] of Object.values(HOSTILE)) {
        await Deno.writeFile(path, bytes);
        const error = await assertRejects(
          () => openSafetensors(path),
          SafetensorsError,
          message,
        );
        assertStringIncludes(error.message, path);
      }
    }),
});

Deno.test({
  name: "openSafetensors() rejects when there is no such file",
  ignore: !mayUseFiles,
  fn: async () => {
    const { cause } = await assertRejects(
      () => openSafetensors("nowhere/a.safetensors"),
      SafetensorsError,
      'Cannot read "nowhere/a.safetensors": no such file',
    );
    assertEquals((cause as { code?: string }).code, "ENOENT");
  },
});

Deno.test({
  name: "openSafetensors() rejects headers above 100 MB that are in the file",
  ignore: !mayUseFiles,
  fn: () =>
    withDirectory(async (directory) => {
      const path = `${directory}/large.safetensors`;
      await Deno.writeFile(path, file("{}", 0, 100_000_001n));
      await Deno.truncate(path, 200_000_000);
      await assertRejects(
        () => openSafetensors(path),
        SafetensorsError,
        "would have 100000001 bytes",
      );
    }),
});

Deno.test({
  name: "Safetensors.read() rejects when the file got shorter",
  ignore: !mayUseFiles,
  fn: () =>
    withDirectory(async (directory) => {
      const path = `${directory}/short.safetensors`;
      await Deno.writeFile(path, FOREIGN);
      await using found = await openSafetensors(path);
      await Deno.truncate(path, FOREIGN.length - 1);
      assertEquals((await found.read("b")).bytes.length, 8);
      await assertRejects(() => found.read("a"), SafetensorsError, "it ends");
    }),
});
