/**
 * One of the networks that are compared, in training.
 *
 * @module
 */

import { valueAndGrad } from "@cram/autograd";
import { compressOnce, topK } from "@cram/compress";
import {
  EVALUATION,
  exportStateDict,
  PERTURBED,
  type ResNet,
  retuneBatchNorm,
  TRAINING,
} from "@cram/models";
import type { Optimizer, Schedule } from "@cram/optim";
import {
  countHits,
  DivergenceError,
  type ImageNormalizer,
  StepMeter,
} from "@cram/tasks";
import {
  type Device,
  softmax,
  softmaxCrossEntropy,
  type Tensor,
  tensor,
  zeros,
} from "@cram/tensor";
import { addInPlace } from "@cram/tensor/backward";
import { encodeSafetensors } from "@cram/tensor/safetensors";
import type { Batches } from "./batches.ts";
import {
  type ContenderName,
  makeNetwork,
  ruleOf,
  type Settings,
  STEPS_PER_ROUND,
} from "./settings.ts";

/** What contenders share. */
export interface Arena {
  /** Where the networks live. */
  readonly device: Device;
  /** Which network, and how many classes it has. */
  readonly network: Settings["network"];
  readonly classes: number;
  /** What they are trained on. */
  readonly batches: Batches;
  /** How images are normalized. */
  readonly normalizer: ImageNormalizer;
  /** Normalized images and their labels, to measure with. */
  readonly validation: readonly {
    readonly images: Tensor;
    readonly labels: Tensor;
  }[];
  /** How many rounds lie between two readings at most. */
  readonly reportEvery: number;
}

/** How good a network is when it is compressed. */
export interface CompressedAccuracy {
  /** The part of the prunable weights that are 0. */
  readonly sparsity: number;
  /** Accuracy with the running statistics of the training. */
  readonly accuracy: number;
  /** Accuracy with running statistics that were tuned. */
  readonly tuned: number;
}

/** Batches that running statistics are tuned by: of the initial ones 0.9⁶⁰ = 0.2 % is left. */
const TUNING_BATCHES = 60;

/** A network, its optimizer, and a copy of it that is compressed. */
export class Contender implements Disposable {
  /** What it is trained by. */
  readonly name: ContenderName;
  readonly #arena: Arena;
  readonly #model: ResNet;
  readonly #compressed: ResNet;
  readonly #optimizer: Optimizer;
  readonly #schedule: Schedule;
  readonly #meter: StepMeter;
  /** What the copy is: the network after so many steps, at some sparsity. */
  #copy: CompressedAccuracy & { asked: number; steps: number } | undefined;
  #steps = 0;

  /**
   * @param name What it is trained by.
   * @param schedule The learning rate of each of its steps.
   * @param arena What it shares with others.
   */
  constructor(name: ContenderName, schedule: Schedule, arena: Arena) {
    const { device, network, classes, reportEvery } = arena;
    this.name = name;
    this.#arena = arena;
    this.#schedule = schedule;
    this.#model = makeNetwork(device, network, classes);
    this.#compressed = makeNetwork(device, network, classes);
    this.#optimizer = ruleOf(name).start(this.#model.parameters());
    this.#meter = new StepMeter(device, reportEvery * STEPS_PER_ROUND[name]);
  }

  /** The parameters that compressors are given. */
  get weights(): Optimizer["weights"] {
    return this.#optimizer.weights;
  }

