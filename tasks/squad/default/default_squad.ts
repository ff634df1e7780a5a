/**
 * The reading-comprehension set that the project ships.
 *
 * @module
 */

import { generateSquad } from "./generator.ts";
import passages from "./passages.json" with { type: "json" };
import type { SquadFile } from "./squad_file.ts";

/** How many passages are generated, with four questions each. */
const TRAINING_PASSAGES = 8000;
const VALIDATION_PASSAGES = 125;

/** One of so many written passages is kept for validation. */
const HELD_OUT = 8;

/** The two parts of {@linkcode defaultSquad}. */
export interface DefaultSquad {
  /** What to train on. */
  readonly train: SquadFile;
  /** What to evaluate on: none of its passages and facts is in `train`. */
  readonly validation: SquadFile;
}

/**
 * The reading-comprehension set that the project ships, in SQuAD v1.1 format.
 *
 * It has two kinds of passages. Those of {@linkcode generateSquad}, whose
 * questions have an `id` that begins with "generated-", are learned by a small
 * network within minutes. 66 others, on nature, crafts, inventions, places and
 * village life, were written for this project, with 459 questions ("written-").
 * They are as long and as varied as those of SQuAD, and a network that was not
 * pre-trained answers few of them.
 *
 * Both are original and under the project's licence (MIT).
 *
 * @param seed What the generated passages are drawn from; 0 to 2^64 - 1.
 * @returns The two parts: 8,000 generated passages and 58 written ones to train
 * on, 125 and 8 to evaluate on.
 * @throws {ArgumentError} If the seed is no bigint of 64 bits.
 *
 * @example
 * ```ts
 * import { defaultSquad } from "@cram/tasks";
 *
 * const { train } = defaultSquad();
 * const { context, qas } = train.data[0].paragraphs[0];
 * const { question, answers: [{ text }] } = qas[0];
 * console.log(`${context}\n${question} – ${text}`);
 * ```
 */
export function defaultSquad(seed = 1n): DefaultSquad {
  return {
    train: {
      version: passages.version,
      data: [
        ...generated(seed, "train", TRAINING_PASSAGES),
        ...written((index) => index % HELD_OUT !== HELD_OUT - 1),
      ],
    },
    validation: {
      version: passages.version,
      data: [
        ...generated(seed, "validation", VALIDATION_PASSAGES),
        ...written((index) => index % HELD_OUT === HELD_OUT - 1),
      ],
    },
  };
}

function generated(
  seed: bigint,
  split: "train" | "validation",
  passages: number,
): SquadFile["data"] {
  return generateSquad({ seed, passages, split }).data;
}

function written(take: (index: number) => boolean): SquadFile["data"] {
  return passages.data.filter((_, index) => take(index));
}
