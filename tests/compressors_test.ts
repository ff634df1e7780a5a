/**
 * Compressors against brute force, on every device and on hard inputs.
 *
 * @module
 */

import {
  chain,
  compressOnce,
  Masks,
  nm,
  nmGroups,
  quantize,
  QuantizedTensor,
  type QuantizeOptions,
  quantizeTensor,
  sparsityOf,
  topK,
  type TopKOptions,
  type Weight,
} from "@cram/compress";
import { resnet20 } from "@cram/models";
import {
  ArgumentError,
  type Device,
  DeviceError,
  DTypeError,
  encodeSafetensors,
  ones,
  openDevice,
  parseSafetensors,
  type Shape,
  ShapeError,
  sizeOf,
  tensor,
  transpose,
  zeros,
} from "@cram/tensor";
import { moveInto } from "@cram/tensor/flat";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  CPU,
  openTested,
  REFERENCE,
  WEBGPU,
  WEBGPU_SMALL_BINDINGS,
} from "./devices.ts";
import { generator } from "./host_tensor.ts";

const DEVICES = await openTested(REFERENCE, CPU, WEBGPU);
const [smallBindings] = await openTested(WEBGPU_SMALL_BINDINGS);

const next = generator(3);
const random = () => Math.fround(next() - 0.5);

/** Element i of n elements; the shapes of a list have these many in all. */
const CONTENTS: Readonly<Record<string, (i: number) => number>> = {
  random,
  tied: () => Math.fround((Math.floor(next() * 4) - 1.5) / 4),
  "all equal": (i) => i % 2 === 0 ? 0.25 : -0.25,
  "all zero": () => 0,
  "mostly zero": () => next() < 0.9 ? 0 : random(),
  "partly NaN": () => next() < 0.1 ? NaN : random(),
  "all NaN": () => NaN,
  tiny: () => Math.fround(random() * 1e-30),
  huge: () => Math.fround(random() * 1e37),
  "partly infinite": () => next() < 0.2 ? -Infinity : random(),
};

const SHAPES: Readonly<Record<string, readonly Shape[]>> = {
  "one number": [[1, 1], [1, 1], [1, 1]],
  small: [[3, 5], [2, 7], [4, 4]],
  "with an empty one": [[3, 3], [0, 4], [5, 1], [2, 2]],
  convolutions: [[3, 3, 3, 8], [3, 3, 8, 12], [12, 10]],
};

type Values = readonly (readonly number[])[];

function upload(
  device: Device,
  shapes: readonly Shape[],
  values: Values,
): Weight[] {
  return shapes.map((shape, i) => ({
    name: `${i}`,
    tensor: tensor(device, Float32Array.from(values[i]), { shape }),
  }));
}

async function read(weights: readonly Weight[]): Promise<number[][]> {
  return await Promise.all(
    weights.map(async ({ tensor }) => [...await tensor.data()]),
  );
}

async function readMasks(
  masks: Masks,
  weights: readonly Weight[],
): Promise<(boolean[] | undefined)[]> {
  return await Promise.all(weights.map(async ({ name }) => {
    const mask = masks.entries.get(name);
    return mask && [...await mask.data()].map(Boolean);
  }));
}

/** Larger first; NaN is the largest of all. */
function byMagnitude(a: number, b: number): number {
  const rank = (x: number) => Number.isNaN(x) ? Infinity : Math.abs(x);
  const isNaN = (x: number) => Number(Number.isNaN(x));
  return isNaN(b) - isNaN(a) || (rank(a) === rank(b) ? 0 : rank(b) - rank(a));
}

/** Top-K by sorting. */
function keptOf(
  values: readonly number[],
  sparsity: number,
  exact: boolean,
): boolean[] {
  if (sparsity === 0) return values.map(() => true);
  const k = Math.ceil(values.length * (1 - sparsity));
  const order = [...values.keys()]
    .sort((i, j) => byMagnitude(values[i], values[j]) || i - j);
  if (exact) {
    if (k >= values.length) return values.map(() => true);
    const kept = new Set(order.slice(0, k));
    return values.map((w, i) => kept.has(i) && w !== 0);
  }
  const threshold = values[order[k - 1]];
  return values.map((w) => byMagnitude(w, threshold) < 0);
}

function apply(values: Values, masks: readonly (boolean[] | undefined)[]) {
  return values.map((list, i) =>
    list.map((w, j) => masks[i] === undefined || masks[i][j] ? w : 0)
  );
}

