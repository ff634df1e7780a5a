/**
 * Which random sequence belongs to what, so that no two uses of a run's seed
 * draw the same numbers, and each can be found again from the step alone.
 *
 * A stream has 64 bits: 4 for the use, 20 for the epoch, 32 for the example
 * and 8 for the draws of one example. Use 0 is left to the models' initial
 * weights, which count up from stream 0.
 *
 * @module
 */

import { RandomSource } from "@cram/tensor";

const ORDER = 1n;
const AUGMENTATION = 2n;
const COMPRESSION = 3n;
const CALIBRATION = 4n;
const HOLD_OUT = 5n;
const DROPOUT = 6n;

function sourceOf(
  seed: bigint,
  use: bigint,
  epoch: number,
  example: number,
): RandomSource {
  const stream = use << 60n | BigInt(epoch) << 40n | BigInt(example) << 8n;
  return new RandomSource(seed, stream);
}

/**
 * The randomness of an epoch's order.
 *
 * @param seed The seed of the run.
 * @param epoch Which epoch, from 0.
 * @returns A source of its own.
 */
export function orderRandom(seed: bigint, epoch: number): RandomSource {
  return sourceOf(seed, ORDER, epoch, 0);
}

/**
 * The randomness of one image's augmentation.
 *
 * @param seed The seed of the run.
 * @param epoch Which epoch, from 0.
 * @param example Which image of the data set, from 0.
 * @returns A source of its own.
 */
export function augmentationRandom(
  seed: bigint,
  epoch: number,
  example: number,
): RandomSource {
  return sourceOf(seed, AUGMENTATION, epoch, example);
}

/**
 * The seed of CrAM's draws, which need one of their own: they count through
 * all streams.
 *
 * @param seed The seed of the run.
 * @returns Another seed.
 */
export function compressionSeed(seed: bigint): bigint {
  return seedOf(sourceOf(seed, COMPRESSION, 0, 0));
}

/**
 * The seed of dropout, which needs one of its own: optimizers count through
 * all streams.
 *
 * @param seed The seed of the run.
 * @returns Another seed.
 */
export function dropoutSeed(seed: bigint): bigint {
  return seedOf(sourceOf(seed, DROPOUT, 0, 0));
}

/**
 * The seed of the order and augmentation of the images that running statistics
 * are tuned on.
 *
 * @param seed The seed of the run.
 * @param draw Which sample they are, from 0.
 * @returns Another seed.
 */
export function calibrationSeed(seed: bigint, draw: number): bigint {
  return seedOf(sourceOf(seed, CALIBRATION, draw, 0));
}

/**
 * The randomness of which images these are.
 *
 * @param seed The seed of the run.
 * @param draw Which sample they are, from 0.
 * @returns A source of its own.
 */
export function calibrationRandom(seed: bigint, draw: number): RandomSource {
  return sourceOf(seed, CALIBRATION, draw, 1);
}

/**
 * The randomness of which images are held out of the training.
 *
 * @param seed The seed of the run.
 * @returns A source of its own.
 */
export function holdOutRandom(seed: bigint): RandomSource {
  return sourceOf(seed, HOLD_OUT, 0, 0);
}

function seedOf(random: RandomSource): bigint {
  const word = (): bigint => BigInt(random.integer(2 ** 32));
  return word() << 32n | word();
}
