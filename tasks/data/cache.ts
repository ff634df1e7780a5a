/**
 * Files that are downloaded or computed once and kept.
 *
 * @module
 */

import { exists } from "@std/fs";
import { mkdir, mkdtemp, open, rename, rm } from "node:fs/promises";
import { homedir, platform } from "node:os";
import { dirname, join } from "node:path";
import { env } from "node:process";

/**
 * The folder of what is kept: `CRAM_CACHE`, or `cram` in the platform's folder
 * for caches.
 *
 * @returns Its path; it may not exist yet.
 */
export function cacheFolder(): string {
  return env.CRAM_CACHE || join(platformFolder(), "cram");
}

function platformFolder(): string {
  switch (platform()) {
    case "win32":
      return env.LOCALAPPDATA || join(home(), "AppData", "Local");
    case "darwin":
      return join(home(), "Library", "Caches");
    default:
      return env.XDG_CACHE_HOME || join(home(), ".cache");
  }
}

/** The home folder, from the environment where that says so: asking the system takes a permission. */
function home(): string {
  return env.HOME || homedir();
}

/**
 * Makes a file unless it is there. It appears at its place only when it is
 * complete, also if several processes make it at once.
 *
 * @param path Where it belongs.
 * @param make Writes it to the path that it is given, in a folder of its own that is removed afterwards.
 */
export async function makeOnce(
  path: string,
  make: (temporary: string) => Promise<void>,
): Promise<void> {
  if (await exists(path)) return;
  await mkdir(dirname(path), { recursive: true });
  const folder = await mkdtemp(`${path}.`);
  try {
    const temporary = join(folder, "file");
    await make(temporary);
    await sync(temporary);
    await rename(temporary, path);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function sync(path: string): Promise<void> {
  await using file = await open(path, "r+");
  await file.sync();
}