function split(flat: readonly boolean[], shapes: readonly Shape[]) {
  let offset = 0;
  return shapes.map((shape) => {
    const part = flat.slice(offset, offset + sizeOf(shape));
    offset += part.length;
    return part;
  });
}

const SPARSITIES = [0, 0.5, 0.95];
const TOP_K: readonly TopKOptions[] = [
  {},
  { exact: true },
  { scope: "uniform" },
  { scope: "uniform", exact: true },
];

const QUANTIZERS: readonly QuantizeOptions[] = [
  { bits: 2 },
  { bits: 4, perChannel: false },
  { bits: 8 },
  { bits: 3, scheme: "affine" },
  { bits: 5, scheme: "affine", perChannel: false },
  { bits: 8, scheme: "affine" },
];

for (const tested of DEVICES) {
  for (const [sizes, shapes] of Object.entries(SHAPES)) {
    for (const [content, make] of Object.entries(CONTENTS)) {
      const title = `${content} weights, ${sizes},`;
      const values = shapes.map((shape) =>
        Array.from({ length: sizeOf(shape) }, (_, i) => make(i))
      );

      tested.test(`topK() keeps of ${title} what sorting keeps`, async (device) => {
        using _scope = device.scope();
        for (const options of TOP_K) {
          const { scope, exact = false } = options;
          for (const sparsity of SPARSITIES) {
            const weights = upload(device, shapes, values);
            const masks = topK(sparsity, options).compress(weights)!;
            const expected = scope === "uniform"
              ? values.map((list, i) =>
                i === 0 || i === shapes.length - 1
                  ? undefined
                  : keptOf(list, sparsity, exact)
              )
              : split(keptOf(values.flat(), sparsity, exact), shapes);
            assertEquals(await readMasks(masks, weights), expected);
            assertEquals(await read(weights), apply(values, expected));
          }
        }
      });

      tested.test(`nm() keeps of ${title} what sorting groups keeps`, async (device) => {
        using _scope = device.scope();
        for (const [n, m] of [[2, 4], [3, 5], [1, 32]]) {
          const weights = upload(device, shapes, values);
          const masks = nm(n, m).compress(weights)!;
          const expected = values.map((list, i) =>
            keptOfGroups(list, shapes[i].at(-1)!, n, m)
          );
          assertEquals(await readMasks(masks, weights), expected);
          assertEquals(await read(weights), apply(values, expected));
        }
      });
    }

    for (const content of ["random", "all zero", "tied", "mostly zero"]) {
      const values = shapes.map((shape) =>
        Array.from({ length: sizeOf(shape) }, (_, i) => CONTENTS[content](i))
      );
      tested.test(
        `quantize() puts ${content} weights, ${sizes}, on a grid, and quantizeTensor() stores the same`,
        async (device) => {
          for (const options of QUANTIZERS) {
            using _scope = device.scope();
            await checkQuantizer(options, upload(device, shapes, values));
          }
        },
      );
    }
  }
}

async function checkQuantizer(
  options: QuantizeOptions,
  weights: readonly Weight[],
): Promise<void> {
  const before = await read(weights);
  const stored = await Promise.all(
    weights.map(({ tensor }) => quantizeTensor(tensor, options)),
  );
  quantize(options).compress(weights);
  const once = await read(weights);
  for (const [i, packed] of stored.entries()) {
    const unpacked = packed.dequantize(weights[i].tensor.device);
    assertEquals([...await unpacked.data()], once[i]);
    checkGrid(packed, before[i], once[i], options);
  }
  // A zero point that is rounded moves the range, and so the affine grid.
  if (options.scheme === "affine") return;
  quantize(options).compress(weights);
  for (const [i, list] of (await read(weights)).entries()) {
    const largest = Math.max(...once[i].map(Math.abs));
    for (const [j, w] of list.entries()) {
      // The scale is a quotient of rounded products: the last bit may move.
      assert(
        Math.abs(w - once[i][j]) <= 1e-6 * largest,
        `${once[i][j]} became ${w}`,
      );
    }
  }
}

/** N:M down the columns of a matrix, one after the other. */
function keptOfGroups(
  values: readonly number[],
  columns: number,
  n: number,
  m: number,
): boolean[] {
  const rows = values.length / columns;
  const order = Array.from(
    values,
    (_, q) => q % rows * columns + Math.floor(q / rows),
  );
  const kept = values.map(() => false);
  for (let start = 0; start < order.length; start += m) {
    const group = order.slice(start, start + m);
    const sorted = [...group.keys()].sort((i, j) =>
      byMagnitude(values[group[i]], values[group[j]]) || j - i
    );
    for (const i of sorted.slice(0, n)) kept[group[i]] = true;
  }
  return kept;
}

