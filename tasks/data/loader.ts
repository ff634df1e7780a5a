/**
 * Batches of decoded images, made by workers ahead of time.
 *
 * @module
 */

import { DataError } from "../errors.ts";
import { type DecodedBatch, DecodePool } from "./_decode_pool.ts";
import type { Transform } from "./augment.ts";
import type { ImageDataset, ImageFile } from "./dataset.ts";
import type { DecodedCache } from "./decoded_cache.ts";
import { orderRandom } from "./random_streams.ts";

/** Options of {@linkcode ImageLoader}. */
export interface ImageLoaderOptions {
  /** Images in a batch; the last one of an epoch has what is left. */
  readonly batchSize: number;
  /** What is done to images. */
  readonly transform: Transform;
  /** What order and augmentation come from. */
  readonly seed: bigint;
  /** Whether each epoch has an order of its own, or all have that of the data set. */
  readonly shuffle: boolean;
  /** How many workers decode images; all loaders of a process share them. */
  readonly workers: number;
  /** How many images may be broken before the loader gives up. */
  readonly maxBad: number;
  /** Told of each broken image, once. */
  readonly onBroken?: (file: ImageFile, reason: string) => void;
  /** Where decoded images are kept; it must have been opened for a transform of the same size and recipe. Default: they are not. */
  readonly cache?: DecodedCache;
}

/** Images and labels of one step. */
export interface ImageBatch {
  /** Which step it is for. */
  readonly step: number;
  /** Which epoch the step belongs to, from 0. */
  readonly epoch: number;
  /** How many images there are: broken ones are left out. */
  readonly size: number;
  /** Height and width of the images, in pixels. */
  readonly imageSize: number;
  /** `[size, imageSize, imageSize, 3]` bytes, only until the next batch is asked for. */
  readonly pixels: Uint8Array;
  /** The classes, `[size]`. */
  readonly labels: Int32Array;
}

/** Batches that are decoded while earlier ones are worked on, at least. */
const BATCHES_AHEAD = 2;
/** Images that are decoded ahead for each worker, at least, however small batches are. */
const IMAGES_AHEAD = 8;

/** A batch on its way through the workers. */
interface Request {
  readonly epoch: number;
  readonly examples: Uint32Array;
  readonly pixels: SharedArrayBuffer;
  readonly decoded: Promise<DecodedBatch>;
}

/**
 * Decodes and augments the images of a data set in workers. What a batch holds
 * is a function of the seed and the step alone: neither the number of workers
 * nor where a run was interrupted makes a difference.
 *
 * @example Two epochs of four photographs
 * ```ts ignore
 * import { ImageLoader, openImages } from "@cram/tasks";
 *
 * using loader = new ImageLoader(await openImages("photos", "train"), {
 *   batchSize: 2,
 *   transform: { recipe: "imagenet", size: 224, augment: true },
 *   seed: 1n,
 *   shuffle: true,
 *   workers: 2,
 *   maxBad: 0,
 * });
 * for await (const { pixels, labels } of loader.batches(0, 4)) {
 *   console.log(pixels.length, labels);
 * }
 * ```
 */
export class ImageLoader implements Disposable {
  /** How many batches an epoch has. */
  readonly stepsPerEpoch: number;
  readonly #dataset: ImageDataset;
  readonly #options: ImageLoaderOptions;
  readonly #pool: DecodePool;
  readonly #ahead: number;
  readonly #buffers: SharedArrayBuffer[] = [];
  readonly #broken = new Set<number>();
  #order:
    | { readonly epoch: number; readonly examples: Uint32Array }
    | undefined;

