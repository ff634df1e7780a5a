import { assertAlmostEquals, assertEquals } from "@std/assert";
import { add, mul } from "./arithmetic.ts";
import { scaledDotProductAttention } from "./attention.ts";
import { ones, tensor, zeros } from "./creation.ts";
import { ArgumentError, DTypeError, ShapeError } from "./errors.ts";
import { dropout } from "./dropout.ts";
import { matmul } from "./matmul.ts";
import { randomNormal } from "./random.ts";
import { slice } from "./slice.ts";
import { softmax } from "./softmax.ts";
import type { Tensor } from "./tensor.ts";
import { transpose } from "./transpose.ts";
import { where } from "./where.ts";
import { openTested, REFERENCE } from "../tests/devices.ts";
import { assertRefused } from "../tests/refused.ts";

const [reference] = await openTested(REFERENCE);

const [N, Lq, Lk, H, D, Dv] = [2, 3, 4, 2, 5, 3];

/** Attention by its formula, with an additive mask. */
function attend(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  mask: Tensor | number,
  scale = 1 / Math.sqrt(D),
): Tensor {
  const heads = (x: Tensor) => transpose(x, [0, 2, 1, 3]);
  const products = matmul(heads(query), heads(key), { transposeB: true });
  const scores = add(mul(products, scale), mask);
  return transpose(matmul(softmax(scores), heads(value)), [0, 2, 1, 3]);
}

async function assertClose(actual: Tensor, expected: Tensor): Promise<void> {
  assertEquals(actual.shape, expected.shape);
  const values = await expected.data();
  (await actual.data()).forEach((value, i) =>
    assertAlmostEquals(value, values[i], 1e-12)
  );
}

reference.test("scaledDotProductAttention() is what its formula says, with any mask", async (device) => {
  using _scope = device.scope();
  const draw = (shape: number[], stream: bigint) =>
    randomNormal(device, shape, { seed: 1n, stream, dtype: "float64" });
  const query = draw([N, Lq, H, D], 1n);
  const key = draw([N, Lk, H, D], 2n);
  const value = draw([N, Lk, H, Dv], 3n);
  const run = (options: Parameters<typeof scaledDotProductAttention>[3]) =>
    scaledDotProductAttention(query, key, value, options);

  await assertClose(run({}), attend(query, key, value, 0));
  await assertClose(run({ scale: 2 }), attend(query, key, value, 0, 2));

  const additive = draw([N, 1, Lq, Lk], 4n);
  await assertClose(
    run({ mask: additive }),
    attend(query, key, value, additive),
  );

  const padding = tensor(device, [
    [[[true, true, false, false]]],
    [[[true, false, true, true]]],
  ]);
  const closed = tensor(device, -Infinity, { dtype: "float64" });
  const shut = where(padding, 0, closed);
  await assertClose(run({ mask: padding }), attend(query, key, value, shut));

  const past = tensor(
    device,
    [...Array(Lq).keys()].map((i) => [...Array(Lk).keys()].map((j) => j <= i)),
  );
  const future = where(past, 0, closed);
  await assertClose(run({ causal: true }), attend(query, key, value, future));
  await assertClose(
    run({ causal: true, mask: padding }),
    attend(query, key, value, add(future, shut)),
  );
  await assertClose(
    run({ causal: true, mask: additive }),
    attend(query, key, value, add(future, additive)),
  );
});

reference.test("scaledDotProductAttention() drops probabilities as dropout() does, filled up to whole blocks", async (device) => {
  using _scope = device.scope();
  const draw = (shape: number[], stream: bigint) =>
    randomNormal(device, shape, { seed: 1n, stream, dtype: "float64" });
  const drops = { rate: 0.4, seed: 5n, stream: 2n ** 40n };
  for (const keys of [3, 4, 9]) {
    const query = draw([N, Lq, H, D], 1n);
    const key = draw([N, keys, H, D], 2n);
    const value = draw([N, keys, H, Dv], 3n);
    const heads = (x: Tensor) => transpose(x, [0, 2, 1, 3]);
    const products = matmul(heads(query), heads(key), { transposeB: true });
    const probabilities = softmax(mul(products, 1 / Math.sqrt(D)));
    const whole = Math.ceil(keys / 4) * 4;
    const kept = slice(
      dropout(ones(device, [N, H, Lq, whole], { dtype: "float64" }), drops),
      [0, 0, 0, 0],
      [-1, -1, -1, keys],
    );
    const expected = matmul(mul(probabilities, kept), heads(value));
    const options = { dropout: drops };
    await assertClose(
      scaledDotProductAttention(query, key, value, options),
      heads(expected),
    );
    await assertClose(
      scaledDotProductAttention(query, key, value, {
        dropout: { ...drops, training: false },
      }),
      heads(matmul(probabilities, heads(value))),
    );
  }
});

reference.test("scaledDotProductAttention() gives zeros to a query that sees no key", async (device) => {
  using _scope = device.scope();
  const x = ones(device, [1, 2, 1, 1]);
  const mask = tensor(device, [[false, false], [true, false]]);
  const y = scaledDotProductAttention(x, x, x, { mask });
  assertEquals([...await y.data()], [0, 1]);
  const none = zeros(device, [1, 0, 1, 1]);
  assertEquals([...await scaledDotProductAttention(x, none, none).data()], [
    0,
    0,
  ]);
  assertEquals(scaledDotProductAttention(none, x, x).shape, [1, 0, 1, 1]);
});

reference.test("scaledDotProductAttention() gives back its temporaries", (device) => {
  using x = ones(device, [1, 2, 1, 1]);
  using mask = ones(device, [2, 2], { dtype: "bool" });
  using _y = scaledDotProductAttention(x, x, x, { mask, causal: true });
  assertEquals([device.memory.liveBuffers, mask.shared], [3, false]);
});

reference.test("scaledDotProductAttention() throws when arguments do not fit", (device) => {
  using _scope = device.scope();
  const shape = (...sizes: number[]) => ones(device, sizes);
  const query = shape(1, 2, 3, 4);
  const [flat, otherKeys, otherHeads] = [
    shape(2, 3, 4),
    shape(1, 5, 3, 4),
    shape(1, 2, 1, 4),
  ];
  const [shallow, mask] = [shape(1, 2, 3, 2), shape(3, 2)];
  const int = ones(device, [2, 2], { dtype: "int32" });
  const empty = zeros(device, [1, 2, 3, 0]);
  const attend = scaledDotProductAttention;
  for (
    const [call, error, message] of [
      [() => attend(flat, flat, flat), ShapeError, "expected [N, Lq, H, D]"],
      [
        () => attend(query, otherKeys, query),
        ShapeError,
        "values [1, 5, 3, 4]",
      ],
      [() => attend(query, otherHeads, query), ShapeError, "keys [1, 2, 3, 4]"],
      [() => attend(query, shallow, query), ShapeError, "keys [1, 2, 3, 4]"],
      [() => attend(empty, empty, query), ShapeError, "at least one number"],
      [
        () => attend(query, query, query, { mask }),
        ShapeError,
        "does not broadcast",
      ],
      [
        () => attend(query, query, query, { mask: int }),
        DTypeError,
        "bool or float32",
      ],
      [
        () => attend(query, query, query, { scale: NaN }),
        ArgumentError,
        "not NaN",
      ],
      [() => attend(int, int, int), DTypeError, "float"],
    ] as const
  ) {
    assertRefused(device, call, error, message);
  }
});