/** Each weight is at most half a step away, few values occur, and the size is that of packed codes. */
function checkGrid(
  packed: QuantizedTensor,
  before: readonly number[],
  after: readonly number[],
  { bits, scheme, perChannel = true }: QuantizeOptions,
): void {
  const columns = perChannel ? packed.shape.at(-1)! : 1;
  assertEquals(packed.scales.length, columns);
  assertEquals(
    packed.codes.length,
    bits > 4 ? before.length : Math.ceil(before.length / 2),
  );
  assertEquals(
    packed.byteLength,
    packed.codes.length + 4 * columns * (scheme === "affine" ? 2 : 1),
  );
  const codes = scheme === "affine" ? 2 ** bits : 2 ** bits - 1;
  for (let column = 0; column < columns; column++) {
    const channel = after.filter((_, i) => i % columns === column);
    assert(new Set(channel).size <= codes);
    for (const [i, w] of before.entries()) {
      if (i % columns !== column) continue;
      // An affine zero point that is rounded cuts up to half a step off.
      const allowed = packed.scales[column] * (scheme === "affine" ? 1 : 0.5);
      assert(
        Math.abs(w - after[i]) <= allowed * (1 + 1e-5),
        `${w} became ${after[i]} with steps of ${packed.scales[column]}`,
      );
      if (w === 0) assertEquals(after[i], 0);
    }
  }
}