  /**
   * Starts the workers, if no other loader has done so.
   *
   * @param dataset The images.
   * @param options Batches, transform, order, workers.
   */
  constructor(dataset: ImageDataset, options: ImageLoaderOptions) {
    const { batchSize, workers } = options;
    this.#dataset = dataset;
    this.#options = options;
    this.#ahead = Math.max(
      BATCHES_AHEAD,
      Math.ceil(workers * IMAGES_AHEAD / batchSize),
    );
    this.stepsPerEpoch = Math.ceil(dataset.files.length / batchSize);
    this.#pool = DecodePool.acquire(workers);
  }

  /** How many different images could not be decoded so far. */
  get brokenImages(): number {
    return this.#broken.size;
  }

  /**
   * Makes the batches of a range of steps. Steps count through all epochs.
   *
   * @param from The first step.
   * @param to The step after the last one.
   * @returns The batches in the order of their steps.
   * @throws {DataError} If more images are broken than `maxBad`, or a worker fails.
   */
  async *batches(
    from: number,
    to: number,
  ): AsyncGenerator<ImageBatch, void, void> {
    const ahead: Request[] = [];
    for (let step = from; step < to; step++) {
      while (step + ahead.length < Math.min(to, step + 1 + this.#ahead)) {
        ahead.push(this.#request(step + ahead.length));
      }
      const request = ahead.shift()!;
      const decoded = await request.decoded;
      const broken = new Map(
        decoded.broken.map(({ position, reason }) => [position, reason]),
      );
      this.#keep(request, decoded);
      this.#countBroken(request, broken);
      yield this.#batchOf(step, request, broken);
      this.#buffers.push(request.pixels);
    }
  }

  /** Stops the workers, unless other loaders use them. */
  [Symbol.dispose](): void {
    this.#pool[Symbol.dispose]();
  }

  #request(step: number): Request {
    const { batchSize, seed, transform, workers, cache } = this.#options;
    const epoch = Math.floor(step / this.stepsPerEpoch);
    const first = step % this.stepsPerEpoch * batchSize;
    const examples = this.#orderOf(epoch).slice(first, first + batchSize);
    const pixels = this.#buffers.pop() ??
      new SharedArrayBuffer(batchSize * transform.size ** 2 * 3);
    const decoded = this.#pool.decode({
      epoch,
      seed,
      transform,
      images: Array.from(examples, (example) => {
        const file = this.#dataset.files[example];
        const { path, offset, length, encoding } = file;
        const entry = cache?.find(file);
        return { path, offset, length, encoding, example, entry };
      }),
      pixels,
      taken: new SharedArrayBuffer(4),
      cache: cache &&
        { folder: cache.folder, side: cache.side, stores: cache.stores },
    }, workers);
    // Nobody waits for batches of a run that has ended.
    decoded.catch(() => {});
    return { epoch, examples, pixels, decoded };
  }

  /** Enters what the workers stored. */
  #keep({ examples }: Request, { stored, storeFailure }: DecodedBatch): void {
    const { cache } = this.#options;
    cache?.add(stored.map(({ position, entry }) => ({
      file: this.#dataset.files[examples[position]],
      entry,
    })));
    if (storeFailure !== undefined) cache?.turnOff(storeFailure);
  }

  #orderOf(epoch: number): Uint32Array {
    if (this.#order?.epoch !== epoch) {
      const { length } = this.#dataset.files;
      const examples = this.#options.shuffle
        ? orderRandom(this.#options.seed, epoch).permutation(length)
        : Uint32Array.from({ length }, (_, i) => i);
      this.#order = { epoch, examples };
    }
    return this.#order.examples;
  }

  #countBroken(
    { examples }: Request,
    broken: ReadonlyMap<number, string>,
  ): void {
    const { maxBad, onBroken } = this.#options;
    const positions = [...broken.keys()].sort((a, b) => a - b);
    for (const position of positions) {
      const example = examples[position];
      if (this.#broken.has(example)) continue;
      this.#broken.add(example);
      const file = this.#dataset.files[example];
      const reason = broken.get(position)!;
      if (this.#broken.size > maxBad) {
        throw new DataError(
          `Cannot decode image "${file.name}": ${reason}. ${
            this.#broken.size === 1
              ? "No image may be broken"
              : `It is broken image number ${this.#broken.size}, ${maxBad} are allowed`
          }`,
        );
      }
      onBroken?.(file, reason);
    }
  }

  /** Moves the images that could be decoded together. */
  #batchOf(
    step: number,
    { epoch, examples, pixels }: Request,
    broken: ReadonlyMap<number, string>,
  ): ImageBatch {
    const imageSize = this.#options.transform.size;
    const imageBytes = imageSize ** 2 * 3;
    const bytes = new Uint8Array(pixels);
    const labels = new Int32Array(examples.length - broken.size);
    let size = 0;
    for (const [position, example] of examples.entries()) {
      if (broken.has(position)) continue;
      if (position !== size) {
        const start = position * imageBytes;
        bytes.copyWithin(size * imageBytes, start, start + imageBytes);
      }
      labels[size++] = this.#dataset.files[example].label;
    }
    return {
      step,
      epoch,
      size,
      imageSize,
      pixels: bytes.subarray(0, size * imageBytes),
      labels,
    };
  }
}
