import type { StridedLayout } from "../backend.ts";
import type { DType } from "../dtype.ts";
import { float16Value } from "../float16.ts";
import { sizeOf, stridesOf } from "../shape.ts";
import { againstReference, noise, SPECIAL } from "./_against_reference.ts";

const DTYPES: readonly DType[] = [
  "float32",
  "int32",
  "uint32",
  "bool",
  "uint8",
  "float16",
  "bfloat16",
];

Deno.test("fill() of the cpu device writes every dtype, and nothing behind it", async () => {
  await againstReference((stage) => {
    for (const dtype of DTYPES) {
      for (const count of [1, 2, 3, 5, 16, 17, 1001, 100_003]) {
        const values = dtype.includes("float") ? [-1.5, NaN, 0] : [0, 1, 200];
        for (const value of values) {
          stage.backend.fill(stage.output([count], dtype), value);
        }
      }
    }
  });
});

/** Elements of a dtype around everything that conversions do differently. */
function elementsOf(dtype: DType): readonly number[] {
  const integers = [
    ...[0, 1, 2, 255, 256, 65_504, 65_519, 65_520, 2 ** 24 + 1],
    ...[2 ** 24 + 2 ** 16 + 1, 2 ** 25 - 3, 2 ** 30 + 2 ** 22, 2 ** 31 - 1],
  ];
  const floats = [
    ...SPECIAL,
    ...noise(100, 1e6),
    ...noise(200, 2 ** -14),
    ...noise(50, 1e12),
    ...[1 + 2 ** -11, 1 + 3 * 2 ** -11, 1 + 2 ** -11 + 2 ** -20],
    ...[2 ** -25, 2 ** -24, 3 * 2 ** -25, 2 ** -14 - 2 ** -25],
    ...[65_504, 65_519.996, 65_520, 1e5, 2 ** 31, 2 ** 32, 255.9, 256, -0.9],
    ...[1 + 2 ** -8, 1 + 3 * 2 ** -8, 1 + 2 ** -8 + 2 ** -20, 3.4e38],
  ];
  switch (dtype) {
    case "float32":
      return floats;
    case "int32":
      return [...integers, ...integers.map((x) => -x), -(2 ** 31)];
    case "uint32":
      return [...integers, 2 ** 31 + 2 ** 23 + 1, 2 ** 32 - 1];
    case "bool":
      return [0, 1, 1, 0, 1];
    case "uint8":
      return Array.from({ length: 256 }, (_, i) => i);
    case "float16":
      return Array.from({ length: 4096 }, (_, i) => i * 16 + i % 16);
    default:
      return Array.from({ length: 4096 }, (_, i) => i * 16);
  }
}

for (const from of DTYPES) {
  Deno.test(`cast() of the cpu device converts ${from} to every dtype`, async () => {
    await againstReference((stage) => {
      for (const to of DTYPES) {
        const elements = elementsOf(from);
        const all = elements.length;
        for (const count of [1, 3, 4, 6, all, 100 * all + 1]) {
          if (count > 50_000) continue;
          const x = stage.input([count], elements, from);
          stage.backend.cast(x, stage.output([count], to));
        }
      }
    });
  });
}

/** A copy that reorders the axes of a shape. */
function transposition(
  shape: readonly number[],
  permutation: readonly number[],
): StridedLayout {
  const strides = stridesOf(shape);
  const target = permutation.map((axis) => shape[axis]);
  return {
    shape: target,
    sourceOffset: 0,
    sourceStrides: permutation.map((axis) => strides[axis]),
    targetOffset: 0,
    targetStrides: stridesOf(target),
  };
}

const TRANSPOSITIONS: readonly (readonly [number[], number[]])[] = [
  [[], []],
  [[1], [0]],
  [[7], [0]],
  [[4, 4], [1, 0]],
  [[8, 4], [1, 0]],
  [[3, 5], [1, 0]],
  [[33, 70], [1, 0]],
  [[129, 4099], [1, 0]],
  [[2, 3, 5], [2, 1, 0]],
  [[4, 17, 9], [0, 2, 1]],
  [[4, 17, 9], [1, 0, 2]],
  [[6, 10, 2, 12], [3, 2, 0, 1]],
  [[6, 10, 2, 12], [0, 3, 1, 2]],
  [[2, 3, 2, 3, 2, 3, 2, 3], [7, 0, 6, 1, 5, 2, 4, 3]],
  [[2, 1, 3, 1, 5], [4, 3, 2, 1, 0]],
];

Deno.test("stridedCopy() of the cpu device transposes", async () => {
  await againstReference((stage) => {
    for (const [shape, permutation] of TRANSPOSITIONS) {
      const layout = transposition(shape, permutation);
      stage.backend.stridedCopy(
        stage.input(shape, noise(sizeOf(shape))),
        stage.output(layout.shape),
        layout,
      );
    }
  });
});