for (const tested of DEVICES) {
  tested.test("nm() keeps what the CrAM code keeps", async (device) => {
    using _scope = device.scope();
    // [out, in, height, width] = [2, 3, 2, 2], 1 to 24 with alternating signs.
    const oihw = tensor(
      device,
      Float32Array.from({ length: 24 }, (_, i) => (i % 2 ? -1 : 1) * (i + 1)),
      { shape: [2, 3, 2, 2] },
    );
    const conv = transpose(oihw, [2, 3, 1, 0]);
    nm(2, 4).compress([{ name: "conv", tensor: conv }]);
    const kept = [...await transpose(conv, [3, 2, 0, 1]).data()]
      .filter((w) => w !== 0);
    assertEquals(kept, [5, 7, 9, -10, 11, -12, 17, 19, 21, -22, 23, -24]);
    const row = [.1, -.9, .3, .2, .5, -.4, .6, .05];
    for (
      const [n, m, expected] of [
        [2, 4, [-.9, .3, .5, .6]],
        [4, 8, [-.9, .5, -.4, .6]],
      ] as const
    ) {
      const linear = tensor(device, row, { shape: [8, 1] });
      nm(n, m).compress([{ name: "linear", tensor: linear }]);
      assertEquals(
        [...await linear.data()].filter((w) => w !== 0),
        [...Float32Array.from(expected)],
      );
    }
    const equal = ones(device, [8, 1]);
    nm(2, 4).compress([{ name: "equal", tensor: equal }]);
    assertEquals([...await equal.data()], [0, 0, 1, 1, 0, 0, 1, 1]);
  });

  tested.test("topK() prunes ResNet-20 to the counts of the CrAM code", async (device) => {
    for (
      const [sparsity, zeros] of [
        [0.5, 135_449],
        [0.7, 189_628],
        [0.9, 243_807],
        [0.95, 257_352],
      ]
    ) {
      using _scope = device.scope();
      using model = resnet20(device, { seed: 4n });
      const { report } = await compressOnce(model.parameters(), topK(sparsity));
      assertEquals(report.prunable.size, 270_896);
      assertEquals(report.prunable.zeros, zeros);
      assertEquals(report.all.size, 272_474);
      assertEquals(report.layers.filter(({ prunable }) => prunable).length, 22);
    }
  });

  tested.test("topK() orders ties by the list, wherever weights lie", async (device) => {
    using _scope = device.scope();
    const arena = zeros(device, [12]);
    const list = Array.from({ length: 3 }, (_, i) => ({
      name: `${i}`,
      tensor: ones(device, [2, 2]),
    }));
    for (const [i, offset] of [8, 0, 4].entries()) {
      moveInto(list[i].tensor, arena, offset);
    }
    topK(0.5, { exact: true }).compress(list);
    assertEquals(await read(list), [[1, 1, 1, 1], [1, 1, 0, 0], [0, 0, 0, 0]]);
  });

  tested.test("quantize() with least squared error is never worse than without", async (device) => {
    const next = generator(8);
    const values = Array.from(
      { length: 60 },
      () => Math.fround((next() - 0.5) ** 3),
    );
    for (const scheme of ["symmetric", "affine"] as const) {
      for (const bits of [2, 8]) {
        using _scope = device.scope();
        const errors = await Promise.all(
          (["mse", "absmax"] as const).map(async (clipping) => {
            const weight = tensor(device, Float32Array.from(values), {
              shape: [20, 3],
            });
            quantize({ bits, scheme, clipping })
              .compress([{ name: "0", tensor: weight }]);
            const result = await weight.data();
            return [0, 1, 2].map((channel) =>
              values.reduce(
                (sum, w, i) =>
                  sum + (i % 3 === channel ? (w - result[i]) ** 2 : 0),
                0,
              )
            );
          }),
        );
        const [mse, absmax] = errors;
        for (const [i, error] of mse.entries()) {
          assert(error <= absmax[i] * (1 + 1e-5), `${error} > ${absmax[i]}`);
        }
        if (bits === 2) assert(mse.every((error, i) => error < absmax[i]));
      }
    }
  });

  tested.test("quantize() passes NaN on within its channel", async (device) => {
    using _scope = device.scope();
    const options = { bits: 4 };
    const weight = tensor(device, [[1, NaN], [-0.6, 2]]);
    const packed = await quantizeTensor(weight, options);
    quantize(options).compress([{ name: "0", tensor: weight }]);
    const [a, b, c, d] = await weight.data();
    assertEquals([b, d], [NaN, NaN]);
    assert(Math.abs(a - 1) < 1e-6 && Math.abs(c + 4 / 7) < 0.01);
    assertEquals([...await packed.dequantize(device).data()], [a, b, c, d]);
  });

  tested.test("chain() prunes by all masks and quantizes what is left", async (device) => {
    using _scope = device.scope();
    const shapes = SHAPES.convolutions;
    const values = shapes.map((shape) =>
      Array.from({ length: sizeOf(shape) }, random)
    );
    const weights = upload(device, shapes, values);
    const masks = chain(
      topK(0.3, { scope: "uniform" }),
      nm(2, 4),
      quantize({ bits: 4 }),
    ).compress(weights)!;
    const one = upload(device, shapes, values);
    const uniform = topK(0.3, { scope: "uniform" }).compress(one)!;
    const second = nm(2, 4).compress(one)!;
    quantize({ bits: 4 }).compress(one);
    assertEquals(await read(weights), await read(one));
    const both = uniform.and(second);
    assertEquals(
      await readMasks(masks, weights),
      await readMasks(both, weights),
    );

    // Known masks are applied to other weights, which are quantized then.
    const fresh = upload(
      device,
      shapes,
      values.map((list) => list.toReversed()),
    );
    const plain = upload(
      device,
      shapes,
      values.map((list) => list.toReversed()),
    );
    const compressor = chain(
      topK(0.3, { scope: "uniform" }),
      quantize({ bits: 4 }),
    );
    assertEquals(compressor.compress(fresh, masks), masks);
    masks.apply(plain);
    quantize({ bits: 4 }).compress(plain);
    assertEquals(await read(fresh), await read(plain));
  });

  tested.test("Masks combine, are counted, applied, saved and loaded", async (device) => {
    using _scope = device.scope();
    const shapes = SHAPES.small;
    const values = shapes.map((shape) =>
      Array.from({ length: sizeOf(shape) }, random)
    );
    const weights = () => upload(device, shapes, values);
    const target = weights();
    const a = topK(0.5).compress(weights())!;
    const b = nm(1, 2).compress(weights())!;
    const [masksA, masksB] = [
      await readMasks(a, target) as boolean[][],
      await readMasks(b, target) as boolean[][],
    ];
    const merged = (f: (x: boolean, y: boolean) => boolean) =>
      masksA.map((list, i) => list.map((x, j) => f(x, masksB[i][j])));
    const and = a.and(b);
    assertEquals(await readMasks(and, target), merged((x, y) => x && y));
    assertEquals(await readMasks(a.or(b), target), merged((x, y) => x || y));
    assertEquals(
      await and.count(),
      new Map(
        merged((x, y) => x && y).map((list, i) => [
          `${i}`,
          { kept: list.filter(Boolean).length, size: list.length },
        ]),
      ),
    );
    and.apply(target);
    assertEquals(
      await read(target),
      apply(values, merged((x, y) => x && y)),
    );
    const file = parseSafetensors(await encodeSafetensors(and.entries));
    for (const { dtype } of file.entries.values()) assertEquals(dtype, "BOOL");
    using loaded = await Masks.load(file, target);
    assertEquals(
      await readMasks(loaded, target),
      await readMasks(and, target),
    );
    const first = topK(0.5).compress([weights()[0]])!;
    const partly = b.and(first);
    assertEquals([...partly.entries.keys()].toSorted(), ["0", "1", "2"]);
    assertEquals([...b.or(first).entries.keys()], ["0"]);
    assertEquals((await partly.count()).get("2"), (await b.count()).get("2"));
  });

  tested.test("sparsityOf() counts zeros of prunable and of all parameters", async (device) => {
    using _scope = device.scope();
    const parameters = [
      { name: "weight", tensor: tensor(device, [[0, -0], [NaN, 1]]) },
      { name: "bias", tensor: tensor(device, [0, 2, 3]) },
      { name: "empty", tensor: zeros(device, [0, 3]) },
    ];
    const report = await sparsityOf(parameters);
    assertEquals(report.layers.map(({ zeros }) => zeros), [2, 1, 0]);
    assertEquals(report.prunable, { size: 4, zeros: 2, sparsity: 0.5 });
    assertEquals(report.all, { size: 7, zeros: 3, sparsity: 3 / 7 });
    const other = await sparsityOf(parameters, new Set(["bias"]));
    assertEquals(other.prunable, { size: 3, zeros: 1, sparsity: 1 / 3 });
  });

  tested.test("compressors free everything but their masks", async (device) => {
    const weights = upload(device, [[4, 6], [6, 4], [4, 2]], [
      Array.from({ length: 24 }, random),
      Array.from({ length: 24 }, random),
      Array.from({ length: 8 }, random),
    ]);
    const before = device.memory.liveBuffers;
    for (
      const compressor of [
        topK(0.5),
        topK(0.5, { scope: "uniform", exact: true }),
        nm(2, 4),
        quantize({ bits: 3, clipping: "mse" }),
        chain(topK(0.2), nm(2, 4), quantize({ bits: 4, scheme: "affine" })),
      ]
    ) {
      const masks = compressor.compress(weights);
      assertEquals(compressor.compress(weights, masks) ?? masks, masks);
      if (masks !== undefined) {
        using both = masks.and(masks);
        await both.count();
        masks[Symbol.dispose]();
      }
      assertEquals(device.memory.liveBuffers, before, compressor.name);
    }
    await quantizeTensor(weights[0].tensor, { bits: 4 });
    await sparsityOf(weights);
    assertEquals(device.memory.liveBuffers, before);
    for (const { tensor } of weights) tensor.dispose();
  });
}

