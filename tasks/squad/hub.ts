/**
 * Models of the Hugging Face Hub.
 *
 * @module
 */

import { join } from "node:path";
import { cacheFolder } from "../data/cache.ts";
import { NetworkError, UsageError } from "../errors.ts";

/** What {@linkcode downloadModel} can be told. */
export interface HubOptions {
  /** The folder for what is downloaded; default: {@linkcode cacheFolder}. */
  readonly cache?: string;
  /** The address of the hub. Default: that of Hugging Face. */
  readonly hubUrl?: string;
  /** Told, in words, what is going on. */
  readonly onProgress?: (message: string) => void;
}

const PREFIX = "hub:";

/**
 * Tells models of the hub from files and folders.
 *
 * @param text What was said.
 * @returns Whether it is a model of the hub.
 */
export function isHubModel(text: string): boolean {
  return text.startsWith(PREFIX);
}

/**
 * Downloads files of a model, unless they are in the cache, whose layout is
 * that of Hugging Face's libraries.
 *
 * @param model `hub:NAME@REVISION`, where the revision is the hash of a commit, for instance
 * `hub:google-bert/bert-base-uncased@86b5e0934494bd15c9632b12f734a8a67f723594`.
 * @param files The names of the files; those that the model does not have are passed over, but for the first.
 * @param options The cache.
 * @returns The folder with the files.
 * @throws {UsageError} If that is no name of a model.
 * @throws {NetworkError} If a file cannot be downloaded.
 */
export async function downloadModel(
  model: string,
  files: readonly string[],
  options: HubOptions = {},
): Promise<string> {
  const [, name, revision] =
    /^hub:([\w.-]+(?:\/[\w.-]+)?)@([\da-f]{40})$/.exec(model) ?? [];
  if (name === undefined) {
    throw new UsageError(
      `Cannot use the model "${model}": expected hub:NAME@REVISION with the 40 digits of a commit`,
    );
  }
  const cacheDir = join(options.cache ?? cacheFolder(), "huggingface");
  const { downloadFileToCacheDir } = await import("@huggingface/hub");
  options.onProgress?.(`Looking for ${name} in ${cacheDir} or on the hub`);
  let folder = "";
  for (const path of files) {
    try {
      const file = await downloadFileToCacheDir({
        repo: name,
        path,
        revision,
        cacheDir,
        hubUrl: options.hubUrl,
      });
      folder = file.slice(0, -path.length - 1);
    } catch (error) {
      if (folder !== "" && isMissing(error)) continue;
      throw new NetworkError(
        `Cannot download "${path}" of ${name}, revision ${revision}, from the Hugging Face Hub: ${
          error instanceof Error ? error.message : error
        }; --init takes a folder with ${files.join(", ")} too`,
        { cause: error },
      );
    }
  }
  return folder;
}

/** Whether a model has no such file. */
function isMissing(error: unknown): boolean {
  return error instanceof Error &&
    (("statusCode" in error && error.statusCode === 404) ||
      error.message.startsWith("cannot get path info"));
}
