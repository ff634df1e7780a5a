/**
 * Where questions come from, by the words of the command line.
 *
 * @module
 */

import { RandomSource } from "@cram/tensor";
import { exists } from "@std/fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { cacheFolder, makeOnce } from "../data/cache.ts";
import {
  checkFile,
  download,
  type DownloadOptions,
  type RemoteFile,
} from "../data/download.ts";
import { DataError, NetworkError } from "../errors.ts";
import {
  loadSquad,
  readSquad,
  type SquadDataset,
  type SquadExample,
  type SquadOptions,
} from "./dataset.ts";
import { type DefaultSquad, defaultSquad } from "./default/default_squad.ts";

/** What {@linkcode openSquadSource} can be told. */
export interface SquadSourceOptions extends SquadOptions, DownloadOptions {
  /** The file with the questions to evaluate on. Default: what the data set has, or a tenth of a file. */
  readonly validation?: string;
  /** Whether all questions of a single file are there to evaluate on, not a tenth of its articles. */
  readonly whole?: boolean;
  /** The folder for what is downloaded; default: {@linkcode cacheFolder}. */
  readonly cache?: string;
}

/** Questions to train and to evaluate on. Nothing is read or downloaded before a part is asked for. */
export interface SquadSource {
  /** What it is called: `default`, `squad`, `squad-v2`, or the path. */
  readonly name: string;
  /**
   * Reads the questions to train on.
   *
   * @returns The questions.
   * @throws {DataError} If they are not there, or broken.
   * @throws {NetworkError} If they have to be downloaded, and cannot be.
   */
  train(): Promise<SquadDataset>;
  /**
   * Reads the questions to evaluate on.
   *
   * @returns The questions.
   * @throws {DataError} If they are not there, or broken, or too few to keep some.
   * @throws {NetworkError} If they have to be downloaded, and cannot be.
   */
  validation(): Promise<SquadDataset>;
}

/** The two parts of a set. */
type Splits = Pick<SquadSource, "train" | "validation">;

/** The files of the official sets. */
type OfficialFiles = Readonly<Record<keyof Splits, RemoteFile>>;

const OFFICIAL = "https://rajpurkar.github.io/SQuAD-explorer/dataset/";

/** The official sets by name. */
const DOWNLOADS = new Map<string, OfficialFiles>([
  ["squad", {
    train: {
      url: `${OFFICIAL}train-v1.1.json`,
      sha256:
        "3527663986b8295af4f7fcdff1ba1ff3f72d07d61a20f487cb238a6ef92fd955",
    },
    validation: {
      url: `${OFFICIAL}dev-v1.1.json`,
      sha256:
        "95aa6a52d5d6a735563366753ca50492a658031da74f301ac5238b03966972c9",
    },
  }],
  ["squad-v2", {
    train: {
      url: `${OFFICIAL}train-v2.0.json`,
      sha256:
        "68dcfbb971bd3e96d5b46c7177b16c1a4e7d4bdef19fb204502738552dede002",
    },
    validation: {
      url: `${OFFICIAL}dev-v2.0.json`,
      sha256:
        "80a5225e94905956a6446d296ca1093975c4d3b3260f1d6c8f68bc2ab77182d8",
    },
  }],
]);

/** How the files of a folder begin. */
const FILES: Readonly<Record<keyof Splits, RegExp>> = {
  train: /^train.*\.json$/i,
  validation: /^(dev|val).*\.json$/i,
};

/** The same in words. */
const NAMES: Readonly<Record<keyof Splits, string>> = {
  train: "train*.json",
  validation: "dev*.json or val*.json",
};

/** One of so many articles of a single file is kept for validation. */
const HELD_OUT = 10;

/** The official sets that {@linkcode openSquadSource} downloads. */
export const OFFICIAL_SETS: readonly string[] = [...DOWNLOADS.keys()];

/**
 * Finds questions.
 *
 * @param data Where they are:
 *
 * - `default`: {@linkcode defaultSquad};
 * - `squad`, `squad-v2`: the official files of SQuAD v1.1 and v2.0, which are
 *   downloaded when they are first asked for, and whose hashes are checked;
 *   folders of these names are `./squad` and `./squad-v2`;
 * - a folder with `train*.json`, and `dev*.json` or `val*.json`; or with a
 *   single file;
 * - a file. A tenth of its articles, by their titles, is kept for validation:
 *   always the same ones. Of a single article that is a tenth of its passages.
 * @param options Another file to evaluate on, misplaced answers, the cache.
 * @returns The questions, in two parts.
 * @throws {DataError} If there is no such file or folder, or it is not clear which files of a folder are meant.
 */
