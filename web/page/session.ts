/**
 * A training in a thread of its own.
 *
 * @module
 */

import * as Comlink from "comlink";
import type { ImageSet } from "../image_set.ts";
import type { Settings } from "../training/settings.ts";
import type {
  Trainer,
  TrainerDescription,
  TrainingEvent,
} from "../training/trainer.ts";
import type { Training } from "../training/training_worker.ts";

/** A training that was opened. */
export interface Session extends Disposable {
  /** What it can be asked for; see {@linkcode Session.wait}. */
  readonly trainer: Comlink.Remote<Trainer>;
  /** Waits for an answer, or until there will be none: then it throws. */
  wait<T>(answer: Promise<T>): Promise<T>;
  /** What is trained. */
  readonly description: TrainerDescription;
}

/**
 * Starts the thread and makes the networks.
 *
 * @param set The images.
 * @param settings What is trained.
 * @param sparsity At what sparsity networks are measured while they are trained.
 * @param onEvent Told what happens.
 * @throws {Error} If the thread cannot start, or the device cannot be opened.
 */
export async function openSession(
  set: ImageSet,
  settings: Settings,
  sparsity: number,
  onEvent: (event: TrainingEvent) => void,
): Promise<Session> {
  const worker = new Worker(
    new URL("./training_worker.ts", import.meta.url),
    { type: "module" },
  );
  const ended = Promise.withResolvers<never>();
  ended.promise.catch(() => {}); // when nobody waits
  worker.onerror = ({ message }) =>
    ended.reject(
      new Error(
        `The thread that trains has failed${message && `: ${message}`}`,
      ),
    );
  const wait = <T>(answer: Promise<T>): Promise<T> =>
    Promise.race([answer, ended.promise]);
  try {
    const training = Comlink.wrap<Training>(worker);
    const trainer = await wait(
      training.open(set, settings, sparsity, Comlink.proxy(onEvent)),
    );
    return {
      trainer,
      wait,
      description: await wait(trainer.description),
      [Symbol.dispose]() {
        worker.terminate();
        ended.reject(new Error("The training was closed"));
      },
    };
  } catch (error) {
    worker.terminate();
    throw error;
  }
}
