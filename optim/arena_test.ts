import { assertEquals, assertThrows } from "@std/assert";
import {
  ArgumentError,
  DTypeError,
  openDevice,
  type Tensor,
  tensor,
} from "@cram/tensor";
import { ParameterArena } from "./arena.ts";

function named(...tensors: Tensor[]): Map<string, Tensor> {
  return new Map(tensors.map((tensor, i) => [`${i}`, tensor]));
}

Deno.test("ParameterArena puts matrices first and keeps values", async () => {
  await using device = await openDevice("reference");
  using _scope = device.scope();
  const parameters = [
    tensor(device, [1, 2]),
    tensor(device, [[3, 4], [5, 6]]),
    tensor(device, 7),
  ];
  using arena = new ParameterArena(named(...parameters));
  assertEquals(arena.chunks.map((chunk) => chunk.shape), [[7]]);
  assertEquals(parameters.map(({ shape }) => shape), [[2], [2, 2], []]);
  assertEquals([...await parameters[1].data()], [3, 4, 5, 6]);
  const flat = await arena.chunks[0].data();
  assertEquals([...flat], [3, 4, 5, 6, 1, 2, 7]);
  assertEquals(arena.weights.map(({ name }) => name), ["1"]);
});

Deno.test("ParameterArena gathers tensors in the order of the parameters", async () => {
  await using device = await openDevice("reference");
  using _scope = device.scope();
  using arena = new ParameterArena(named(
    tensor(device, [1]),
    tensor(device, [[2, 3]]),
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
  assertThrows(
    () =>
      new ParameterArena(
        named(value, tensor(device, [1], { dtype: "float64" })),
      ),
    DTypeError,
    "float64",
  );
  assertThrows(
    () =>
      new ParameterArena(
        named(tensor(device, [1], { dtype: "int32" })),
      ),
    DTypeError,
    "int32",
  );
  assertEquals(value.shared, false);
});
