import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { ArgumentError, DTypeError, openDevice, tensor } from "@cram/tensor";
import { ParameterArena, type ParameterSlot } from "./arena.ts";

function named(...slots: ParameterSlot[]): Map<string, ParameterSlot> {
  return new Map(slots.map((slot, i) => [`${i}`, slot]));
}

Deno.test("ParameterArena puts matrices first and keeps values", async () => {
  await using device = await openDevice("reference");
  using _scope = device.scope();
  const slots = [
    { value: tensor(device, [1, 2]) },
    { value: tensor(device, [[3, 4], [5, 6]]) },
    { value: tensor(device, 7) },
  ];
  using arena = new ParameterArena(named(...slots));
  assertEquals(arena.chunks.map((chunk) => chunk.shape), [[7]]);
  assertEquals(slots.map(({ value }) => value.shape), [[2], [2, 2], []]);
  assertEquals([...await slots[1].value.data()], [3, 4, 5, 6]);
  const flat = await arena.chunks[0].data();
  assertEquals([...flat], [3, 4, 5, 6, 1, 2, 7]);
  assertEquals(arena.weights.map(({ name }) => name), ["1"]);
});

Deno.test("ParameterArena gathers tensors in the order of the parameters", async () => {
  await using device = await openDevice("reference");
  using _scope = device.scope();
  using arena = new ParameterArena(named(
    { value: tensor(device, [1]) },
    { value: tensor(device, [[2, 3]]) },
  ));
  const gradients = arena.zeros();
  arena.gather(gradients, [tensor(device, [10]), tensor(device, [[20, 30]])]);
  const [first, second] = arena.views(gradients);
  assertEquals([...await first.data()], [10]);
  assertEquals([...await second.data()], [20, 30]);
  assertThrows(
    () => arena.gather(gradients, []),
    ArgumentError,
    "0 tensors in an arena of 2",
  );
});

Deno.test("ParameterArena refuses what does not belong together", async () => {
  await using device = await openDevice("reference");
  using _scope = device.scope();
  assertThrows(
    () => new ParameterArena(new Map()),
    ArgumentError,
    "without parameters",
  );
  const value = tensor(device, [1]);
  const slot = { value };
  assertThrows(
    () =>
      new ParameterArena(
        named(slot, { value: tensor(device, [1], { dtype: "float64" }) }),
      ),
    DTypeError,
    "float64",
  );
  assertThrows(
    () =>
      new ParameterArena(
        named({ value: tensor(device, [1], { dtype: "int32" }) }),
      ),
    DTypeError,
    "int32",
  );
  assertStrictEquals(slot.value, value);
});
