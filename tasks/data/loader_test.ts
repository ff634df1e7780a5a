import {
  assert,
  assertEquals,
  assertNotEquals,
  assertRejects,
} from "@std/assert";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DataError } from "../errors.ts";
import {
  inTemporaryFolder,
  withoutPermissions as ignore,
} from "../testdata/temporary_folder.ts";
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
