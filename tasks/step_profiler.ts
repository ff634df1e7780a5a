/**
 * A profile of a few steps of a training.
 *
 * @module
 */

import type { Device } from "@cram/tensor";
import {
  type Profile,
  type Profiler,
  startProfile,
} from "@cram/tensor/profile";

/** Steps that go by first: in them pipelines and code are compiled. */
const SKIPPED = 2;

/** How many steps are measured. */
const MEASURED = 5;

/** What was measured. */
export interface StepsProfile {
  /** The first step. */
  readonly first: number;
  /** The last step. */
  readonly last: number;
  /** All of them together. */
  readonly profile: Profile;
}

/** Measures the third to the seventh of the steps that a process trains. */
export class StepProfiler {
  readonly #device: Device;
  readonly #onProfile: (steps: StepsProfile) => Promise<void>;
  #seen = 0;
  #first = 0;
  #last = 0;
  #profiler: Profiler | undefined;

  /**
   * Waits for the first step.
   *
   * @param device What is trained on.
   * @param onProfile Told of what was measured, once; not if there were too few steps.
   */
  constructor(
    device: Device,
    onProfile: (steps: StepsProfile) => Promise<void>,
  ) {
    this.#device = device;
    this.#onProfile = onProfile;
  }

  /**
   * To be called after each step.
   *
   * @param step How many steps are done.
   */
  async advance(step: number): Promise<void> {
    this.#seen++;
    this.#last = step;
    this.#profiler?.mark(`step ${step}`);
    if (this.#seen === SKIPPED) {
      this.#first = step + 1;
      this.#profiler = await startProfile(this.#device);
    } else if (this.#seen === SKIPPED + MEASURED) {
      await this.finish();
    }
  }

  /** To be called when there are no more steps. */
  async finish(): Promise<void> {
    const profiler = this.#profiler;
    this.#profiler = undefined;
    const profile = await profiler?.stop();
    if (profile === undefined || this.#last < this.#first) return;
    await this.#onProfile({ first: this.#first, last: this.#last, profile });
  }
}
