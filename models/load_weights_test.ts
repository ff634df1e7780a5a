import {
  encodeSafetensors,
  openDevice,
  parseSafetensors,
  tensor,
} from "@cram/tensor";
import { assertEquals, assertRejects } from "@std/assert";
import { BatchNorm2d } from "./batch_norm.ts";
import { StateDictError } from "./errors.ts";
import { loadWeights } from "./load_weights.ts";
import { exportStateDict } from "./pytorch.ts";
import { resnet20 } from "./resnet.ts";

Deno.test("loadWeights() reads what PyTorch writes, counters included", async () => {
  await using device = await openDevice("reference");
  {
    using model = new BatchNorm2d(device, 2);
    using _scope = device.scope();
    const counter = {
      dtype: "I64",
      shape: [],
      bytes: new Uint8Array(8),
    } as const;
    await using file = parseSafetensors(
      await encodeSafetensors(Object.entries({
        weight: tensor(device, [1, 2]),
        bias: tensor(device, [3, 4]),
        running_mean: tensor(device, [5, 6]),
        running_var: tensor(device, [7, 8]),
        num_batches_tracked: counter,
      })),
    );
    await loadWeights(model, file);
    const values = await Promise.all(
      Array.from(model.stateDict().values(), (tensor) => tensor.data()),
    );
    assertEquals(values.map((list) => [...list]), [
      [1, 2],
      [3, 4],
      [5, 6],
      [7, 8],
    ]);
  }
  assertEquals(device.memory.liveBytes, 0);
});

Deno.test("loadWeights() names the classifier of another size", async () => {
  await using device = await openDevice("reference");
  using ten = resnet20(device, { classes: 10, seed: 1n });
  using three = resnet20(device, { classes: 3, seed: 1n });
  using _scope = device.scope();
  await using file = parseSafetensors(
    await encodeSafetensors(exportStateDict(ten)),
  );
  await assertRejects(
    () => loadWeights(three, file),
    StateDictError,
    '"fc.bias" is float32 [10] where float32 [3] is expected',
  );
});
