/**
 * Images as a training sees them: files of photographs to random-resized crops
 * of 224 pixels, and files of CIFAR's size, in batches. The images are those of
 * `CRAM_DATA` (folders `imagenet-sample` and `cifar10`), or made up.
 *
 * @module
 */

import {
  DecodedCache,
  ImageLoader,
  openImages,
  type Transform,
} from "@cram/tasks";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Benchmark } from "./_benchmark.ts";

/** Images that are loaded. */
interface Source {
  /** The name of the folder in `CRAM_DATA`. */
  readonly folder: string;
  readonly transform: Transform;
  readonly batchSize: number;
  /** How many images are made up, and of what size. */
  readonly made: {
    readonly count: number;
    readonly width: number;
    readonly height: number;
  };
}

const PHOTOGRAPHS: Source = {
  folder: "imagenet-sample",
  transform: { recipe: "imagenet", size: 224, augment: true },
  batchSize: 30,
  made: { count: 60, width: 500, height: 375 },
};

const SMALL_IMAGES: Source = {
  folder: "cifar10",
  transform: { recipe: "cifar", size: 32, augment: true },
  batchSize: 100,
  made: { count: 1000, width: 32, height: 32 },
};

/** A folder that goes away with the program. */
function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "cram-bench-"));
  addEventListener("unload", () => rmSync(folder, { recursive: true }));
  return folder;
}

/** The folder of the images. */
async function dataOf({ folder, made }: Source): Promise<string> {
  const data = Deno.env.get("CRAM_DATA");
  if (data !== undefined) return join(data, folder);
  const { default: sharp } = await import("sharp");
  const path = temporaryFolder();
  mkdirSync(join(path, "train", "made"), { recursive: true });
  const { width, height, count } = made;
  for (let i = 0; i < count; i++) {
    const size = { width: width >> 2, height: height >> 2 };
    const noise = { type: "gaussian", mean: 128, sigma: 60 } as const;
    await sharp({ create: { ...size, channels: 3, background: "grey", noise } })
      .resize({ width, height, fit: "fill" })
      .jpeg({ quality: 90 })
      .toFile(join(path, "train", "made", `${i}.jpg`));
  }
  return path;
}

function load(
  name: string,
  source: Source,
  workers: number,
  isCached: boolean = false,
): Benchmark {
  const { transform, batchSize } = source;
  const used = new DisposableStack();
  let batches: AsyncGenerator | undefined;
  return {
    name: `data/${name}/${workers}-worker${workers === 1 ? "" : "s"}`,
    images: batchSize,
    prepare: () => async () => {
      batches ??= used.use(
        new ImageLoader(await openImages(await dataOf(source), "train"), {
          batchSize,
          transform,
          seed: 1n,
          shuffle: true,
          workers,
          maxBad: 0,
          cache: isCached
            ? await DecodedCache.open(temporaryFolder(), transform)
            : undefined,
        }),
      ).batches(0, Infinity);
      await batches.next();
    },
    dispose: () => used.dispose(),
  };
}

/** Batches of a loader, with one worker and with two. */
export const dataBenchmarks: readonly Benchmark[] = [1, 2].flatMap(
  (workers) => [
    load("photographs", PHOTOGRAPHS, workers),
    load("photographs/cached", PHOTOGRAPHS, workers, true),
    load("small-images", SMALL_IMAGES, workers),
  ],
);
