/**
 * What a run leaves behind: settings, measurements, weights.
 *
 * @module
 */

import { exportStateDict, type Module } from "@cram/models";
import { type Device, writeSafetensors } from "@cram/tensor";
import { ensureDir } from "@std/fs";
import { appendFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { OutputError } from "./errors.ts";

/**
 * A folder with `config.json`, `metrics.jsonl` and, at the end,
 * `model.safetensors`. What an earlier run left there is overwritten.
 */
export class RunDirectory {
  /** The path of the folder. */
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /**
   * Makes the folder and begins its files.
   *
   * @param path Where it is.
   * @param config The settings of the run, as JSON can hold them.
   * @returns The folder.
   * @throws {OutputError} If something cannot be written.
   */
  static async create(
    path: string,
    config: Readonly<Record<string, unknown>>,
  ): Promise<RunDirectory> {
    const directory = new RunDirectory(path);
    await directory.#writing(async () => {
      await ensureDir(path);
      const text = JSON.stringify(config, undefined, 2) + "\n";
      await writeFile(join(path, "config.json"), text);
      await writeFile(join(path, "metrics.jsonl"), "");
    });
    return directory;
  }

  /**
   * Adds a line to `metrics.jsonl`.
   *
   * @param metrics Names and numbers.
   * @throws {OutputError} If it cannot be written.
   */
  async log(metrics: Readonly<Record<string, number>>): Promise<void> {
    const line = JSON.stringify(metrics) + "\n";
    await this.#writing(() =>
      appendFile(join(this.path, "metrics.jsonl"), line)
    );
  }

  /**
   * Writes `model.safetensors`, with PyTorch's names and order of axes. The
   * file is complete or as it was before.
   *
   * @param device Where the model lives.
   * @param model The model.
   * @returns The path of the file.
   * @throws {OutputError} If it cannot be written.
   */
  async saveModel(device: Device, model: Module): Promise<string> {
    const path = join(this.path, "model.safetensors");
    using _scope = device.scope();
    await this.#writing(() =>
      // The format is what Hugging Face's loaders ask for.
      writeSafetensors(path, exportStateDict(model), {
        metadata: { format: "pt" },
      })
    );
    return path;
  }

  async #writing(action: () => Promise<void>): Promise<void> {
    try {
      await action();
    } catch (error) {
      throw new OutputError(
        `Cannot write to "${this.path}": ${
          error instanceof Error ? error.message : error
        }`,
        { cause: error },
      );
    }
  }
}