export async function openSquadSource(
  data = "default",
  options: SquadSourceOptions = {},
): Promise<SquadSource> {
  const splits = await splitsOf(data, options);
  const { validation } = options;
  return {
    name: data,
    train: splits.train,
    validation: validation === undefined
      ? splits.validation
      : () => loadSquad(validation, options),
  };
}

async function splitsOf(
  data: string,
  options: SquadSourceOptions,
): Promise<Splits> {
  if (data === "default") {
    let both: DefaultSquad | undefined;
    const read = (part: keyof Splits) => () => {
      both ??= defaultSquad();
      return Promise.resolve(readSquad(both[part], data, options));
    };
    return { train: read("train"), validation: read("validation") };
  }
  const files = DOWNLOADS.get(data);
  if (files !== undefined) {
    const load = (part: keyof Splits) => async () =>
      await loadSquad(await downloadOnce(files[part], options), options);
    return { train: load("train"), validation: load("validation") };
  }
  return await exists(data, { isDirectory: true })
    ? await folderSplits(data, options)
    : fileSplits(data, options);
}

async function downloadOnce(
  file: RemoteFile,
  options: SquadSourceOptions,
): Promise<string> {
  const folder = options.cache ?? cacheFolder();
  const path = join(folder, file.url.slice(file.url.lastIndexOf("/") + 1));
  try {
    await makeOnce(path, (temporary) => download(file, temporary, options));
  } catch (error) {
    if (!(error instanceof NetworkError)) throw error;
    throw new NetworkError(
      `${error.message}; if the file is at hand, put it to "${path}"`,
      { cause: error.cause },
    );
  }
  // It may have been put there by hand.
  await checkFile(path, file.sha256);
  return path;
}

async function folderSplits(
  folder: string,
  options: SquadSourceOptions,
): Promise<Splits> {
  const names = (await readdir(folder)).sort();
  const files = names.filter((name) => /^[^.].*\.json$/i.test(name));
  if (files.length === 1) return fileSplits(join(folder, files[0]), options);
  const find = (part: keyof Splits): string => {
    const found = files.filter((name) => FILES[part].test(name));
    if (found.length === 1) return join(folder, found[0]);
    const [first, second] = found;
    throw new DataError(
      `Cannot read questions of "${folder}": ${
        found.length === 0
          ? `there is no ${NAMES[part]} in it`
          : `there are "${first}" and "${second}"; name one of them`
      }`,
    );
  };
  const train = find("train");
  const validation = options.validation ?? find("validation");
  return {
    train: () => loadSquad(train, options),
    validation: () => loadSquad(validation, options),
  };
}

/** A single file, which is read once. */
function fileSplits(path: string, options: SquadSourceOptions): Splits {
  let whole: Promise<SquadDataset> | undefined;
  const load = (): Promise<SquadDataset> => whole ??= loadSquad(path, options);
  if (options.validation !== undefined || options.whole) {
    return { train: load, validation: load };
  }
  const part = async (ofValidation: boolean): Promise<SquadDataset> => {
    const dataset = await load();
    const isHeldOut = heldOut(dataset, path);
    const examples = dataset.examples.filter((example) =>
      isHeldOut(example) === ofValidation
    );
    return { ...dataset, examples };
  };
  return { train: () => part(false), validation: () => part(true) };
}

/** Which questions are kept for validation: those of some articles, or else of some passages. */
function heldOut(
  { examples }: SquadDataset,
  path: string,
): (example: SquadExample) => boolean {
  for (const key of ["title", "context"] as const) {
    const groups = [...new Set(examples.map((example) => example[key]))];
    if (groups.length === 1) continue;
    const order = new RandomSource(0n).permutation(groups.length);
    const count = Math.max(1, Math.round(groups.length / HELD_OUT));
    const kept = new Set(Array.from(order.slice(0, count), (i) => groups[i]));
    return (example) => kept.has(example[key]);
  }
  throw new DataError(
    `Cannot keep questions of "${path}" for validation: there is only one passage; name a file with --validation`,
  );
}
