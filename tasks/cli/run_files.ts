/**
 * What the command line reads of finished runs, whatever was trained.
 *
 * @module
 */

import { exists } from "@std/fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { CheckpointError } from "../errors.ts";

/**
 * Finds the weights of a trained model.
 *
 * @param path A file of weights, or a folder.
 * @param names What the folder may hold, the first that is there counts.
 * @returns The file.
 * @throws {CheckpointError} If there is none.
 */
export async function findWeights(
  path: string,
  names: readonly string[],
): Promise<string> {
  if (await exists(path, { isFile: true })) return path;
  for (const name of names) {
    const file = join(path, name);
    if (await exists(file, { isFile: true })) return file;
  }
  throw new CheckpointError(
    `Cannot read "${path}": ${
      await exists(path)
        ? `there is neither ${names.join(" nor ")} in it`
        : "no such file or folder"
    }`,
  );
}

/**
 * Reads the settings of a run.
 *
 * @param path The file.
 * @returns What it holds.
 * @throws {CheckpointError} If it cannot be read.
 */
export async function readConfig<Config>(path: string): Promise<Config> {
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch (error) {
    throw new CheckpointError(
      `Cannot read "${path}": ${
        error instanceof Error ? error.message : error
      }`,
      { cause: error },
    );
  }
}
