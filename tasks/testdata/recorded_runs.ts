/** Writes what trainings and evaluations leave behind, for tests of reports. */

import { openDevice, tensor, writeSafetensors } from "@cram/tensor";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** A result as `results.json` has it. */
export function result(
  name: string,
  sparsity: number,
  accuracy: number,
): Record<string, unknown> {
  const metrics = { accuracy, loss: 1 - accuracy };
  const mean = { accuracy: accuracy + 0.01, loss: 0.99 - accuracy };
  const deviation = { accuracy: 0.02, loss: 0.02 };
  return {
    name,
    sparsity,
    metrics,
    tuned: { draws: [mean, mean], mean, deviation },
  };
}

/** What a run folder shall hold. */
export interface RunFiles {
  readonly config?: Record<string, unknown>;
  /** Steps of 10 that are done, of 4. */
  readonly reports?: number;
  readonly results?: readonly unknown[];
}

/** A run of 40 steps of 8 images, 16 of them in a second. */
export async function writeRun(
  folder: string,
  { config = {}, reports = 4, results }: RunFiles = {},
): Promise<void> {
  await mkdir(folder, { recursive: true });
  const lines = Array.from({ length: reports }, (_, i) =>
    JSON.stringify({
      step: 10 * (i + 1),
      epoch: i + 1,
      loss: 2 - 0.25 * i,
      accuracy: 0.125 * (i + 1),
      learningRate: 0.1,
      sparsity: 0,
      imagesPerSecond: 16,
    }) + "\n");
  const files = {
    "config.json": JSON.stringify({
      model: "resnet20",
      optimizer: "sgd",
      steps: 40,
      batchSize: 8,
      device: "cpu",
      transform: { size: 8 },
      ...config,
    }),
    "metrics.jsonl": lines.join(""),
    ...results && { "results.json": JSON.stringify({ results }) },
  };
  for (const [name, text] of Object.entries(files)) {
    await writeFile(join(folder, name), text);
  }
}

/** An evaluation of a model. */
export async function writeEvaluation(
  folder: string,
  model: Record<string, unknown>,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  const evaluation = {
    settings: { data: "emoji", device: "cpu", draws: 2, bnTuning: 100 },
    isComplete: true,
    models: [model],
  };
  await writeFile(
    join(folder, "evaluation.json"),
    JSON.stringify(evaluation),
  );
}

/** Weights of which half of the smallest are in one layer: 1 to 4, and 5 to 8. */
export async function writeWeights(
  path: string,
  prefix = "",
): Promise<void> {
  await using device = await openDevice("reference");
  using _scope = device.scope();
  await writeSafetensors(path, [
    [`${prefix}net.a.weight`, tensor(device, [[1, -2], [3, -4]])],
    [`${prefix}net.a.bias`, tensor(device, [0, 0])],
    [`${prefix}net.b.weight`, tensor(device, [[-5, 6], [7, 8]])],
  ]);
}
