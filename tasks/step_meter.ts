/**
 * Losses and hits of the latest steps, kept on the device.
 *
 * @module
 */

import {
  argmax,
  assign,
  cast,
  type Device,
  equal,
  sum,
  type Tensor,
  zeros,
} from "@cram/tensor";
import { addInPlace } from "@cram/tensor/backward";

/** What was measured over some steps. */
export interface Measurement {
  /** The mean loss of each step, in their order. */
  readonly losses: readonly number[];
  /** The part of all images for which the highest score was that of their class. */
  readonly accuracy: number;
}

/** What was recorded since the last reading, on the host. */
export interface MeterState {
  /** The mean loss of each step, in their order. */
  readonly losses: readonly number[];
  /** How many images were classified rightly. */
  readonly hits: number;
  /** How many images there were. */
  readonly images: number;
}

const NOTHING: MeterState = { losses: [], hits: 0, images: 0 };

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
  #images = 0;
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

  /** How many images these steps had. */
  get images(): number {
    return this.#earlier.images + this.#images;
  }

  /**
   * Counts hits of the step that is going on, or of a part of its images.
   *
   * @param logits `[N, classes]`.
   * @param labels `int32 [N]`.
   */
  recordHits(logits: Tensor, labels: Tensor): void {
    using best = argmax(logits, { axis: -1 });
    using isHit = equal(best, labels);
    using asNumbers = cast(isHit, "float32");
    using hits = sum(asNumbers);
    using place = this.#hits.view(this.#steps, []);
    if (this.#hasHits) addInPlace(place, hits);
    else assign(place, hits);
    this.#hasHits = true;
  }

  /**
   * Records the loss of a step, which is over with that.
   *
   * @param loss The mean loss, a scalar.
   * @param images How many images the step had.
   */
  recordLoss(loss: Tensor, images: number): void {
    using place = this.#losses.view(this.#steps, []);
    assign(place, loss);
    this.#steps++;
    this.#hasHits = false;
    this.#images += images;
  }

  /**
   * Reads what was recorded since the last reading.
   *
   * @returns Losses and accuracy.
   */
  async read(): Promise<Measurement> {
    const { losses, hits, images } = await this.state();
    this.restore(NOTHING);
    return { losses, accuracy: hits / images };
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
        images: this.images,
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
    this.#images = 0;
  }

  /** Frees the room. */
  [Symbol.dispose](): void {
    this.#losses.dispose();
    this.#hits.dispose();
  }
}