  /** How many parameters it has. */
  get parameters(): number {
    return [...this.#model.parameters().values()]
      .reduce((sum, { size }) => sum + size, 0);
  }

  /** Takes the steps of a round. */
  async round(): Promise<void> {
    for (let i = 0; i < STEPS_PER_ROUND[this.name]; i++) await this.#step();
  }

  async #step(): Promise<void> {
    const { device, batches, normalizer } = this.#arena;
    using _scope = device.scope();
    const batch = batches.at(this.#steps);
    const images = normalizer.images(batch);
    const labels = tensor(device, batch.labels);
    const parameters = [...this.#model.parameters().values()];
    const loss = await this.#optimizer.step(
      ({ pass, updateStatistics }) =>
        valueAndGrad(() => {
          const logits = this.#model.forward(
            images,
            updateStatistics ? TRAINING : PERTURBED,
          );
          if (pass === 1) this.#meter.recordHits(countHits(logits, labels));
          return softmaxCrossEntropy(logits, labels);
        }, parameters),
      { learningRate: this.#schedule(this.#steps) },
    );
    this.#meter.recordLoss(loss, batch.size);
    this.#steps++;
  }

  /**
   * Reads loss and accuracy of the steps since the last reading.
   *
   * @throws {DivergenceError} If a loss is not finite.
   */
  async report(): Promise<{ loss: number; accuracy: number }> {
    const { losses, accuracy } = await this.#meter.read();
    const loss = losses.reduce((a, b) => a + b, 0) / losses.length;
    if (!Number.isFinite(loss)) {
      throw new DivergenceError(
        `Cannot go on training by "${this.name}": the loss became ${loss} before step ${this.#steps}`,
      );
    }
    return { loss, accuracy };
  }

  /** The part of the validation images that the network classifies rightly. */
  async accuracy(): Promise<number> {
    return await this.#measure(this.#model);
  }

  /**
   * Prunes a copy at once, and measures it.
   *
   * @param sparsity Which part of the weights becomes 0.
   * @param stale Whether a copy of earlier weights will do.
   */
  async compress(sparsity: number, stale = false): Promise<CompressedAccuracy> {
    const { device, batches, normalizer } = this.#arena;
    const copy = this.#copy;
    if (copy?.asked === sparsity && (stale || copy.steps === this.#steps)) {
      return copy;
    }
    const model = this.#compressed;
    model.loadStateDict(this.#model.stateDict());
    using _scope = device.scope();
    const { report } = await compressOnce(model.parameters(), topK(sparsity));
    const accuracy = await this.#measure(model);
    await retuneBatchNorm(
      model,
      (function* () {
        for (let i = 0; i < TUNING_BATCHES; i++) {
          using images = normalizer.images(batches.at(i));
          yield images;
        }
      })(),
    );
    this.#copy = {
      asked: sparsity,
      steps: this.#steps,
      sparsity: report.prunable.sparsity,
      accuracy,
      tuned: await this.#measure(model),
    };
    return this.#copy;
  }

  /**
   * Classifies an image.
   *
   * @param image A normalized image `[1, size, size, 3]`.
   * @param sparsity That of the copy to ask; `undefined` for the network itself.
   * @returns The probability of each class.
   */
  async classify(image: Tensor, sparsity?: number): Promise<number[]> {
    const model = await this.#at(sparsity);
    using _scope = this.#arena.device.scope();
    return [...await softmax(model.forward(image, EVALUATION)).data()];
  }

  /** The values of a parameter, pruned. */
  async weight(name: string, sparsity: number): Promise<Float32Array> {
    const parameter = (await this.#at(sparsity)).parameters().get(name)!;
    return Float32Array.from(await parameter.data());
  }

  /** The network as a file with PyTorch's names and order of axes. */
  async encode(sparsity?: number): Promise<Uint8Array<ArrayBuffer>> {
    const model = await this.#at(sparsity);
    using _scope = this.#arena.device.scope();
    return await encodeSafetensors(exportStateDict(model), {
      metadata: {
        optimizer: this.name,
        network: this.#arena.network,
        steps: `${this.#steps}`,
        sparsity: `${sparsity ?? 0}`,
      },
    });
  }

  async #at(sparsity: number | undefined): Promise<ResNet> {
    if (sparsity === undefined) return this.#model;
    await this.compress(sparsity, true);
    return this.#compressed;
  }

  async #measure(model: ResNet): Promise<number> {
    const { device, validation } = this.#arena;
    using _scope = device.scope();
    const hits = zeros(device, []);
    let count = 0;
    for (const { images, labels } of validation) {
      using _batch = device.scope();
      addInPlace(hits, countHits(model.forward(images, EVALUATION), labels));
      count += labels.size;
    }
    return await hits.item() / count;
  }

  /** Frees everything. */
  [Symbol.dispose](): void {
    this.#optimizer[Symbol.dispose]();
    this.#meter[Symbol.dispose]();
    this.#model[Symbol.dispose]();
    this.#compressed[Symbol.dispose]();
  }
}
