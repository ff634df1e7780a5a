/**
 * A worker of the loader: decodes the images of batches into shared memory.
 * All workers are given every batch, and take one image after the other from
 * a common counter, so that none is idle while there is work.
 */

import { planTransform, type Transform } from "./augment.ts";
import type { ImageFile } from "./dataset.ts";
import { augmentationRandom } from "./random_streams.ts";
import { applyPlan } from "./resize.ts";

/** An image of a batch. */
export interface WorkerImage
  extends Pick<ImageFile, "path" | "offset" | "length"> {
  /** Which image of the data set it is. */
  readonly example: number;
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
}

/** An image that could not be decoded. */
export interface BrokenImage {
  /** Where in the batch. */
  readonly position: number;
  /** Why. */
  readonly reason: string;
}

/** What a worker answers when it has done its part of a batch. */
export interface WorkerReply {
  /** Which batch it was. */
  readonly id: number;
  readonly broken: readonly BrokenImage[];
  /** Why no image can be decoded at all. */
  readonly failure?: string;
}

/** Images that a worker decodes at once, so that reading and decoding overlap. */
const IN_FLIGHT = 2;

const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent<WorkerBatch>) => void;
  postMessage(reply: WorkerReply): void;
};

let queue: Promise<void> = Promise.resolve();

scope.onmessage = ({ data }) => {
  queue = queue.then(() => work(data));
};

async function work(batch: WorkerBatch): Promise<void> {
  const broken: BrokenImage[] = [];
  try {
    // Imported only now, because an error here can be told to the loader.
    const { decodeImage } = await import("./decode.ts");
    await Promise.all(
      Array.from(
        { length: IN_FLIGHT },
        () => takeImages(decodeImage, batch, broken),
      ),
    );
    scope.postMessage({ id: batch.id, broken });
  } catch (error) {
    scope.postMessage({ id: batch.id, broken, failure: `${error}` });
  }
}

async function takeImages(
  decodeImage: typeof import("./decode.ts").decodeImage,
  { epoch, seed, transform, images, pixels, taken }: WorkerBatch,
  broken: BrokenImage[],
): Promise<void> {
  const counter = new Int32Array(taken);
  const byteLength = transform.size * transform.size * 3;
  for (;;) {
    const position = Atomics.add(counter, 0, 1);
    if (position >= images.length) return;
    const image = images[position];
    const random = augmentationRandom(seed, epoch, image.example);
    const target = new Uint8Array(pixels, position * byteLength, byteLength);
    try {
      const pixels = await decodeImage(image);
      const { width, height } = pixels;
      applyPlan(
        pixels,
        planTransform(transform, width, height, random),
        target,
      );
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      broken.push({ position, reason });
    }
  }
}
