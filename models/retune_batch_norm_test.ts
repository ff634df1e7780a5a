import { ArgumentError, openDevice, RandomSource, tensor } from "@cram/tensor";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { BatchNorm2d } from "./batch_norm.ts";
import { Conv2d } from "./conv2d.ts";
import { Sequence } from "./sequence.ts";
import { retuneBatchNorm } from "./retune_batch_norm.ts";

Deno.test("retuneBatchNorm() forgets old statistics and averages those of the batches", async () => {
  await using device = await openDevice("reference");
  using _scope = device.scope();
  const sizes = { inChannels: 1, outChannels: 1, kernelSize: 1 };
  const conv = new Conv2d(device, sizes, new RandomSource(1n));
  const norm = new BatchNorm2d(device, 1);
  const model = new Sequence([conv, new Sequence([norm])]);
  const batch = tensor(device, [1, 3, 5, 7], { shape: [4, 1, 1, 1] });
  const weight = await conv.weight.value.item();
  const before = device.memory.liveBuffers;
  await retuneBatchNorm(model, [batch]);
  assertEquals(await retuneBatchNorm(model, Array(100).fill(batch)), 100);
  assertEquals(device.memory.liveBuffers, before);
  assertEquals(await conv.weight.value.item(), weight);
  // The running variance is that of samples: 20 / 3; 0.9^100 is what is left of the reset.
  const left = 0.9 ** 100;
  const mean = await norm.runningMean.value.item();
  const variance = await norm.runningVariance.value.item();
  assert(Math.abs(mean - 4 * weight * (1 - left)) < 1e-5 * Math.abs(weight));
  const expected = 20 / 3 * weight ** 2 * (1 - left) + left;
  assert(Math.abs(variance - expected) < 1e-5 * expected, `${variance}`);
});

Deno.test("retuneBatchNorm() refuses models without batch normalization", async () => {
  await using device = await openDevice("reference");
  using _scope = device.scope();
  const sizes = { inChannels: 1, outChannels: 1, kernelSize: 1 };
  const conv = new Conv2d(device, sizes, new RandomSource(1n));
  await assertRejects(
    () => retuneBatchNorm(conv, []),
    ArgumentError,
    "no batch normalization",
  );
});
