import {
  ArgumentError,
  type Device,
  openDevice,
  RandomSource,
  type Tensor,
  tensor,
  zeros,
} from "@cram/tensor";
import {
  assert,
  assertEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { BatchNorm2d } from "./batch_norm.ts";
import { Conv2d } from "./conv2d.ts";
import { StateDictError } from "./errors.ts";
import { EVALUATION } from "./forward_context.ts";
import { Linear } from "./linear.ts";
import { exportStateDict, importStateDict } from "./pytorch.ts";
import { Sequence } from "./sequence.ts";

function smallModel(device: Device, seed = 1n): Sequence {
  const random = new RandomSource(seed);
  return new Sequence([
    new Conv2d(
      device,
      { inChannels: 2, outChannels: 3, kernelSize: 1, bias: true },
      random,
    ),
    new BatchNorm2d(device, 3),
    new Linear(device, { inFeatures: 3, outFeatures: 2 }, random),
  ]);
}

Deno.test("Module lists parameters and buffers by name", async () => {
  await using device = await openDevice("reference");
  using model = smallModel(device);
  assertEquals([...model.parameters().keys()], [
    "0.weight",
    "0.bias",
    "1.weight",
    "1.bias",
    "2.weight",
    "2.bias",
  ]);
  assertEquals([...model.buffers().keys()], [
    "1.running_mean",
    "1.running_var",
  ]);
  const state = model.stateDict();
  assertStrictEquals(
    state.get("2.bias"),
    model.parameters().get("2.bias"),
  );
  using x = zeros(device, [1, 1, 1, 2]);
  using y = model.forward(x, EVALUATION);
  assertEquals(y.shape, [1, 1, 1, 2]);
});

Deno.test("loadStateDict() copies, and disposing frees all memory", async () => {
  await using device = await openDevice("reference");
  {
    using a = smallModel(device, 1n);
    using b = smallModel(device, 2n);
    b.loadStateDict(a.stateDict());
    for (const [name, value] of b.stateDict()) {
      const original = a.stateDict().get(name)!;
      assertEquals(await value.data(), await original.data(), name);
      assert(value !== original);
    }
  }
  assertEquals(device.memory.liveBytes, 0);
});

Deno.test("loadStateDict() lists all that does not fit, and changes nothing", async () => {
  await using device = await openDevice("reference");
  using _scope = device.scope();
  const model = smallModel(device);
  const before = await model.stateDict().get("0.weight")!.data();
  const state = new Map<string, Tensor>(smallModel(device, 2n).stateDict());
  state.delete("1.bias");
  state.delete("2.bias");
  state.set("3.weight", zeros(device, [1]));
  state.set("2.weight", zeros(device, [2, 3]));
  state.set("1.running_mean", tensor(device, [1, 2, 3], { dtype: "float64" }));
  const { message } = assertThrows(
    () => model.loadStateDict(state),
    StateDictError,
  );
  assertEquals(
    message,
    'Cannot load weights: missing are "1.bias", "2.bias"; unexpected are "3.weight"; "1.running_mean" is float64 [3] where float32 [3] is expected; "2.weight" is float32 [2, 3] where float32 [3, 2] is expected',
  );
  assertEquals(await model.stateDict().get("0.weight")!.data(), before);
});

Deno.test("loadStateDict() shortens long lists", async () => {
  await using device = await openDevice("reference");
  using _scope = device.scope();
  const state = new Map(
    Array.from({ length: 10 }, (_, i) => [`x${i}`, zeros(device, [1])]),
  );
  assertThrows(
    () => smallModel(device).loadStateDict(state),
    StateDictError,
    '"x7" and 2 more',
  );
});

Deno.test("Linear refuses to begin without inputs", async () => {
  await using device = await openDevice("reference");
  for (const inFeatures of [0, -1, NaN]) {
    assertThrows(
      () =>
        new Linear(
          device,
          { inFeatures, outFeatures: 2 },
          new RandomSource(1n),
        ),
      ArgumentError,
      `Cannot begin with weights for ${inFeatures} inputs: expected at least 1`,
    );
  }
});

Deno.test("exportStateDict() reorders axes and importStateDict() orders them back", async () => {
  await using device = await openDevice("reference");
  {
    using scope = device.scope();
    const a = smallModel(device, 1n);
    const b = smallModel(device, 2n);
    const state = exportStateDict(a);
    assertEquals(state.get("0.weight")?.shape, [3, 2, 1, 1]);
    const hwio = await a.stateDict().get("0.weight")!.data();
    const oihw = await state.get("0.weight")!.data();
    for (let o = 0; o < 3; o++) {
      for (let i = 0; i < 2; i++) {
        assertEquals(oihw[o * 2 + i], hwio[i * 3 + o]);
      }
    }
    assertEquals(state.get("2.weight")?.shape, [2, 3]);
    state.set("1.num_batches_tracked", zeros(device, []));
    const size = scope.size;
    importStateDict(b, state);
    assertEquals(scope.size, size);
    for (const [name, value] of b.stateDict()) {
      const original = a.stateDict().get(name)!;
      assertEquals(await value.data(), await original.data(), name);
    }
    state.set("0.weight", zeros(device, [3]));
    assertThrows(() => importStateDict(b, state), StateDictError, "[3]");
    assertEquals(scope.size, size + 1);
  }
  assertEquals(device.memory.liveBytes, 0);
});
