/**
 * What `--tune-kernels` finds, kept in the cache folder.
 *
 * @module
 */

import { checkTuning, type Device, type Tuning } from "@cram/tensor";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { cacheFolder } from "./data/cache.ts";
import { DataError } from "./errors.ts";
import { writeJson } from "./output_file.ts";

/**
 * The file of what was found, on all adapters of this machine.
 *
 * @returns Its path; it may not exist yet.
 */
export function tuningPath(): string {
  return join(cacheFolder(), "webgpu-tuning.json");
}

/**
 * What to say of a file that cannot be used.
 *
 * @param path The file.
 * @param cause Why.
 * @returns The error.
 */
export function tuningError(path: string, cause: unknown): DataError {
  return new DataError(
    `Cannot use "${path}": ${
      cause instanceof Error ? cause.message : cause
    }; without that file, --tune-kernels begins anew`,
    { cause },
  );
}

/**
 * Reads what was found before.
 *
 * @param path The file.
 * @returns What was found; `undefined` if there is no such file.
 * @throws {DataError} If there is one that cannot be used.
 */
export async function readTuning(path: string): Promise<Tuning | undefined> {
  try {
    return checkTuning(JSON.parse(await readFile(path, "utf8")));
  } catch (error) {
    if ((error as { code?: string }).code === "ENOENT") return undefined;
    throw tuningError(path, error);
  }
}

/** Adds what was found to what the file holds by now: other trainings write it too. */
async function keepTuning(path: string, found: Tuning): Promise<void> {
  const adapters = { ...(await readTuning(path))?.adapters };
  for (const [name, ways] of Object.entries(found.adapters)) {
    adapters[name] = { ...adapters[name], ...ways };
  }
  await writeJson(path, { version: 1, adapters } satisfies Tuning);
}

/** What {@linkcode tuneKernels} needs. */
export interface KernelTuning {
  /** The device. */
  readonly device: Pick<Device, "info" | "tune">;
  /** The file in which it is kept what is found. */
  readonly path: string;
  /** Told what is done, in sentences. */
  readonly onProgress: (message: string) => void;
  /** Ends it early; what was found until then is kept. */
  readonly signal: AbortSignal;
}

/**
 * Has a device find the fastest kernels for a function, and keeps them.
 *
 * @param passes What they are for; nothing of it is computed.
 * @param tuning Where they are kept.
 * @throws {OutputError} If they cannot be kept.
 * @throws {DataError} If the file holds something else by now.
 */
export async function tuneKernels(
  passes: () => void,
  { device, path, onProgress, signal }: KernelTuning,
): Promise<void> {
  let tried = 0;
  let milliseconds = 0;
  let plainMilliseconds = 0;
  let tuning: Tuning | undefined;
  try {
    tuning = await device.tune(passes, {
      onProduct(product) {
        if (tried++ === 0) {
          onProgress(
            `Trying kernels for ${
              kinds(product.total)
            }, which are kept for the next time`,
          );
        }
        milliseconds += product.milliseconds;
        plainMilliseconds += product.plainMilliseconds;
        signal.throwIfAborted();
      },
    });
  } catch (error) {
    if (!signal.aborted) throw error;
    // What is known, and nothing new.
    tuning = await device.tune(() => {});
  }
  if (tuning === undefined) {
    onProgress(`There are no kernels to try on ${device.info.kind}`);
  } else if (tried > 0) {
    await keepTuning(path, tuning);
    const part = 100 * milliseconds / plainMilliseconds;
    onProgress(
      `Tried kernels for ${kinds(tried)}: the fastest take ${
        part.toFixed(0)
      } % of the time of the usual ones. Wrote ${path}`,
    );
  }
}

function kinds(count: number): string {
  return `${count} ${count === 1 ? "kind" : "kinds"} of products`;
}
