/**
 * For which task weights were trained.
 *
 * @module
 */

import { openSafetensors } from "@cram/tensor";
import { CheckpointError } from "./errors.ts";

/** A weight that all models of a task have, also in checkpoints. */
const WEIGHTS = {
  images: /^(model\.)?conv1\.weight$/,
  questions: /(^|\.)word_embeddings\.weight$/,
};

/**
 * Refuses weights of the other task, of which hundreds of names would be missing.
 *
 * @param path A safetensors file.
 * @param task What the weights are wanted for.
 * @throws {CheckpointError} If they were trained for another task.
 * @throws {SafetensorsError} If the file cannot be read.
 */
export async function checkWeightsTask(
  path: string,
  task: keyof typeof WEIGHTS,
): Promise<void> {
  await using file = await openSafetensors(path);
  const other = task === "images" ? "questions" : "images";
  const has = (pattern: RegExp): boolean =>
    [...file.entries.keys()].some((name) => pattern.test(name));
  if (has(WEIGHTS[task]) || !has(WEIGHTS[other])) return;
  throw new CheckpointError(
    `Cannot use "${path}" for ${task}: its weights are those of a model for ${other}`,
  );
}
