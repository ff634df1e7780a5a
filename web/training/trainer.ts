/**
 * Two networks that are trained side by side.
 *
 * @module
 */

import { ImageNormalizer, scheduleOf } from "@cram/tasks";
import { type Device, openDevice, tensor } from "@cram/tensor";
import { type ImageSet, shrink } from "../image_set.ts";
import { Batches } from "./batches.ts";
import { type Arena, type CompressedAccuracy, Contender } from "./contender.ts";
import { macrotask } from "./macrotask.ts";
import {
  CONTENDER_NAMES,
  type ContenderName,
  PASSES_PER_ROUND,
  RECIPE,
  type Settings,
  STEPS_PER_ROUND,
} from "./settings.ts";
import { Turns } from "./turns.ts";

/** One thing for each network. */
export type PerContender<T> = Readonly<Record<ContenderName, T>>;

/** What is trained, in numbers. */
export interface TrainerDescription {
  /** The device, in words. */
  readonly device: string;
  /** How many parameters each network has. */
  readonly parameters: number;
  /** The prunable weights. */
  readonly layers: readonly {
    readonly name: string;
    readonly shape: readonly number[];
  }[];
  /** How many gradients each network takes in all. */
  readonly passes: number;
}

/** How good the networks are. */
export interface Accuracies {
  /** As they are. */
  readonly dense: number;
  /** Pruned at once. */
  readonly pruned: CompressedAccuracy;
}

/** What happens in a training. */
export type TrainingEvent =
  | {
    readonly type: "progress";
    /** How many gradients each network has taken. */
    readonly passes: number;
    /** How many seconds the training took so far, without pauses. */
    readonly seconds: number;
  }
  | {
    readonly type: "report";
    readonly passes: number;
    /** Of the batches since the last report. */
    readonly results: PerContender<{ loss: number; accuracy: number }>;
  }
  | {
    readonly type: "measured";
    readonly passes: number;
    readonly sparsity: number;
    readonly results: PerContender<Accuracies>;
  }
  | { readonly type: "finished" }
  | { readonly type: "failed"; readonly message: string };

/** How often networks are measured in a training at most. */
const MEASUREMENTS = 12;
/** How many rounds lie between two measurements at least: so many take about as long. */
const ROUNDS_BETWEEN = 24;
/** How many reports a training has at least, if it has as many rounds. */
const REPORTS = 120;
/** How far reports lie apart, in seconds, where {@linkcode REPORTS} would take longer. */
const REPORT_SECONDS = 0.5;
/** How many images are measured at once. */
const VALIDATION_BATCH = 64;

/** The networks, and their training. */
export class Trainer {
  /** What is trained. */
  readonly description: TrainerDescription;
  readonly #arena: Arena;
  readonly #contenders: readonly Contender[];
  readonly #imageSize: { readonly given: number; readonly used: number };
  readonly #rounds: number;
  readonly #onEvent: (event: TrainingEvent) => void;
  readonly #turns = new Turns();
  #sparsity: number;
  #round = 0;
  #seconds = 0;
  /** How many rounds were not reported yet, and how many it should be. */
  #unread = 0;
  #interval = 1;
  /** When the last report was, in seconds of the training. */
  #reportedAt = 0;
  #running = false;

