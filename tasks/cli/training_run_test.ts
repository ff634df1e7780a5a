import { ArgumentError, openDevice } from "@cram/tensor";
import { assertRejects } from "@std/assert";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DataError } from "../errors.ts";
import {
  inTemporaryFolder,
  withoutPermissions as ignore,
} from "../testdata/temporary_folder.ts";
import { openChosenDevice } from "./training_run.ts";

const OPTIONS = {
  device: "reference",
  threads: undefined,
  precision: undefined,
  tuneKernels: true,
} as const;

Deno.test(
  "openChosenDevice() blames the file of kernels for what is in it, and for nothing else",
  {
    ignore,
  },
  () =>
    inTemporaryFolder(async (folder) => {
      const path = join(folder, "tuning.json");
      await writeFile(path, '{ "version": 2, "adapters": {} }');
      await assertRejects(
        () => openChosenDevice(OPTIONS, path),
        DataError,
        `Cannot use "${path}": Cannot use the tuning: expected version 1, found 2`,
      );
      await writeFile(path, '{ "version": 1, "adapters": {} }');
      await assertRejects(
        () => openChosenDevice({ ...OPTIONS, device: "cuda" as "cpu" }, path),
        ArgumentError,
        'Cannot open a device of kind "cuda"',
      );
    }),
);

const webgpu = await openDevice("webgpu").catch(() => undefined);
const tuning = await webgpu?.tune(() => {});
webgpu?.close();

Deno.test(
  "openChosenDevice() names the file of kernels with ways that the adapter does not have",
  {
    ignore: ignore || tuning === undefined, // there is no adapter
  },
  () =>
    inTemporaryFolder(async (folder) => {
      const path = join(folder, "tuning.json");
      const [adapter] = Object.keys(tuning!.adapters);
      const adapters = { [adapter]: { "matmul kn 1x1x1 1x1": "by hand" } };
      await writeFile(path, JSON.stringify({ version: 1, adapters }));
      await assertRejects(
        () => openChosenDevice({ ...OPTIONS, device: "webgpu" }, path),
        DataError,
        'cannot compute "matmul kn 1x1x1 1x1" by "by hand"; without that file, --tune-kernels begins anew',
      );
    }),
);