const COPIES: readonly (StridedLayout & {
  readonly name: string;
  readonly source: number;
  readonly target: number;
})[] = [
  {
    name: "a box out of a matrix",
    source: 100,
    target: 12,
    shape: [3, 4],
    sourceOffset: 22,
    sourceStrides: [10, 1],
    targetOffset: 0,
    targetStrides: [4, 1],
  },
  {
    name: "a box into a matrix",
    source: 12,
    target: 100,
    shape: [3, 4],
    sourceOffset: 0,
    sourceStrides: [4, 1],
    targetOffset: 13,
    targetStrides: [20, 2],
  },
  {
    name: "a reversed vector",
    source: 41,
    target: 41,
    shape: [41],
    sourceOffset: 40,
    sourceStrides: [-1],
    targetOffset: 0,
    targetStrides: [1],
  },
  {
    name: "reversed rows",
    source: 35,
    target: 35,
    shape: [5, 7],
    sourceOffset: 28,
    sourceStrides: [-7, 1],
    targetOffset: 0,
    targetStrides: [7, 1],
  },
  {
    name: "a repeated row",
    source: 9,
    target: 45,
    shape: [5, 9],
    sourceOffset: 0,
    sourceStrides: [0, 1],
    targetOffset: 0,
    targetStrides: [9, 1],
  },
  {
    name: "a repeated column",
    source: 5,
    target: 45,
    shape: [5, 9],
    sourceOffset: 0,
    sourceStrides: [1, 0],
    targetOffset: 0,
    targetStrides: [9, 1],
  },
  {
    name: "one repeated element",
    source: 1,
    target: 100_000,
    shape: [100, 1000],
    sourceOffset: 0,
    sourceStrides: [0, 0],
    targetOffset: 0,
    targetStrides: [1000, 1],
  },
  {
    name: "every third element of each second row",
    source: 600,
    target: 50,
    shape: [5, 10],
    sourceOffset: 2,
    sourceStrides: [60, 3],
    targetOffset: 0,
    targetStrides: [10, 1],
  },
];

for (const { name, source, target, ...layout } of COPIES) {
  Deno.test(`stridedCopy() of the cpu device copies ${name}`, async () => {
    await againstReference((stage) => {
      for (const dtype of ["float32", "int32", "bool"] as const) {
        const elements = dtype === "float32"
          ? noise(source)
          : dtype === "bool"
          ? [0, 1, 1, 0, 0, 1, 0]
          : Array.from({ length: source }, (_, i) => i - 20);
        const out = stage.output([target], dtype);
        stage.backend.fill(out, 0);
        stage.backend.stridedCopy(
          stage.input([source], elements, dtype),
          out,
          layout,
        );
      }
    });
  });
}

Deno.test("gather() of the cpu device reads rows, and marks missing ones", async () => {
  await againstReference((stage) => {
    for (const inner of [1, 3, 4, 70]) {
      for (const outer of [1, 3]) {
        const indices = stage.input([6], [0, 4, -1, 2, 5, 2], "int32");
        for (const dtype of ["float32", "int32"] as const) {
          const x = stage.input([outer, 5, inner], noise(1050, 100), dtype);
          stage.backend.gather(
            x,
            indices,
            stage.output([outer, 6, inner], dtype),
            { outer, length: 5, inner, count: 6 },
          );
        }
      }
    }
  });
});

Deno.test("scatterAdd() of the cpu device adds in order, and leaves out missing rows", async () => {
  await againstReference((stage) => {
    for (const inner of [1, 3, 64, 70]) {
      for (const [outer, count] of [[1, 6], [3, 6], [1, 9000]]) {
        // Wholes, whose sums are exact in any precision.
        const wholes = noise(977, 50).map(Math.round);
        const picks = [0, 4, -1, 2, 5, 2, 4];
        const indices = stage.input([count], picks, "int32");
        for (const dtype of ["float32", "int32", "uint32"] as const) {
          const out = stage.output([outer, 5, inner], dtype);
          stage.backend.fill(out, 7);
          stage.backend.scatterAdd(
            indices,
            stage.input([outer, count, inner], wholes, dtype),
            out,
            { outer, length: 5, inner, count },
          );
        }
      }
    }
  });
});

Deno.test("cast() of the cpu device rounds to float16 like float16Bits() does", async () => {
  // All numbers around each boundary between two neighbouring float16.
  const numbers: number[] = [];
  for (let bits = 0; bits < 0x7c00; bits += 7) {
    const low = float16Value(bits);
    const middle = (low + float16Value(bits + 1)) / 2;
    numbers.push(low, middle, nextAfter(middle, 1), nextAfter(middle, -1));
  }
  await againstReference((stage) => {
    const x = stage.input([numbers.length], numbers);
    stage.backend.cast(x, stage.output([numbers.length], "float16"));
  });
});

function nextAfter(x: number, step: number): number {
  const single = Float32Array.of(x);
  new Int32Array(single.buffer)[0] += step;
  return single[0];
}
