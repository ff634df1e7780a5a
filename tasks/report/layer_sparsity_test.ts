import { assertEquals, assertRejects } from "@std/assert";
import { openDevice } from "@cram/tensor";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { OneShotResult } from "../one_shot.ts";
import { writeWeights } from "../testdata/recorded_runs.ts";
import {
  inTemporaryFolder,
  withoutPermissions,
} from "../testdata/temporary_folder.ts";
import { layerSparsities } from "./layer_sparsity.ts";
import { ReportError } from "./recorded.ts";

function resultsOf(...names: string[]): OneShotResult[] {
  return names.map((name) => ({ name, sparsity: 0, metrics: {} }));
}

Deno.test({
  name: "layerSparsities() prunes all layers by one threshold",
  ignore: withoutPermissions,
  fn: () =>
    inTemporaryFolder(async (folder) => {
      const path = join(folder, "model.safetensors");
      await writeWeights(path);
      await using device = await openDevice("cpu", { threads: 1 });
      const results = resultsOf("dense", "top-k 75 %", "top-k 50 %", "2:4");
      const found = await layerSparsities(device, path, undefined, results);
      // By the strict rule the k-th largest goes too: 5 and 7 of 8.
      assertEquals(found, {
        compressors: ["as it is", "top-k 50 %", "top-k 75 %"],
        layers: [
          { name: "net.a.weight", shape: [2, 2], sparsities: [0, 1, 1] },
          { name: "net.b.weight", shape: [2, 2], sparsities: [0, 0.25, 0.75] },
        ],
        total: [0, 5 / 8, 7 / 8],
      });
      assertEquals(device.memory.liveBytes, 0);
    }),
});

Deno.test({
  name: "layerSparsities() reads checkpoints, and takes some weights only",
  ignore: withoutPermissions,
  fn: () =>
    inTemporaryFolder(async (folder) => {
      const path = join(folder, "checkpoint.safetensors");
      await writeWeights(path, "model.");
      await using device = await openDevice("cpu", { threads: 1 });
      const found = await layerSparsities(device, path, /b\.weight/, []);
      assertEquals(found?.compressors.length, 5);
      assertEquals(
        found?.layers.map(({ name, sparsities }) => [name, sparsities[1]]),
        [["net.b.weight", 0.75]],
      );
      assertEquals(await layerSparsities(device, path, /c/, []), undefined);
    }),
});

Deno.test({
  name: "layerSparsities() refuses what is no file of weights",
  ignore: withoutPermissions,
  fn: () =>
    inTemporaryFolder(async (folder) => {
      const path = join(folder, "model.safetensors");
      await writeFile(path, "no weights");
      await using device = await openDevice("cpu", { threads: 1 });
      await assertRejects(
        () => layerSparsities(device, path, undefined, []),
        ReportError,
        path,
      );
    }),
});
