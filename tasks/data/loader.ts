/**
 * Batches of decoded images, made by workers ahead of time.
 *
 * @module
 */

import { DataError } from "../errors.ts";
import type { WorkerBatch, WorkerReply } from "./_decode_worker.ts";
import type { Transform } from "./augment.ts";
import type { ImageDataset, ImageFile } from "./dataset.ts";
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
  /** How many workers decode images. */
  readonly workers: number;
  /** How many images may be broken before the loader gives up. */
  readonly maxBad: number;
  /** Told of each broken image, once. */
  readonly onBroken?: (file: ImageFile, reason: string) => void;
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

/** Batches that are decoded while earlier ones are worked on. */
const AHEAD = 2;

/** A batch on its way through the workers. */
interface Request {
  readonly epoch: number;
  readonly examples: Uint32Array;
  readonly pixels: SharedArrayBuffer;
  readonly broken: Map<number, string>;
  waitingFor: number;
  readonly done: PromiseWithResolvers<void>;
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
  readonly #workers: Worker[] = [];
  /** What the workers are at, by the number of the request: of one step there may be two, if an earlier pass over the batches was broken off. */
  readonly #requests = new Map<number, Request>();
  #lastId = 0;
  readonly #buffers: SharedArrayBuffer[] = [];
  readonly #broken = new Set<number>();
  #order:
    | { readonly epoch: number; readonly examples: Uint32Array }
    | undefined;

  /**
   * Starts the workers.
   *
   * @param dataset The images.
   * @param options Batches, transform, order, workers.
   */
  constructor(dataset: ImageDataset, options: ImageLoaderOptions) {
    this.#dataset = dataset;
    this.#options = options;
    this.stepsPerEpoch = Math.ceil(dataset.files.length / options.batchSize);
    for (let i = 0; i < options.workers; i++) {
      const worker = new Worker(
        new URL("./_decode_worker.ts", import.meta.url),
        { type: "module" },
      );
      worker.onmessage = ({ data }: MessageEvent<WorkerReply>) =>
        this.#receive(data);
      worker.onerror = (event) => {
        event.preventDefault();
        this.#fail(new DataError(`Cannot decode images: ${event.message}`));
      };
      this.#workers.push(worker);
    }
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
      while (step + ahead.length < Math.min(to, step + 1 + AHEAD)) {
        ahead.push(this.#request(step + ahead.length));
      }
      const request = ahead.shift()!;
      await request.done.promise;
      this.#countBroken(request);
      yield this.#batchOf(step, request);
      this.#buffers.push(request.pixels);
    }
  }

  /** Stops the workers. */
  [Symbol.dispose](): void {
    for (const worker of this.#workers) worker.terminate();
  }

  #request(step: number): Request {
    const { batchSize, seed, transform } = this.#options;
    const epoch = Math.floor(step / this.stepsPerEpoch);
    const first = step % this.stepsPerEpoch * batchSize;
    const examples = this.#orderOf(epoch).slice(first, first + batchSize);
    const pixels = this.#buffers.pop() ??
      new SharedArrayBuffer(batchSize * transform.size ** 2 * 3);
    const request: Request = {
      epoch,
      examples,
      pixels,
      broken: new Map(),
      waitingFor: this.#workers.length,
      done: Promise.withResolvers(),
    };
    // Nobody waits for batches of a run that has ended.
    request.done.promise.catch(() => {});
    const id = ++this.#lastId;
    this.#requests.set(id, request);
    const message: WorkerBatch = {
      id,
      epoch,
      seed,
      transform,
      images: Array.from(examples, (example) => {
        const { path, offset, length } = this.#dataset.files[example];
        return { path, offset, length, example };
      }),
      pixels,
      taken: new SharedArrayBuffer(4),
    };
    for (const worker of this.#workers) worker.postMessage(message);
    return request;
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

  #receive({ id, broken, failure }: WorkerReply): void {
    if (failure !== undefined) {
      this.#fail(new DataError(`Cannot decode images: ${failure}`));
      return;
    }
    const request = this.#requests.get(id);
    if (request === undefined) return;
    for (const { position, reason } of broken) {
      request.broken.set(position, reason);
    }
    if (--request.waitingFor > 0) return;
    this.#requests.delete(id);
    request.done.resolve();
  }

  #fail(error: DataError): void {
    for (const { done } of this.#requests.values()) done.reject(error);
  }

  #countBroken({ broken, examples }: Request): void {
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
    { epoch, examples, pixels, broken }: Request,
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
