import { assertEquals, assertThrows } from "@std/assert";
import { ArgumentError, openDevice, tensor, zeros } from "@cram/tensor";
import { moveInto } from "@cram/tensor/flat";
import { topK } from "./top_k.ts";

Deno.test("topK() keeps one weight fewer than k, and no ties, by the strict rule", async () => {
  await using device = await openDevice("reference");
  using _scope = device.scope();
  const weight = tensor(device, [0.9, -0.4, 0.4, -0.5, -0.2, -1.2]);
  using masks = topK(0.5).compress([{ name: "weight", tensor: weight }]);
  assertEquals(
    await masks?.count(),
    new Map([["weight", { kept: 2, size: 6 }]]),
  );
  assertEquals(
    [...await weight.data()],
    [...new Float32Array([0.9, 0, 0, 0, 0, -1.2])],
  );
});

Deno.test("topK() finds one threshold for weights in one memory and apart", async () => {
  await using device = await openDevice("reference");
  using _scope = device.scope();
  const arena = zeros(device, [5]);
  const a = tensor(device, [[1, 2], [3, 4]]);
  const b = tensor(device, [[9]]);
  const c = tensor(device, [[5, 6]]);
  moveInto(a, arena, 0);
  moveInto(b, arena, 4);
  using masks = topK(0.5, { exact: true }).compress([
    { name: "a", tensor: a },
    { name: "b", tensor: b },
    { name: "c", tensor: c },
  ]);
  assertEquals(masks?.flats.map(({ size }) => size), [5, 2]);
  assertEquals([...await arena.data()], [0, 0, 0, 4, 9]);
  assertEquals([...await c.data()], [5, 6]);
});

Deno.test("topK() leaves the first and the last weight dense with uniform scope", async () => {
  await using device = await openDevice("reference");
  using _scope = device.scope();
  const weights = ["first", "inner", "other", "last"].map((name, i) => ({
    name,
    tensor: tensor(
      device,
      [[1, 2], [3, 4]].map((row) => row.map((w) => w * 10 ** i)),
    ),
  }));
  using _masks = topK(0.5, { scope: "uniform", exact: true }).compress(weights);
  const values = await Promise.all(
    weights.map(async ({ tensor }) => [...await tensor.data()]),
  );
  assertEquals(values, [
    [1, 2, 3, 4],
    [0, 0, 30, 40],
    [0, 0, 300, 400],
    [1000, 2000, 3000, 4000],
  ]);
});

Deno.test("topK() keeps all at sparsity 0, and zeros never", async () => {
  await using device = await openDevice("reference");
  using _scope = device.scope();
  const weight = tensor(device, [0, 0, 5, 0]);
  using all = topK(0).compress([{ name: "weight", tensor: weight }]);
  assertEquals((await all?.count())?.get("weight")?.kept, 4);
  using some = topK(0.5, { exact: true })
    .compress([{ name: "weight", tensor: weight }]);
  assertEquals((await some?.count())?.get("weight")?.kept, 1);
});

Deno.test("topK() refuses sparsities outside of [0, 1) and empty lists", () => {
  for (const sparsity of [-0.1, 1, NaN, Infinity]) {
    assertThrows(() => topK(sparsity), ArgumentError, `${sparsity}`);
  }
  assertThrows(() => topK(0.5).compress([]), ArgumentError, "no weights");
});
