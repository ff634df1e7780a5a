/**
 * Text files that are complete or not there.
 *
 * @module
 */

import { ensureDir } from "@std/fs";
import { rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { OutputError } from "./errors.ts";

/**
 * Writes a text file, and its folder if need be. The file is complete or as
 * it was before.
 *
 * @param path Where it is.
 * @param text What it holds.
 * @throws {OutputError} If it cannot be written.
 */
export async function writeText(path: string, text: string): Promise<void> {
  const temporary = `${path}.tmp`;
  try {
    await ensureDir(dirname(path));
    await writeFile(temporary, text);
    await rename(temporary, path);
  } catch (error) {
    throw new OutputError(
      `Cannot write "${path}": ${
        error instanceof Error ? error.message : error
      }`,
      { cause: error },
    );
  }
}

/**
 * Writes a value as JSON for people and programs.
 *
 * @param path Where it is.
 * @param value What `JSON.stringify()` takes.
 * @throws {OutputError} If it cannot be written.
 */
export async function writeJson(path: string, value: unknown): Promise<void> {
  await writeText(path, JSON.stringify(value, undefined, 2) + "\n");
}
