/**
 * What a run leaves behind: settings, measurements, states, weights.
 *
 * @module
 */

import { exportStateDict, type Module } from "@cram/models";
import { type Device, writeSafetensors } from "@cram/tensor";
import { ensureDir, exists } from "@std/fs";
import { Buffer } from "node:buffer";
import {
  appendFile,
  readdir,
  readFile,
  rm,
  stat,
  truncate,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import {
  readCheckpoint,
  type TrainingState,
  writeCheckpoint,
} from "./checkpoint.ts";
import { CheckpointError, OutputError } from "./errors.ts";
import { writeJson } from "./output_file.ts";
import { encodeEventHeader, encodeScalars } from "./tensorboard.ts";

const CONFIG = "config.json";
const METRICS = "metrics.jsonl";
const MODEL = "model.safetensors";
const EVENTS = "events.out.tfevents";
const RESULTS = "results.json";
const CHECKPOINT = "checkpoint.safetensors";
const LOCK = ".lock";

/** What a process leaves behind that ends while it writes a file. */
const LEFTOVER = /(\.safetensors\.[\da-f-]{36}|\.json)\.tmp$/;

/** Settings that may be others when a run goes on: they do not change what comes out. */
const FREE_SETTINGS = new Set([
  "data",
  "validation",
  "maxAnswerLength",
  "nBest",
  "nullScoreDiffThreshold",
  "workers",
  "maxBad",
  "checkpointEvery",
  "bnTuning",
]);

/** Settings of a run, as JSON can hold them. */
export type RunConfig = Readonly<Record<string, unknown>>;

/**
 * A folder with `config.json`, `metrics.jsonl`, the same for TensorBoard,
 * `checkpoint.safetensors` and, at the end, `model.safetensors` and
 * `results.json`. One process at a time has it, until it disposes of it or ends.
 */
export class RunDirectory implements Disposable {
  /** The path of the folder. */
  readonly path: string;
  /** Whether the run was there before, to be gone on with. */
  readonly isReopened: boolean;
  /** Files that grow, with their lengths in bytes. */
  readonly #lengths = new Map<string, number>();
  readonly #lock: Deno.FsFile;

  private constructor(path: string, isReopened: boolean, lock: Deno.FsFile) {
    this.path = path;
    this.isReopened = isReopened;
    this.#lock = lock;
  }

  /**
   * Makes the folder and begins its files.
   *
   * @param path Where it is.
   * @param config The settings of the run.
   * @returns The folder.
   * @throws {OutputError} If something cannot be written, there is a run already, or another process has the folder.
   */
  static async create(path: string, config: RunConfig): Promise<RunDirectory> {
    await writing(path, () => ensureDir(path));
    using stack = new DisposableStack();
    const lock = stack.use(await openLock(path));
    const directory = new RunDirectory(path, false, lock);
    if (await exists(directory.#file(CONFIG))) {
      throw new OutputError(
        `Cannot write to "${path}": there is a run already; --resume goes on with it`,
      );
    }
    await writing(path, () => directory.#beginLogs());
    // The folder holds a run from here on, or does not.
    await writeJson(directory.#file(CONFIG), config);
    stack.move();
    return directory;
  }

  /**
   * Goes on with a run.
   *
   * @param path Where it is.
   * @param config The settings, which must be those of the run, but for some that make no difference.
   * @returns The folder, in which nothing was changed.
   * @throws {CheckpointError} If there is no run, or its settings were others.
   * @throws {OutputError} If another process has the folder.
   */
  static async reopen(path: string, config: RunConfig): Promise<RunDirectory> {
    if (!await exists(join(path, CONFIG))) {
      throw new CheckpointError(`Cannot go on with "${path}": there is no run`);
    }
    using stack = new DisposableStack();
    const lock = stack.use(await openLock(path));
    const directory = new RunDirectory(path, true, lock);
    checkConfig(
      path,
      await readConfig(path),
      JSON.parse(JSON.stringify(config)),
    );
    stack.move();
    return directory;
  }

  /**
   * Adds a line to `metrics.jsonl`, and an event for TensorBoard.
   *
   * @param metrics Names and numbers.
   * @throws {OutputError} If it cannot be written.
   */
  async log(
    metrics: Readonly<Record<string, number>> & { readonly step: number },
  ): Promise<void> {
    const { step, ...scalars } = metrics;
    await this.#writing(async () => {
      await this.#append(METRICS, JSON.stringify(metrics) + "\n");
      await this.#append(EVENTS, encodeScalars(Date.now(), step, scalars));
    });
  }

  /**
   * Writes `checkpoint.safetensors`. The file is complete or as it was before.
   *
   * @param state The state to go on from.
   * @throws {OutputError} If it cannot be written.
   */
  async saveCheckpoint(state: TrainingState): Promise<void> {
    const fileLengths = Object.fromEntries(this.#lengths);
    const checkpoint = { ...state, fileLengths };
    await this.#writing(() =>
      writeCheckpoint(this.#file(CHECKPOINT), checkpoint)
    );
  }

  /**
   * Reads `checkpoint.safetensors`, and cuts `metrics.jsonl` and its like
   * back to what was measured up to then. To be called before anything is written.
   *
   * @param device Where the tensors shall live.
   * @returns The state to go on from, whose tensors belong to the open scope; `undefined` if none was saved.
   * @throws {CheckpointError} If the file is no checkpoint.
   * @throws {SafetensorsError} If it is no safetensors file.
   * @throws {OutputError} If something cannot be written.
   */
  async loadCheckpoint(device: Device): Promise<TrainingState | undefined> {
    const path = this.#file(CHECKPOINT);
    const checkpoint = await exists(path)
      ? await readCheckpoint(path, device)
      : undefined;
    await this.#writing(async () => {
      if (checkpoint === undefined) await this.#beginLogs();
      else await this.#cutLogs(checkpoint.fileLengths);
      for (const name of await readdir(this.path)) {
        if (LEFTOVER.test(name)) await rm(this.#file(name));
      }
    });
    return checkpoint;
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
    const path = this.#file(MODEL);
    using _scope = device.scope();
    await this.#writing(() =>
      // The format is what Hugging Face's loaders ask for.
      writeSafetensors(path, exportStateDict(model), {
        metadata: { format: "pt" },
      })
    );
    return path;
  }

  /**
   * Writes `results.json`.
   *
   * @param results What the evaluation found, as JSON can hold it.
   * @returns The path of the file.
   * @throws {OutputError} If it cannot be written.
   */
  async saveResults(
    results: Readonly<Record<string, unknown>>,
  ): Promise<string> {
    await writeJson(this.#file(RESULTS), results);
    return this.#file(RESULTS);
  }

  /**
   * Reads `results.json`.
   *
   * @returns What {@linkcode RunDirectory.saveResults} was given; `undefined` if that was not yet.
   */
  async loadResults(): Promise<Readonly<Record<string, unknown>> | undefined> {
    if (!await exists(this.#file(RESULTS))) return undefined;
    return JSON.parse(await readFile(this.#file(RESULTS), "utf8"));
  }

  /** Leaves the folder to other processes. */
  [Symbol.dispose](): void {
    this.#lock[Symbol.dispose]();
  }

  async #beginLogs(): Promise<void> {
    for (const name of [METRICS, EVENTS]) {
      await writeFile(this.#file(name), "");
      this.#lengths.set(name, 0);
    }
    await this.#append(EVENTS, encodeEventHeader(Date.now()));
  }

  async #cutLogs(lengths: Readonly<Record<string, number>>): Promise<void> {
    for (const [name, length] of Object.entries(lengths)) {
      const { size } = await stat(this.#file(name));
      // After a power cut it may be shorter: only checkpoints wait for the disk.
      const rest = Math.min(size, length);
      await truncate(this.#file(name), rest);
      this.#lengths.set(name, rest);
    }
  }

  async #append(name: string, content: string | Uint8Array): Promise<void> {
    const bytes = Buffer.from(content);
    await appendFile(this.#file(name), bytes);
    this.#lengths.set(name, (this.#lengths.get(name) ?? 0) + bytes.length);
  }

  #file(name: string): string {
    return join(this.path, name);
  }

  #writing(action: () => Promise<void>): Promise<void> {
    return writing(this.path, action);
  }
}

async function writing<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw new OutputError(
      `Cannot write to "${path}": ${
        error instanceof Error ? error.message : error
      }`,
      { cause: error },
    );
  }
}

/**
 * Takes a folder for this process. The operating system gives it back however
 * the process ends, so that no lock is left behind.
 */
async function openLock(path: string): Promise<Deno.FsFile> {
  const lock = await writing(
    path,
    () => Deno.open(join(path, LOCK), { write: true, create: true }),
  );
  // Some network file systems know no locks.
  if (await lock.tryLock(true).catch(() => true)) return lock;
  lock.close();
  throw new OutputError(
    `Cannot write to "${path}": another process is training there`,
  );
}

async function readConfig(path: string): Promise<RunConfig> {
  try {
    return JSON.parse(await readFile(join(path, CONFIG), "utf8"));
  } catch (error) {
    throw new CheckpointError(
      `Cannot go on with "${path}": ${CONFIG} cannot be read: ${
        error instanceof Error ? error.message : error
      }`,
      { cause: error },
    );
  }
}

function checkConfig(path: string, before: RunConfig, now: RunConfig): void {
  for (const key of Object.keys({ ...before, ...now })) {
    if (FREE_SETTINGS.has(key)) continue;
    const [was, is] = [before[key], now[key]].map((value) =>
      JSON.stringify(value) ?? "nothing"
    );
    if (was === is) continue;
    throw new CheckpointError(
      `Cannot go on with "${path}": ${key} was ${shorten(was)} and is now ${
        shorten(is)
      }`,
    );
  }
}

/** Lists of a thousand classes are too long for a message. */
function shorten(text: string): string {
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}
