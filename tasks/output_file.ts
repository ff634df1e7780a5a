/**
 * Text files that are complete or not there.
 *
 * @module
 */

import { ensureDir } from "@std/fs";
import { open, rename, rm } from "node:fs/promises";
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
    await writeSynced(temporary, text);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw new OutputError(
      `Cannot write "${path}": ${
        error instanceof Error ? error.message : error
      }`,
      { cause: error },
    );
  }
}

/** Has the file put on the disk, which renaming alone does not. */
async function writeSynced(path: string, text: string): Promise<void> {
  const file = await open(path, "w");
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
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
