import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { noise } from "./_against_reference.ts";
import { FUNCTION_ARGUMENTS, SUMS_OFFSET } from "./_avx512_functions.ts";
import {
  COLUMNS_ARGUMENTS,
  MOST_TILE_ROWS,
  ROWS_ARGUMENTS,
} from "./_avx512_products.ts";
import { bindNative, loadNative } from "./_native.ts";
import { Runtime } from "./_runtime.ts";

const memory = new WebAssembly.Memory({
  ...{ initial: 64, maximum: 65_536, shared: true },
});
const floats = new Float32Array(memory.buffer);
const words = new Uint32Array(memory.buffer);
const NAMES = ["rows", "columns", "decay", "gelu"];
const native = await loadNative(memory, NAMES, true);
const functions = bindNative(native).imports as Record<
  string,
  (at: number) => void
>;

/** These processors have no machine code to test. */
const ignore = native.addresses.length === 0;

/** Where the functions find what they are called with. */
const WORDS = 1024;
const MARK = 12345;

/** Places numbers one after the other in memory, with room between. */
function placing(): (values: ArrayLike<number>, isFloat?: boolean) => number {
  let next = 2048;
  return (values, isFloat = true) => {
    const address = next;
    (isFloat ? floats : words).set(values, address / 4);
    next += Math.ceil(values.length / 16) * 64 + 64;
    return address;
  };
}

function call(
  name: string,
  names: readonly string[],
  values: Readonly<Record<string, number>>,
): void {
  names.forEach((argument, index) =>
    words[WORDS / 4 + index] = values[argument]
  );
  functions[name](WORDS);
}

/** B as panels of 16 columns, filled up with zeros. */
function packed(b: ArrayLike<number>, k: number, columns: number): number[] {
  const panels = Math.ceil(columns / 16);
  return Array.from({ length: panels * k * 16 }, (_, i) => {
    const row = Math.floor(i / 16) % k;
    const column = Math.floor(i / 16 / k) * 16 + i % 16;
    return column < columns ? b[row * columns + column] : 0;
  });
}

interface Case {
  readonly rows: number;
  readonly columns: number;
  /** The lengths of segments. */
  readonly lengths: readonly number[];
  /** What the sums are added to: a row, or the target. */
  readonly start: "row" | "target";
}

/** Multiplies by machine code and plainly, by A in rows and by A in columns. */
function check({ rows, columns, lengths, start }: Case): void {
  const k = lengths.reduce((sum, length) => sum + length, 0);
  const stride = columns + 5;
  const a = noise(rows * k, 1, 1);
  const b = noise(k * columns, 1, 2);
  const before = noise(rows * stride, 1, 3);
  const row = noise(columns, 1, 4);
  const expected = before.map((value, i) => {
    const [r, c] = [Math.floor(i / stride), i % stride];
    if (c >= columns) return value;
    let sum = start === "row" ? row[c] : value;
    for (let j = 0; j < k; j++) sum += a[r * k + j] * b[j * columns + c];
    return sum;
  });
  const place = placing();
  const target = place(before);
  place([MARK]);
  const inRows = place(a);
  const inColumns = place(
    Array.from(
      { length: k * rows },
      (_, i) => a[i % rows * k + Math.floor(i / rows)],
    ),
  );
  const offsets = lengths.map((_, s) =>
    lengths.slice(0, s).reduce((sum, length) => sum + length, 0)
  );
  const shared = {
    rows,
    tileRows: Math.min(MOST_TILE_ROWS, Math.max(1, rows - 1)),
    b: place(packed(b, k, columns)),
    panelBytes: k * 64,
    columns,
    lastMask: columns % 32 === 0 ? -1 : 2 ** (columns % 32) - 1,
    start: start === "row" ? place(row) : 0,
    startStep: 64,
  };
  const results = () => {
    const result = floats.slice(target / 4, target / 4 + before.length);
    floats.set(before, target / 4);
    return result;
  };
  call("rows", ROWS_ARGUMENTS, {
    ...shared,
    pointers: place(
      offsets.flatMap((offset) =>
        Array.from({ length: rows }, (_, r) => inRows + (r * k + offset) * 4)
      ),
      false,
    ),
    segmentStride: rows * 4,
    segments: lengths.length,
    lengths: place(lengths, false),
    lengthStride: 4,
    targets: place(
      Array.from({ length: rows }, (_, r) => target + r * stride * 4 - 8),
      false,
    ),
    targetOffset: 8,
  });
  const ofRows = results();
  call("columns", COLUMNS_ARGUMENTS, {
    ...shared,
    pointers: place(
      Array.from({ length: k }, (_, j) => inColumns + j * rows * 4 - 12),
      false,
    ),
    ...{ length: k, offset: 12, target, rowStride: stride * 4 },
  });
  const ofColumns = results();
  const tolerance = 1e-6 * (k + 1);
  expected.forEach((value, i) => {
    const what = `${JSON.stringify({ rows, columns, lengths, start })} at ${i}`;
    assertAlmostEquals(ofRows[i], value, tolerance, `rows ${what}`);
    assertAlmostEquals(ofColumns[i], value, tolerance, `columns ${what}`);
  });
}