smallBindings.test("topK() finds one threshold over memory that is larger than a binding", async (device) => {
  using _scope = device.scope();
  const shapes = [[50, 60], [60, 51], [30, 30]];
  const values = shapes.map((shape) =>
    Array.from({ length: sizeOf(shape) }, CONTENTS.tied)
  );
  for (const exact of [false, true]) {
    const weights = upload(device, shapes, values);
    const arena = zeros(device, [shapes.reduce((n, s) => n + sizeOf(s), 0)]);
    let offset = 0;
    for (const { tensor } of weights) {
      moveInto(tensor, arena, offset);
      offset += tensor.size;
    }
    const masks = topK(0.7, { exact }).compress(weights)!;
    assertEquals(masks.flats.length, 1);
    const expected = split(keptOf(values.flat(), 0.7, exact), shapes);
    assertEquals(await readMasks(masks, weights), expected);
    assertEquals(await read(weights), apply(values, expected));
  }
});

const [reference] = DEVICES;

reference.test("compressors refuse bad options and weights, and change nothing", async (device) => {
  using _scope = device.scope();
  const wrong = [
    () => topK(1),
    () => topK(-0.1),
    () => topK(NaN),
    () => topK(0.5, { scope: "layer" as "global" }),
    () => nm(4, 4),
    () => nm(0, 4),
    () => nm(5, 4),
    () => nm(1.5, 4),
    () => nm(2, 33),
    () => nmGroups([], 0),
    () => quantize({ bits: 1 }),
    () => quantize({ bits: 9 }),
    () => quantize({ bits: 4.5 }),
    () => quantize({ bits: 4, scheme: "log" as "affine" }),
    () => quantize({ bits: 4, clipping: "best" as "mse" }),
    () => chain(),
  ];
  for (const call of wrong) assertThrows(call, ArgumentError);

  await using elsewhere = await openDevice("reference");
  const weight = tensor(device, [[1, 2], [3, 4]]);
  const double = tensor(device, [[1]], { dtype: "float64" });
  const int = tensor(device, [[1]], { dtype: "int32" });
  const lists: [Weight[], typeof ArgumentError, string][] = [
    [[], ArgumentError, "there are no weights"],
    [
      [{ name: "a", tensor: weight }, { name: "a", tensor: double }],
      ArgumentError,
      'two weights are called "a"',
    ],
    [
      [{ name: "a", tensor: weight }, { name: "b", tensor: weight }],
      ArgumentError,
      '"a" and "b" are the same tensor',
    ],
    [
      [{ name: "a", tensor: weight }, { name: "b", tensor: int }],
      DTypeError,
      '"b" is int32',
    ],
    [
      [{ name: "a", tensor: weight }, { name: "b", tensor: double }],
      DTypeError,
      '"b" is float64, but "a" is float32',
    ],
    [
      [
        { name: "a", tensor: weight },
        { name: "b", tensor: tensor(elsewhere, [[1]]) },
      ],
      DeviceError,
      "different devices",
    ],
  ];
  const compressors = [
    topK(0.5),
    nm(2, 4),
    quantize({ bits: 4 }),
    chain(topK(0.5), quantize({ bits: 4 })),
  ];
  for (const compressor of compressors) {
    for (const [weights, type, message] of lists) {
      assertThrows(() => compressor.compress(weights), type, message);
    }
  }
  assertThrows(
    () =>
      topK(0.5, { scope: "uniform" }).compress([{ name: "a", tensor: weight }]),
    ArgumentError,
    "of 1 weights the first and the last stay dense",
  );
  await assertRejects(
    () => compressOnce(new Map([["bias", zeros(device, [2])]]), topK(0.5)),
    ArgumentError,
    "Cannot compress by top-k 50 %: none of the 1 parameters is prunable",
  );
  await assertRejects(
    () => quantizeTensor(weight, { bits: 12 }),
    ArgumentError,
    "12 bits",
  );
  assertThrows(
    () =>
      new QuantizedTensor({
        shape: [3],
        settings: {
          bits: 4,
          scheme: "symmetric",
          perChannel: false,
          clipping: "absmax",
        },
        codes: new Uint8Array(3),
        gridShape: [1],
        scales: new Float32Array(1),
        zeroPoints: new Float32Array(1),
      }),
    ArgumentError,
    "of 3 bytes of codes, 1 scales and 1 zero points: expected 2, 1 and 1",
  );
  assertEquals([...await weight.data()], [1, 2, 3, 4]);
});

