import { assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { OutputError } from "../errors.ts";
import {
  inTemporaryFolder,
  withoutPermissions as ignore,
} from "../testdata/temporary_folder.ts";
import { DecodePool } from "./_decode_pool.ts";
import { openImages } from "./dataset.ts";
import { DecodedCache } from "./decoded_cache.ts";
import { ImageLoader, type ImageLoaderOptions } from "./loader.ts";

const OPTIONS: ImageLoaderOptions = {
  batchSize: 4,
  transform: { recipe: "imagenet", size: 6, augment: true },
  seed: 1n,
  shuffle: true,
  workers: 2,
  maxBad: 0,
};

/** What a run of two epochs sees. */
interface Run {
  readonly batches: readonly (readonly number[])[];
  /** How many images are stored at the end. */
  readonly stored: number;
  /** Why no more images were stored. */
  readonly off: readonly string[];
}

/** Trains on the images of a folder, with a cache beside them. */
async function run(
  folder: string,
  options: Partial<ImageLoaderOptions> = {},
  prepare?: (cache: DecodedCache) => Promise<void>,
): Promise<Run> {
  const off: string[] = [];
  const { transform } = { ...OPTIONS, ...options };
  const cache = await DecodedCache.open(
    join(folder, "cache"),
    transform,
    (reason) => off.push(reason),
  );
  await prepare?.(cache);
  const dataset = await openImages(folder, "train");
  using loader = new ImageLoader(dataset, { ...OPTIONS, ...options, cache });
  const batches = [];
  for await (const { pixels } of loader.batches(0, 2 * loader.stepsPerEpoch)) {
    batches.push([...pixels]);
  }
  return { batches, stored: cache.size, off };
}

/** Nine images, larger than what is stored of them. */
async function writeImages(folder: string): Promise<void> {
  const { writeColorFolder } = await import("../testdata/pictures.ts");
  await writeColorFolder(folder, "train", 3);
}

async function filesOf(folder: string, ending: string): Promise<string[]> {
  const [size] = await readdir(join(folder, "cache"));
  return (await readdir(join(folder, "cache", size)))
    .filter((name) => name.endsWith(ending))
    .map((name) => join(folder, "cache", size, name));
}

Deno.test("DecodedCache shows the same pixels, whatever is stored", {
  ignore,
}, () =>
  inTemporaryFolder(async (folder) => {
    await writeImages(folder);
    using _workers = DecodePool.acquire(2);
    const first = await run(folder);
    assertEquals(first.stored, 9);
    assertEquals(first.off, []);
    assertEquals((await filesOf(folder, ".jsonl")).length, 1);

    // Nothing is decoded any more: the images are only looked at.
    const image = join(folder, "train/color0/0.png");
    const { atime, mtime } = await Deno.stat(image);
    const { length } = await readFile(image);
    await writeFile(image, new Uint8Array(length));
    await utimes(image, atime!, mtime!);
    assertEquals(await run(folder), first);
    assertEquals((await filesOf(folder, ".jsonl")).length, 1);
  }));

Deno.test("DecodedCache makes no difference to evaluation and small images", {
  ignore,
}, () =>
  inTemporaryFolder(async (folder) => {
    await writeImages(folder);
    using _workers = DecodePool.acquire(2);
    const dataset = await openImages(folder, "train");
    for (
      const transform of [
        { recipe: "imagenet", size: 5, augment: false },
        { recipe: "cifar", size: 9, augment: true },
        { recipe: "cifar", size: 40, augment: true },
      ] as const
    ) {
      using loader = new ImageLoader(dataset, { ...OPTIONS, transform });
      const plain = [];
      for await (const { pixels } of loader.batches(0, 6)) {
        plain.push([...pixels]);
      }
      assertEquals((await run(folder, { transform })).batches, plain);
      assertEquals((await run(folder, { transform })).batches, plain);
      await rm(join(folder, "cache"), { recursive: true });
    }
  }));

Deno.test(
  "DecodedCache decodes anew what was changed",
  { ignore },
  () =>
    inTemporaryFolder(async (folder) => {
      await writeImages(folder);
      using _workers = DecodePool.acquire(2);
      let before = await run(folder);
      const { picture } = await import("../testdata/pictures.ts");
      for (let change = 0; change < 3; change++) {
        await picture(30 + change, 30, [0, 0, 40 * change]).png()
          .toFile(join(folder, "train/color0/0.png"));
        const changed = await run(folder);
        assertNotEquals(changed, before);
        const indexes = await filesOf(folder, ".jsonl");
        assertEquals(await run(folder), changed);
        assertEquals(await filesOf(folder, ".jsonl"), indexes);
        before = changed;
      }
    }),
);

Deno.test("DecodedCache decodes anew what was cut off or damaged", {
  ignore,
}, () =>
  inTemporaryFolder(async (folder) => {
    await writeImages(folder);
    const first = await run(folder);

    // A process was killed while it wrote.
    const [index] = await filesOf(folder, ".jsonl");
    const lines = await readFile(index, "utf8");
    await writeFile(index, lines.slice(0, -20));
    assertEquals(await run(folder), first);

    // The machine lost power before pixels were written, and files were removed.
    for (const shard of await filesOf(folder, ".rgb")) {
      const { length } = await readFile(shard);
      await writeFile(shard, new Uint8Array(length - 1));
    }
    assertEquals(await run(folder), first);
    for (const shard of await filesOf(folder, ".rgb")) await rm(shard);
    assertEquals(await run(folder), first);
  }));

Deno.test("DecodedCache may be filled by two processes at once", {
  ignore,
}, () =>
  inTemporaryFolder(async (folder) => {
    await writeImages(folder);
    const [one, other] = await Promise.all([run(folder), run(folder)]);
    assertEquals(other, one);
    assertEquals(await run(folder), one);
  }));

Deno.test(
  "DecodedCache stores no broken images",
  { ignore },
  () =>
    inTemporaryFolder(async (folder) => {
      await writeImages(folder);
      await writeFile(join(folder, "train/color1/1.JPEG"), "no image");
      const broken: string[] = [];
      const onBroken = (file: { readonly name: string }) => {
        broken.push(file.name);
      };
      const options = { maxBad: 1, onBroken };
      const first = await run(folder, options);
      assertEquals(first.stored, 8);
      assertEquals(await run(folder, options), first);
      assertEquals(broken, ["color1/1.JPEG", "color1/1.JPEG"]);
    }),
);

Deno.test("DecodedCache is turned off where nothing can be stored", {
  ignore,
}, () =>
  inTemporaryFolder(async (folder) => {
    await writeImages(folder);
    const whole = await run(folder);
    await rm(join(folder, "cache"), { recursive: true });
    // The folder goes away when the run has begun, as if the disk were full.
    const { batches, stored, off } = await run(
      folder,
      {},
      (cache) => rm(cache.folder, { recursive: true }),
    );
    assertEquals(batches, whole.batches);
    assertEquals(stored, 0);
    assertEquals(off.length, 1);

    await writeFile(join(folder, "file"), "");
    await assertRejects(
      () => DecodedCache.open(join(folder, "file"), OPTIONS.transform),
      OutputError,
      "Cannot keep decoded images",
    );
  }));