  private constructor(
    device: Device,
    set: ImageSet,
    settings: Settings,
    sparsity: number,
    onEvent: (event: TrainingEvent) => void,
  ) {
    const { imageSize, epochs } = settings;
    const normalizer = new ImageNormalizer(device, RECIPE.transform);
    const train = shrink(set.train.pixels, set.size, imageSize);
    const batches = new Batches(
      { ...set.train, pixels: train },
      imageSize,
      RECIPE.batchSize,
      RECIPE.seed,
    );
    this.#rounds = epochs * batches.stepsPerEpoch;
    this.#arena = {
      device,
      network: settings.network,
      classes: set.classes.length,
      batches,
      normalizer,
      validation: [...validationBatches(set, imageSize, normalizer, device)],
      reportEvery: Math.ceil(this.#rounds / REPORTS),
    };
    this.#contenders = CONTENDER_NAMES.map((name) => {
      const steps = this.#rounds * STEPS_PER_ROUND[name];
      const warmupSteps = Math.round(
        steps * RECIPE.warmupEpochs / RECIPE.epochs,
      );
      const schedule = scheduleOf({
        ...RECIPE,
        steps,
        warmupSteps,
        interval: 1,
      });
      return new Contender(name, schedule, this.#arena);
    });
    this.#imageSize = { given: set.size, used: imageSize };
    this.#sparsity = sparsity;
    this.#onEvent = onEvent;
    const { weights, parameters } = this.#contenders[0];
    this.description = {
      device: describe(device),
      parameters,
      layers: weights.map(({ name, tensor: { shape } }) => ({ name, shape })),
      passes: this.#rounds * PASSES_PER_ROUND,
    };
  }

  /**
   * Makes the networks.
   *
   * @param set The images.
   * @param settings Device, network, and how long it is trained.
   * @param sparsity At what sparsity networks are measured while they are trained.
   * @param onEvent Told what happens.
   * @throws {NoAdapterError} If there is no GPU and it was asked for.
   */
  static async open(
    set: ImageSet,
    settings: Settings,
    sparsity: number,
    onEvent: (event: TrainingEvent) => void,
  ): Promise<Trainer> {
    const device = await openDevice(
      settings.device === "auto" ? undefined : settings.device,
    );
    return new Trainer(device, set, settings, sparsity, onEvent);
  }

  /** Trains until the end or {@linkcode Trainer.pause}. */
  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.#train().catch((error) => {
      this.#onEvent({ type: "failed", message: messageOf(error) });
    }).finally(() => this.#running = false);
  }

  /** Stops after the round that is going on. */
  pause(): void {
    this.#running = false;
  }

  /** Measures the networks, dense and pruned. */
  measure(sparsity: number): Promise<PerContender<Accuracies>> {
    return this.#turns.take(() => this.#measure(sparsity));
  }

  /** From now on networks are measured at this sparsity while they are trained. */
  watch(sparsity: number): void {
    this.#sparsity = sparsity;
  }

  /**
   * Classifies an image.
   *
   * @param pixels Red, green and blue, of the size of the image set.
   * @param sparsity Of the pruned networks.
   * @returns The probability of each class.
   */
  classify(
    pixels: Uint8Array<ArrayBuffer>,
    sparsity: number,
  ): Promise<PerContender<{ dense: number[]; pruned: number[] }>> {
    const { given, used } = this.#imageSize;
    return this.#turns.take(async () => {
      using _scope = this.#arena.device.scope();
      const image = this.#arena.normalizer.images({
        step: 0,
        epoch: 0,
        size: 1,
        imageSize: used,
        pixels: shrink(pixels, given, used),
        labels: new Int32Array(1),
      });
      return await this.#each(async (contender) => ({
        dense: await contender.classify(image),
        pruned: await contender.classify(image, sparsity),
      }));
    });
  }

  /** The values of a weight, pruned. */
  weight(name: string, sparsity: number): Promise<PerContender<Float32Array>> {
    return this.#turns.take(() =>
      this.#each((contender) => contender.weight(name, sparsity))
    );
  }

  /** A network as a safetensors file, pruned if a sparsity is given. */
  encode(
    name: ContenderName,
    sparsity?: number,
  ): Promise<Uint8Array<ArrayBuffer>> {
    return this.#turns.take(() =>
      this.#contenders.find((contender) => contender.name === name)!
        .encode(sparsity)
    );
  }

  /** Frees everything. */
  close(): Promise<void> {
    this.#running = false;
    return this.#turns.take(() => {
      for (const contender of this.#contenders) contender[Symbol.dispose]();
      for (const { images, labels } of this.#arena.validation) {
        images.dispose();
        labels.dispose();
      }
      this.#arena.normalizer[Symbol.dispose]();
      this.#arena.device.close();
      return Promise.resolve();
    });
  }

  async #train(): Promise<void> {
    const measureEvery = Math.max(
      ROUNDS_BETWEEN,
      Math.ceil(this.#rounds / MEASUREMENTS),
    );
    let begin = performance.now();
    while (this.#running && this.#round < this.#rounds) {
      await this.#turns.take(async () => {
        for (const contender of this.#contenders) await contender.round();
        this.#round++;
        this.#unread++;
        const isLast = this.#round === this.#rounds;
        // The mean over a few last rounds would stand out from the others.
        const few = this.#unread < this.#interval;
        if (!few || isLast && 2 * this.#unread >= this.#interval) {
          await this.#report();
        }
        const now = performance.now();
        this.#seconds += (now - begin) / 1000;
        begin = now;
        if (!few) this.#adaptInterval();
        if (!few || isLast) this.#progress();
        if (this.#round % measureEvery === 0 || isLast) {
          const passes = this.#round * PASSES_PER_ROUND;
          const sparsity = this.#sparsity;
          const results = await this.#measure(sparsity);
          this.#onEvent({ type: "measured", passes, sparsity, results });
          begin = performance.now();
        }
      });
      await macrotask();
    }
    if (this.#round === this.#rounds) this.#onEvent({ type: "finished" });
  }

  /** From now on reports come so often as they should at the rate since the last one. */
  #adaptInterval(): void {
    const seconds = this.#seconds - this.#reportedAt;
    const rounds = Math.round(REPORT_SECONDS * this.#unread / seconds);
    this.#interval = Math.max(1, Math.min(this.#arena.reportEvery, rounds));
    this.#reportedAt = this.#seconds;
    this.#unread = 0;
  }

  #progress(): void {
    this.#onEvent({
      type: "progress",
      passes: this.#round * PASSES_PER_ROUND,
      seconds: this.#seconds,
    });
  }

  async #report(): Promise<void> {
    const results = await this.#each((contender) => contender.report());
    const passes = this.#round * PASSES_PER_ROUND;
    this.#onEvent({ type: "report", passes, results });
  }

  #measure(sparsity: number): Promise<PerContender<Accuracies>> {
    return this.#each(async (contender) => ({
      dense: await contender.accuracy(),
      pruned: await contender.compress(sparsity),
    }));
  }

  /** One after the other. */
  async #each<T>(
    work: (contender: Contender) => Promise<T>,
  ): Promise<PerContender<T>> {
    const results: [ContenderName, T][] = [];
    for (const contender of this.#contenders) {
      results.push([contender.name, await work(contender)]);
    }
    return Object.fromEntries(results) as PerContender<T>;
  }
}

function* validationBatches(
  { size, validation: { pixels, labels } }: ImageSet,
  imageSize: number,
  normalizer: ImageNormalizer,
  device: Device,
): Generator<Arena["validation"][number]> {
  const small = shrink(pixels, size, imageSize);
  const imageBytes = imageSize ** 2 * 3;
  for (let from = 0; from < labels.length; from += VALIDATION_BATCH) {
    const to = Math.min(from + VALIDATION_BATCH, labels.length);
    const own = Int32Array.from(labels.subarray(from, to));
    yield {
      images: normalizer.images({
        step: 0,
        epoch: 0,
        size: own.length,
        imageSize,
        pixels: small.subarray(from * imageBytes, to * imageBytes),
        labels: own,
      }),
      labels: tensor(device, own),
    };
  }
}

function describe({ info: { kind, description } }: Device): string {
  return kind === "webgpu" ? `WebGPU on ${description}` : description;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : `${error}`;
}