Deno.test("machine code multiplies any number of rows, columns and segments", {
  ignore,
}, () => {
  for (const start of ["row", "target"] as const) {
    for (let rows = 1; rows <= 2 * MOST_TILE_ROWS + 2; rows++) {
      for (const columns of [1, 15, 16, 17, 31, 32, 33, 50, 96]) {
        check({ rows, columns, lengths: [5], start });
      }
    }
    for (
      const lengths of [[], [0], [1], [4], [64, 64, 3], [9, 9, 9], [0, 7, 0]]
    ) {
      check({ rows: 14, columns: 40, lengths, start });
    }
  }
});

/** Applies a function to numbers, and checks that nothing else is written. */
function apply(
  name: string,
  x: ArrayLike<number>,
  shift: number,
): Float32Array {
  const place = placing();
  const from = place(x);
  const to = place(Array(x.length + 1).fill(MARK));
  floats[WORDS / 4 + 3] = shift;
  const shiftBits = words[WORDS / 4 + 3];
  call(name, FUNCTION_ARGUMENTS, {
    from,
    to,
    count: x.length,
    shift: shiftBits,
    ...{ rows: 1, stride: 0 },
  });
  assertEquals(floats[to / 4 + x.length], MARK);
  return floats.slice(to / 4, to / 4 + x.length);
}

/** An approximation of erf by its series and its continued fraction, for float64. */
function normalCdf(x: number): number {
  const z = Math.abs(x) / Math.SQRT2;
  let tail = 0;
  if (z < 3) {
    let term = z;
    let sum = z;
    for (let n = 1; n < 100; n++) {
      term *= -z * z / n;
      sum += term / (2 * n + 1);
    }
    tail = (1 - 2 / Math.sqrt(Math.PI) * sum) / 2;
  } else {
    let fraction = 0;
    for (let n = 100; n > 0; n--) fraction = n / 2 / (z + fraction);
    tail = Math.exp(-z * z) / Math.sqrt(Math.PI) / (z + fraction) / 2;
  }
  return x < 0 ? tail : 1 - tail;
}

Deno.test("machine code exponentiates any count of numbers, and adds them up", {
  ignore,
}, () => {
  for (const count of [0, 1, 15, 16, 17, 40, 1000]) {
    const x = noise(count, 45).map((value) => Math.fround(value - 43));
    const y = apply("decay", x, 2);
    y.forEach((value, i) => {
      const expected = Math.exp(Math.fround(x[i] - 2));
      // Numbers below 2^-126 may lose digits, or become 0.
      assertAlmostEquals(value, expected, 2e-7 * expected + 2 ** -126);
    });
    const first = (WORDS + SUMS_OFFSET) / 4;
    const sum = floats.slice(first, first + 16).reduce((a, b) => a + b, 0);
    const exact = y.reduce((a, b) => a + b, 0);
    assertAlmostEquals(sum, exact, 1e-5 * exact);
  }
  const special = apply("decay", [-Infinity, -3e38, -88, NaN, 0], 0);
  assertEquals([...special], [0, 0, 0, NaN, 1]);
});

Deno.test("machine code computes GELU of any count of numbers", {
  ignore,
}, () => {
  for (const count of [0, 1, 15, 16, 17, 40, 1000]) {
    const x = noise(count, 9).map(Math.fround);
    apply("gelu", x, 0).forEach((value, i) => {
      const expected = x[i] * normalCdf(x[i]);
      const tolerance = 1e-6 * Math.abs(expected) + 1e-14;
      assertAlmostEquals(value, expected, tolerance, `gelu(${x[i]})`);
    });
  }
  const special = apply("gelu", [0, Infinity, NaN, 20, -20], 0);
  assertEquals([...special], [0, Infinity, NaN, 20, -0]);
});

Deno.test(
  "Runtime has machine code only if it may call foreign functions and threads share memory",
  {
    permissions: { ffi: false },
  },
  async () => {
    for (const options of [{}, { shared: false }, { native: false }]) {
      const runtime = await Runtime.start({ threads: 2, ...options });
      assertEquals(runtime.native, false);
      runtime.close();
    }
  },
);

Deno.test({
  name: "Runtime gives back what machine code needs",
  sanitizeResources: true,
  fn: async () => {
    const runtime = await Runtime.start({ threads: 2 });
    runtime.close();
  },
});

Deno.test("loadNative() finds nothing where something else is called Deno", async () => {
  const { Deno: real } = globalThis;
  try {
    for (
      const other of [{}, { build: real.build }, {
        build: real.build,
        permissions: real.permissions,
      }]
    ) {
      Object.defineProperty(globalThis, "Deno", { value: other });
      assertEquals((await loadNative(memory, NAMES, true)).addresses, []);
    }
  } finally {
    Object.defineProperty(globalThis, "Deno", { value: real });
  }
});

Deno.test("Runtime has no machine code where it is not wanted or memory is not shared", async () => {
  for (const options of [{ shared: false }, { native: false }]) {
    const runtime = await Runtime.start(options);
    assert(!runtime.native);
    runtime.close();
  }
  const runtime = await Runtime.start({ threads: 1 });
  assertEquals(runtime.native, !ignore);
  runtime.close();
});
