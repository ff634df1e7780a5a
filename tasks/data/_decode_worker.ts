/**
 * A worker of the loader: decodes the images of batches into shared memory.
 * All workers are given every batch, and take one image after the other from
 * a common counter, so that none is idle while there is work.
 */

import { stat } from "node:fs/promises";
import { DecodedShards } from "./_decoded_shards.ts";
import { planTransform, scaleShorterSide, type Transform } from "./augment.ts";
import type { ImageFile } from "./dataset.ts";
import type { CacheEntry } from "./decoded_cache.ts";
import { augmentationRandom } from "./random_streams.ts";
import { applyPlan, type Pixels } from "./resize.ts";

/** An image of a batch. */
export interface WorkerImage
  extends Pick<ImageFile, "path" | "offset" | "length" | "encoding"> {
  /** Which image of the data set it is. */
  readonly example: number;
  /** What is stored of it in decoded form. */
  readonly entry: CacheEntry | undefined;
}

/** How decoded images are stored. */
export interface WorkerCache {
  readonly folder: string;
  /** The longest that the shorter side of an image may be, in pixels. */
  readonly side: number;
  /** Whether new images are stored. */
  readonly stores: boolean;
}

/** A batch to help with. */
export interface WorkerBatch {
  /** What the answer is recognized by. */
  readonly id: number;
  readonly epoch: number;
  readonly seed: bigint;
  readonly transform: Transform;
  readonly images: readonly WorkerImage[];
  /** `[images, size, size, 3]` bytes. */
  readonly pixels: SharedArrayBuffer;
  /** An `int32`: how many images were taken. */
  readonly taken: SharedArrayBuffer;
  /** Where decoded images are read and stored, if they are. */
  readonly cache: WorkerCache | undefined;
}

/** An image that could not be decoded. */
export interface BrokenImage {
  /** Where in the batch. */
  readonly position: number;
  /** Why. */
  readonly reason: string;
}

/** An image that was stored in decoded form. */
export interface StoredExample {
  /** Where in the batch. */
  readonly position: number;
  readonly entry: CacheEntry;
}

/** What a worker answers when it has done its part of a batch. */
export interface WorkerReply {
  /** Which batch it was. */
  readonly id: number;
  readonly broken: BrokenImage[];
  readonly stored: StoredExample[];
  /** Why images could not be stored. */
  storeFailure?: string;
  /** Why no image can be decoded at all. */
  failure?: string;
}

/** Images that a worker decodes at once, so that reading and decoding overlap. */
const IN_FLIGHT = 2;

const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent<WorkerBatch>) => void;
  postMessage(reply: WorkerReply): void;
};

/** Decodes a file. */
type Decode = typeof import("./decode.ts").decodeImage;

const shards = new Map<string, DecodedShards>();
let queue: Promise<void> = Promise.resolve();

scope.onmessage = ({ data }) => {
  queue = queue.then(() => work(data));
};

async function work(batch: WorkerBatch): Promise<void> {
  const reply: WorkerReply = { id: batch.id, broken: [], stored: [] };
  try {
    // Imported only now, because an error here can be told to the loader.
    const { decodeImage } = await import("./decode.ts");
    await Promise.all(
      Array.from(
        { length: IN_FLIGHT },
        () => takeImages(decodeImage, batch, reply),
      ),
    );
  } catch (error) {
    reply.failure = reasonOf(error);
  }
  scope.postMessage(reply);
}

async function takeImages(
  decode: Decode,
  batch: WorkerBatch,
  reply: WorkerReply,
): Promise<void> {
  const { epoch, seed, transform, images } = batch;
  const counter = new Int32Array(batch.taken);
  const byteLength = transform.size * transform.size * 3;
  for (;;) {
    const position = Atomics.add(counter, 0, 1);
    if (position >= images.length) return;
    const image = images[position];
    const target = new Uint8Array(
      batch.pixels,
      position * byteLength,
      byteLength,
    );
    try {
      const pixels = batch.cache === undefined
        ? await decode(image)
        : await decodeOnce(decode, position, image, batch.cache, reply);
      const { width, height } = pixels;
      const random = augmentationRandom(seed, epoch, image.example);
      const plan = planTransform(transform, width, height, random);
      applyPlan(pixels, plan, target);
    } catch (error) {
      reply.broken.push({ position, reason: reasonOf(error) });
    }
  }
}

/** Reads an image that is stored, or decodes and stores it. */
async function decodeOnce(
  decode: Decode,
  position: number,
  image: WorkerImage,
  { folder, side, stores }: WorkerCache,
  reply: WorkerReply,
): Promise<Pixels> {
  const { entry, path } = image;
  const { size: sourceSize, mtimeMs: sourceModified } = await stat(path);
  const files = shardsOf(folder);
  if (
    entry?.sourceSize === sourceSize && entry.sourceModified === sourceModified
  ) {
    const pixels = await files.read(entry);
    if (pixels !== undefined) return pixels;
  }
  const pixels = shrink(await decode(image), side);
  // After one failure the disk is not tried with the rest of the batch.
  if (stores && reply.storeFailure === undefined) {
    try {
      const stored = await files.write(pixels);
      reply.stored.push({
        position,
        entry: { ...stored, sourceSize, sourceModified },
      });
    } catch (error) {
      reply.storeFailure ??= reasonOf(error);
    }
  }
  return pixels;
}

function shardsOf(folder: string): DecodedShards {
  let files = shards.get(folder);
  if (files === undefined) {
    files = new DecodedShards(folder);
    shards.set(folder, files);
  }
  return files;
}

function shrink(image: Pixels, side: number): Pixels {
  const { width, height } = image;
  if (Math.min(width, height) <= side) return image;
  const scaled = scaleShorterSide(width, height, side);
  const data = new Uint8Array(scaled.width * scaled.height * 3);
  applyPlan(image, {
    region: { left: 0, top: 0, width, height },
    scaled,
    window: { left: 0, top: 0, ...scaled },
    flip: false,
  }, data);
  return { ...scaled, data };
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
