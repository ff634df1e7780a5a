import {
  assert,
  assertEquals,
  assertNotEquals,
  assertRejects,
} from "@std/assert";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DataError } from "../errors.ts";
import {
  inTemporaryFolder,
  withoutPermissions as ignore,
} from "../testdata/temporary_folder.ts";
import { DecodePool } from "./_decode_pool.ts";
import { openImages } from "./dataset.ts";
import { ImageLoader, type ImageLoaderOptions } from "./loader.ts";

const OPTIONS: ImageLoaderOptions = {
  batchSize: 4,
  transform: { recipe: "imagenet", size: 6, augment: true },
  seed: 1n,
  shuffle: true,
  workers: 1,
  maxBad: 0,
};

async function writeImages(folder: string): Promise<void> {
  const { writeColorFolder } = await import("../testdata/pictures.ts");
  await writeColorFolder(folder, "train", 3);
}

/** Labels and pixels of some steps. */
async function load(
  folder: string,
  options: Partial<ImageLoaderOptions>,
  from = 0,
  to = 6,
): Promise<{ labels: number[]; pixels: Uint8Array }[]> {
  const dataset = await openImages(folder, "train");
  using loader = new ImageLoader(dataset, { ...OPTIONS, ...options });
  const batches = [];
  for await (const { labels, pixels, size } of loader.batches(from, to)) {
    assertEquals(labels.length, size);
    assertEquals(pixels.length, size * 6 * 6 * 3);
    batches.push({ labels: [...labels], pixels: Uint8Array.from(pixels) });
  }
  return batches;
}

Deno.test("ImageLoader makes the same batches with any number of workers", {
  ignore,
}, () =>
  inTemporaryFolder(async (folder) => {
    await writeImages(folder);
    using _workers = DecodePool.acquire(3);
    const one = await load(folder, { workers: 1 });
    assertEquals(await load(folder, { workers: 3 }), one);
    assertNotEquals(await load(folder, { seed: 2n }), one);
  }));

Deno.test("ImageLoader goes on anywhere as if it had not been interrupted", {
  ignore,
}, () =>
  inTemporaryFolder(async (folder) => {
    await writeImages(folder);
    const whole = await load(folder, {});
    assertEquals(await load(folder, {}, 4, 6), whole.slice(4));
  }));

Deno.test("ImageLoader begins anew after a pass that was broken off", {
  ignore,
}, () =>
  inTemporaryFolder(async (folder) => {
    await writeImages(folder);
    using _workers = DecodePool.acquire(1);
    const whole = await load(folder, {});
    const dataset = await openImages(folder, "train");
    for (const broken of [1, 2, 3]) {
      using loader = new ImageLoader(dataset, OPTIONS);
      for await (const { step } of loader.batches(0, 6)) {
        if (step === broken) break;
      }
      for await (const { step, pixels } of loader.batches(0, 6)) {
        assertEquals(Uint8Array.from(pixels), whole[step].pixels);
      }
    }
  }));

Deno.test(
  "ImageLoader shows every image once an epoch, in new order and form",
  { ignore },
  () =>
    inTemporaryFolder(async (folder) => {
      await writeImages(folder);
      const batches = await load(folder, { workers: 2 });
      assertEquals(batches.map(({ labels }) => labels.length), [
        4,
        4,
        1,
        4,
        4,
        1,
      ]);
      const [first, second] = [batches.slice(0, 3), batches.slice(3)]
        .map((epoch) => epoch.flatMap(({ labels }) => labels));
      assertEquals([...first].sort(), [0, 0, 0, 1, 1, 1, 2, 2, 2]);
      assertEquals([...second].sort(), [0, 0, 0, 1, 1, 1, 2, 2, 2]);
      assertNotEquals(first, second);

      const ordered = await load(folder, {
        shuffle: false,
        transform: { ...OPTIONS.transform, augment: false },
      });
      assertEquals(ordered[0].labels, [0, 0, 0, 1]);
      assertEquals(ordered.slice(3), ordered.slice(0, 3));
      // The images of class 0 are red.
      const [red, green] = ordered[0].pixels;
      assert(red > 200 && green < 60);
    }),
);

