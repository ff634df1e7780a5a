/**
 * Losses and hits of the latest steps, kept on the device.
 *
 * @module
 */

import { assign, type Device, type Tensor, zeros } from "@cram/tensor";
import { addInPlace } from "@cram/tensor/backward";

/** What was measured over some steps. */
export interface Measurement {
  /** The mean loss of each step, in their order. */
  readonly losses: readonly number[];
  /** The part of all examples that were answered rightly. */
  readonly accuracy: number;
  /** The mean over the steps of the sparsity that the optimizer asked for. */
  readonly sparsity: number;
}

/** What was recorded since the last reading, on the host. */
export interface MeterState {
  /** The mean loss of each step, in their order. */
  readonly losses: readonly number[];
  /** How many examples were answered rightly. */
  readonly hits: number;
  /** How many examples there were. */
  readonly examples: number;
  /** The sparsity that the optimizer asked for in each step. */
  readonly sparsities: readonly number[];
}

const NOTHING: MeterState = {
  losses: [],
  hits: 0,
  examples: 0,
  sparsities: [],
};

/**
 * Collects the loss and the number of hits of each step without reading them,
 * so that no step waits for the device; they are read together, now and then.
 */
export class StepMeter implements Disposable {
  readonly #losses: Tensor;
  readonly #hits: Tensor;
  /** What was recorded but is on the device no more. */
  #earlier = NOTHING;
  #steps = 0;
  #examples = 0;
  #sparsities: number[] = [];
  /** Whether the step that is going on has hits already. */
  #hasHits = false;

  /**
   * Makes room on a device.
   *
   * @param device Where the numbers are kept.
   * @param capacity How many steps there are at most from one reading to the next.
   */
  constructor(device: Device, capacity: number) {
    this.#losses = zeros(device, [capacity]);
    this.#hits = zeros(device, [capacity]);
  }

  /** How many steps were recorded since the last reading. */
  get steps(): number {
    return this.#earlier.losses.length + this.#steps;
  }

  /** How many examples these steps had. */
  get examples(): number {
    return this.#earlier.examples + this.#examples;
  }

  /**
   * Adds hits of the step that is going on, or of a part of its examples.
   *
   * @param hits How many examples were answered rightly, a scalar.
   */
  recordHits(hits: Tensor): void {
    using place = this.#hits.view(this.#steps, []);
    if (this.#hasHits) addInPlace(place, hits);
    else assign(place, hits);
    this.#hasHits = true;
  }

  /**
   * Records the loss of a step, which is over with that.
   *
   * @param loss The mean loss, a scalar.
   * @param examples How many examples the step had.
   * @param sparsity The sparsity that the optimizer asked for.
   */
  recordLoss(loss: Tensor, examples: number, sparsity = 0): void {
    using place = this.#losses.view(this.#steps, []);
    assign(place, loss);
    this.#steps++;
    this.#hasHits = false;
    this.#examples += examples;
    this.#sparsities.push(sparsity);
  }

  /**
   * Reads what was recorded since the last reading.
   *
   * @returns Losses, accuracy and sparsity.
   */
  async read(): Promise<Measurement> {
    const { losses, hits, examples, sparsities } = await this.state();
    this.restore(NOTHING);
    return {
      losses,
      accuracy: hits / examples,
      sparsity: sparsities.reduce((a, b) => a + b, 0) / sparsities.length,
    };
  }

  /**
   * Reads what was recorded since the last reading, which goes on.
   *
   * @returns What {@linkcode StepMeter.restore} takes.
   */
  async state(): Promise<MeterState> {
    if (this.#steps > 0) {
      const [losses, hits] = await Promise.all([
        this.#losses.data(),
        this.#hits.data(),
      ]);
      const earlier = this.#earlier;
      this.restore({
        losses: [...earlier.losses, ...losses.subarray(0, this.#steps)],
        hits: Array.from(hits.subarray(0, this.#steps))
          .reduce((a, b) => a + b, earlier.hits),
        examples: this.examples,
        sparsities: [...earlier.sparsities, ...this.#sparsities],
      });
    }
    return this.#earlier;
  }

  /**
   * Goes on from a state.
   *
   * @param state What {@linkcode StepMeter.state} returned, perhaps in another process.
   */
  restore(state: MeterState): void {
    this.#earlier = state;
    this.#steps = 0;
    this.#examples = 0;
    this.#sparsities = [];
  }

  /** Frees the room. */
  [Symbol.dispose](): void {
    this.#losses.dispose();
    this.#hits.dispose();
  }
}
