import { openDevice, tensor, writeSafetensors } from "@cram/tensor";
import { assertEquals, assertRejects } from "@std/assert";
import { join } from "node:path";
import { readCheckpoint, writeCheckpoint } from "./checkpoint.ts";
import { CheckpointError } from "./errors.ts";
import {
  inTemporaryFolder,
  withoutPermissions as ignore,
} from "./testdata/temporary_folder.ts";

Deno.test("readCheckpoint() reads what writeCheckpoint() wrote, bit for bit", {
  ignore,
}, () =>
  inTemporaryFolder(async (folder) => {
    await using device = await openDevice("reference");
    using _scope = device.scope();
    const path = join(folder, "checkpoint");
    const position = {
      step: 7,
      fileLengths: { "metrics.jsonl": 123 },
      meter: {
        losses: [Math.fround(0.1), 1e-30],
        hits: 3,
        examples: 8,
        sparsities: [0.5, 0.9],
      },
    };
    const optimizer = { optimizer: "sgd()", scalars: { steps: 6, skipped: 1 } };
    await writeCheckpoint(path, {
      ...position,
      // The same name twice: in the model and in the optimizer's memory.
      model: new Map([["fc.weight", tensor(device, [[0.1, -0]])]]),
      optimizer: {
        ...optimizer,
        tensors: new Map([["fc.weight", tensor(device, [true, false])]]),
      },
    });
    const { model, optimizer: { tensors, ...rest }, ...others } =
      await readCheckpoint(path, device);
    assertEquals(others, position);
    assertEquals(rest, optimizer);
    assertEquals([...model.keys()], ["fc.weight"]);
    assertEquals(
      await model.get("fc.weight")?.data(),
      Float32Array.of(0.1, -0),
    );
    assertEquals([...tensors.keys()], ["fc.weight"]);
    assertEquals(tensors.get("fc.weight")?.dtype, "bool");
  }));

Deno.test("readCheckpoint() refuses other safetensors files", {
  ignore,
}, () =>
  inTemporaryFolder(async (folder) => {
    await using device = await openDevice("reference");
    const path = join(folder, "model.safetensors");
    await writeSafetensors(path, []);
    await assertRejects(
      () => readCheckpoint(path, device),
      CheckpointError,
      `Cannot go on from "${path}": the file is no checkpoint`,
    );
  }));