Deno.test(
  "ImageLoader leaves broken images out, and gives up when there are too many",
  { ignore },
  () =>
    inTemporaryFolder(async (folder) => {
      await writeImages(folder);
      using _workers = DecodePool.acquire(2);
      const clean = await load(folder, { shuffle: false });
      await writeFile(join(folder, "train/color0/1.JPEG"), "no image");
      await writeFile(join(folder, "train/color2/2.png"), "no image");
      const told: string[] = [];
      const options = {
        shuffle: false,
        workers: 2,
        maxBad: 2,
        onBroken: (file: { name: string }, reason: string) => {
          assert(reason !== "");
          told.push(file.name);
        },
      };
      const batches = await load(folder, options);
      assertEquals(told, ["color0/1.JPEG", "color2/2.png"]);
      assertEquals(batches.map(({ labels }) => labels), [
        [0, 0, 1],
        [1, 1, 2, 2],
        [],
        [0, 0, 1],
        [1, 1, 2, 2],
        [],
      ]);
      const image = 6 * 6 * 3;
      assertEquals(
        batches[0].pixels.slice(image, 2 * image),
        clean[0].pixels.slice(2 * image, 3 * image),
      );
      await assertRejects(
        () => load(folder, { ...options, maxBad: 1 }),
        DataError,
        '"color2/2.png": no image format that is known: it begins with "no image". It is broken image number 2, 1 are allowed',
      );
      await assertRejects(
        () => load(folder, { ...options, maxBad: 0 }),
        DataError,
        "No image may be broken",
      );
    }),
);

Deno.test("ImageLoader counts an image that goes away once, over all epochs", {
  ignore,
}, () =>
  inTemporaryFolder(async (folder) => {
    await writeImages(folder);
    const dataset = await openImages(folder, "train");
    const told: string[] = [];
    using loader = new ImageLoader(dataset, {
      ...OPTIONS,
      workers: 2,
      maxBad: 1,
      onBroken: ({ name }, reason) => told.push(`${name}: ${reason}`),
    });
    let images = 0;
    for await (const { step, size } of loader.batches(0, 15)) {
      // Later batches are in the making already, but not those of epoch 2.
      if (step === 0) await rm(join(folder, "train/color1/1.JPEG"));
      if (step >= 6) images += size;
    }
    assertEquals(images, 3 * 8);
    assertEquals(loader.brokenImages, 1);
    assertEquals(told.length, 1);
    assert(told[0].startsWith("color1/1.JPEG: "), told[0]);
  }));

Deno.test("ImageLoader shares its workers, and names why one fails", {
  ignore,
}, () =>
  inTemporaryFolder(async (folder) => {
    await writeImages(folder);
    const dataset = await openImages(folder, "train");
    const started: string[] = [];
    const { Worker } = globalThis;
    globalThis.Worker = class extends Worker {
      constructor(url: string | URL, options?: WorkerOptions) {
        super(url, options);
        started.push(`${url}`);
      }
    };
    try {
      const options = { ...OPTIONS, workers: 2 };
      using training = new ImageLoader(dataset, options);
      using validation = new ImageLoader(dataset, { ...options, seed: 2n });
      const a = training.batches(0, 3);
      const b = validation.batches(0, 3);
      for (let step = 0; step < 3; step++) {
        assertEquals((await a.next()).value?.step, step);
        assertEquals((await b.next()).value?.step, step);
      }
      assertEquals(started.length, 2);

      // The buffer is too small for what the worker is told.
      let asked = 0;
      const transform = {
        ...OPTIONS.transform,
        get size(): number {
          return asked++ === 0 ? 6 : 600;
        },
      };
      using failing = new ImageLoader(dataset, { ...options, transform });
      for (const loader of [failing, training, training]) {
        await assertRejects(
          () => Array.fromAsync(loader.batches(0, 3)),
          DataError,
          "Cannot decode images: ",
        );
      }
      // Who comes later has workers of its own.
      using later = new ImageLoader(dataset, options);
      assertEquals((await Array.fromAsync(later.batches(0, 3))).length, 3);
    } finally {
      globalThis.Worker = Worker;
    }
  }));
