/**
 * Predictions as files.
 *
 * @module
 */

import { ensureDir } from "@std/fs";
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { OutputError } from "../errors.ts";
import type { SquadPredictions } from "./answer_search.ts";

/**
 * Writes predictions in the format of the official scripts:
 * `predictions.json` with the answer to each question, which
 * `evaluate-v1.1.py` and `evaluate-v2.0.py` read; `nbest_predictions.json` with
 * the best answers, their logits and probabilities; and for sets of version
 * 2.0 `null_odds.json`, which `evaluate-v2.0.py` takes as `--na-prob-file`.
 * Each file is complete or as it was before.
 *
 * @param folder Where to; it is made if there is none.
 * @param predictions What to write.
 * @returns The paths of the files.
 * @throws {OutputError} If a file cannot be written.
 */
export async function writePredictions(
  folder: string,
  { answers, nBest, nullOdds }: SquadPredictions,
): Promise<string[]> {
  const files: [string, unknown][] = [
    ["predictions.json", Object.fromEntries(answers)],
    [
      "nbest_predictions.json",
      Object.fromEntries(
        Array.from(nBest, ([id, scored]) => [
          id,
          scored.map(({ text, probability, startLogit, endLogit }) => ({
            text,
            probability,
            start_logit: startLogit,
            end_logit: endLogit,
          })),
        ]),
      ),
    ],
  ];
  if (nullOdds) files.push(["null_odds.json", Object.fromEntries(nullOdds)]);
  try {
    await ensureDir(folder);
    return await Promise.all(files.map(async ([name, content]) => {
      const path = join(folder, name);
      const text = JSON.stringify(content, undefined, 2) + "\n";
      await writeFile(`${path}.tmp`, text);
      await rename(`${path}.tmp`, path);
      return path;
    }));
  } catch (error) {
    throw new OutputError(
      `Cannot write predictions to "${folder}": ${
        error instanceof Error ? error.message : error
      }`,
      { cause: error },
    );
  }
}
