import type {
  DeviceInfo,
  TunedProduct,
  TuneOptions,
  Tuning,
} from "@cram/tensor";
import { assertEquals, assertRejects } from "@std/assert";
import { join } from "node:path";
import { DataError } from "./errors.ts";
import { type KernelTuning, readTuning, tuneKernels } from "./kernel_tuning.ts";
import {
  inTemporaryFolder,
  withoutPermissions as ignore,
} from "./testdata/temporary_folder.ts";

const FOUND: Tuning = { version: 1, adapters: { gpu: { a: "fast" } } };

function product(done: number): TunedProduct {
  const times = { milliseconds: 1, plainMilliseconds: 2 };
  return { name: "a", way: "fast", ...times, done, total: 2 };
}

/** A device that has two products to try whenever its function computes something. */
const DEVICE: KernelTuning["device"] = {
  info: { kind: "webgpu" } as DeviceInfo,
  async tune(run: () => unknown, { onProduct }: TuneOptions = {}) {
    if (await run() === "computes") {
      onProduct?.(product(1));
      onProduct?.(product(2));
    }
    return FOUND;
  },
};
/** What makes it try them. */
const passes = (() => "computes") as () => unknown as () => void;

Deno.test(
  "readTuning() takes what was found, and names files that hold something else",
  { ignore },
  () =>
    inTemporaryFolder(async (folder) => {
      const path = join(folder, "tuning.json");
      assertEquals(await readTuning(path), undefined);
      await Deno.writeTextFile(path, JSON.stringify(FOUND));
      assertEquals(await readTuning(path), FOUND);
      await Deno.writeTextFile(path, '{ "version": 0, "adapters": {} }');
      await assertRejects(
        () => readTuning(path),
        DataError,
        `Cannot use "${path}": Cannot use the tuning: expected version 1, found 0; without that file, --tune-kernels begins anew`,
      );
      await Deno.writeTextFile(path, '{ "version');
      await assertRejects(
        () => readTuning(path),
        DataError,
        "without that file",
      );
    }),
);

Deno.test("tuneKernels() keeps what was found, also if it was ended early", {
  ignore,
}, () =>
  inTemporaryFolder(async (folder) => {
    const path = join(folder, "deep", "tuning.json");
    const told: string[] = [];
    const tuning = (signal: AbortSignal): KernelTuning => ({
      ...{ device: DEVICE, path, signal },
      onProgress: (message) => void told.push(message),
    });
    const { signal } = new AbortController();
    // Nothing that is new: nothing to keep.
    await tuneKernels(() => {}, tuning(signal));
    assertEquals([told, await readTuning(path)], [[], undefined]);
    await tuneKernels(passes, tuning(signal));
    assertEquals(await readTuning(path), FOUND);
    assertEquals(told, [
      "Trying kernels for 2 kinds of products, which are kept for the next time",
      `Tried kernels for 2 kinds of products: the fastest take 50 % of the time of the usual ones. Wrote ${path}`,
    ]);
    await Deno.remove(path);
    await tuneKernels(passes, tuning(AbortSignal.abort()));
    assertEquals(await readTuning(path), FOUND);
    assertEquals(told.at(-1)?.startsWith("Tried kernels for 1 kind of"), true);
  }));

Deno.test("tuneKernels() keeps what other trainings found meanwhile", {
  ignore,
}, () =>
  inTemporaryFolder(async (folder) => {
    const path = join(folder, "tuning.json");
    const others = { gpu: { a: "slow", b: "fast" }, other: { a: "fast" } };
    await Deno.writeTextFile(
      path,
      JSON.stringify({ version: 1, adapters: others }),
    );
    const { signal } = new AbortController();
    const onProgress = () => {};
    await tuneKernels(passes, { device: DEVICE, path, onProgress, signal });
    assertEquals((await readTuning(path))?.adapters, {
      gpu: { a: "fast", b: "fast" },
      other: { a: "fast" },
    });
  }));

Deno.test("tuneKernels() says so where there is nothing to choose", async () => {
  const told: string[] = [];
  await tuneKernels(() => {}, {
    device: {
      info: { kind: "cpu" } as DeviceInfo,
      tune: () => Promise.resolve(undefined),
    },
    path: "",
    onProgress: (message) => void told.push(message),
    signal: new AbortController().signal,
  });
  assertEquals(told, ["There are no kernels to try on cpu"]);
});
