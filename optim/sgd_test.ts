import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ArgumentError, openDevice, tensor } from "@cram/tensor";
import { sgd } from "./sgd.ts";

Deno.test("sgd() looks ahead along the momentum with Nesterov, and dampens", async () => {
  await using device = await openDevice("reference");
  using _scope = device.scope();
  const run = async (rule: ReturnType<typeof sgd>) => {
    const theta = tensor(device, [1], { dtype: "float64" });
    using optimizer = rule.start([theta]);
    for (let step = 0; step < 2; step++) {
      await optimizer.step(() => ({
        value: tensor(device, 0),
        gradients: [tensor(device, [1], { dtype: "float64" })],
      }), { learningRate: 1 });
    }
    return await theta.item();
  };
  assertEquals(
    await run(sgd({ momentum: 0.5, nesterov: true })),
    1 - 1.5 - 1.75,
  );
  assertEquals(await run(sgd({ momentum: 0.5, dampening: 0.5 })), 1 - 1 - 1);
});

Deno.test("sgd() needs no memory beyond its first step", async () => {
  await using device = await openDevice("reference");
  const theta = tensor(device, [1, 2, 3]);
  {
    using optimizer = sgd({ momentum: 0.5, weightDecay: 0.1 }).start([theta]);
    const live: number[] = [];
    for (let step = 0; step < 3; step++) {
      using _scope = device.scope();
      await optimizer.step(() => ({
        value: tensor(device, 0),
        gradients: [tensor(device, [1, 1, 1])],
      }), { learningRate: 0.1 });
      live.push(device.memory.liveBytes);
    }
    assertEquals(live[2], live[0]);
  }
  theta.dispose();
  assertEquals(device.memory.liveBytes, 0);
});

Deno.test("sgd() refuses settings out of their ranges", async () => {
  for (
    const options of [
      { momentum: 1 },
      { momentum: -0.1 },
      { dampening: 2 },
      { nesterov: true },
      { nesterov: true, momentum: 0.9, dampening: 0.1 },
      { weightDecay: -1 },
      { weightDecay: NaN },
    ]
  ) assertThrows(() => sgd(options), ArgumentError);
  await using device = await openDevice("reference");
  using _scope = device.scope();
  using optimizer = sgd().start([tensor(device, [1])]);
  await assertRejects(
    () =>
      optimizer.step(() => ({ value: tensor(device, 0), gradients: [] }), {
        learningRate: NaN,
      }),
    ArgumentError,
    "NaN",
  );
});