reference.test("Masks refuse weights and files that they do not fit", async (device) => {
  using _scope = device.scope();
  const weight = { name: "a", tensor: tensor(device, [[1, 2], [3, 4]]) };
  const masks = Masks.for([weight]);
  const other = { name: "a", tensor: tensor(device, [1, 2]) };
  assertThrows(() => masks.apply([other]), ShapeError, "[2, 2]");
  assertThrows(() => masks.and(Masks.for([other])), ShapeError, "[2]");
  const saved = async (mask: typeof other.tensor) =>
    parseSafetensors(await encodeSafetensors([["a", mask]]));
  const mask = masks.entries.get("a")!;
  await assertRejects(
    async () => await Masks.load(await saved(mask), []),
    ArgumentError,
    '"a"',
  );
  await assertRejects(
    async () => await Masks.load(await saved(mask), [other]),
    ShapeError,
    "[2, 2]",
  );
  await assertRejects(
    async () => await Masks.load(await saved(weight.tensor), [weight]),
    DTypeError,
    "F32",
  );
});

reference.test("nmGroups() tells where groups straddle and what they lack", (device) => {
  using _scope = device.scope();
  const weights = [[3, 3, 8, 5], [7, 7, 3, 64], [10, 3]].map((shape, i) => ({
    name: `${i}`,
    tensor: zeros(device, shape),
  }));
  assertEquals(
    nmGroups(weights, 4).map(({ groups, missing, conformant }) => [
      groups,
      missing,
      conformant,
    ]),
    [[90, 0, true], [2352, 0, false], [8, 2, false]],
  );
});
