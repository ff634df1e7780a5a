/**
 * The part of `@std/fs` that this repository uses, over Node's built-ins,
 * because JSR cannot be reached where the tests run. Names, signatures and
 * meaning are the standard library's: one line of the import map exchanges
 * this file for `jsr:@std/fs`.
 *
 * @module
 */

import { lstat, mkdir, readdir, realpath, stat } from "node:fs/promises";
import { basename, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

function toPath(path: string | URL): string {
  return typeof path === "string" ? path : fileURLToPath(path);
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

/** Makes sure that a folder exists, with all the folders above it. */
export async function ensureDir(dir: string | URL): Promise<void> {
  try {
    await mkdir(toPath(dir), { recursive: true });
  } catch (error) {
    if (!hasCode(error, "EEXIST")) throw error;
    throw new Error(
      `Failed to ensure directory exists: expected 'dir', got 'file'`,
    );
  }
}

/** Options of {@linkcode exists}. */
export interface ExistsOptions {
  /** True if the path must be readable by the user. */
  isReadable?: boolean;
  /** True if the path must be a folder. */
  isDirectory?: boolean;
  /** True if the path must be a file. */
  isFile?: boolean;
}

/** Whether a path exists. */
export async function exists(
  path: string | URL,
  options?: ExistsOptions,
): Promise<boolean> {
  if (options?.isDirectory && options.isFile) {
    throw new TypeError(
      "ExistsOptions.options.isDirectory and ExistsOptions.options.isFile must not be true together",
    );
  }
  try {
    const info = await stat(toPath(path));
    if (options?.isDirectory && !info.isDirectory()) return false;
    if (options?.isFile && !info.isFile()) return false;
    return !options?.isReadable || (info.mode & 0o444) !== 0;
  } catch (error) {
    if (hasCode(error, "ENOENT") || hasCode(error, "ENOTDIR")) return false;
    throw error;
  }
}

/** Options of {@linkcode walk}. */
export interface WalkOptions {
  /** How deep to go; by default without end. */
  maxDepth?: number;
  /** Whether files are listed; by default true. */
  includeFiles?: boolean;
  /** Whether folders are listed; by default true. */
  includeDirs?: boolean;
  /** Whether symbolic links that are not followed are listed; by default true. */
  includeSymlinks?: boolean;
  /** Whether symbolic links are followed; by default false. */
  followSymlinks?: boolean;
  /** The endings, with or without dot, that files must have; by default any. */
  exts?: string[];
  /** Patterns of which a path must match one; by default any. */
  match?: RegExp[];
  /** Patterns of paths that are left out, with what is inside. */
  skip?: RegExp[];
}

/** A path that {@linkcode walk} found. */
export interface WalkEntry {
  /** The path, beginning with the root of the walk. */
  path: string;
  /** The last part of the path. */
  name: string;
  /** Whether it is a file. */
  isFile: boolean;
  /** Whether it is a folder. */
  isDirectory: boolean;
  /** Whether it is a symbolic link. */
  isSymlink: boolean;
}

/** Lists the files and folders under a folder, itself included. */
export async function* walk(
  root: string | URL,
  options: WalkOptions = {},
): AsyncIterableIterator<WalkEntry> {
  const {
    maxDepth = Infinity,
    includeFiles = true,
    includeDirs = true,
    includeSymlinks = true,
    followSymlinks = false,
    match,
    skip,
  } = options;
  if (maxDepth < 0) return;
  const path = normalize(toPath(root));
  const exts = options.exts?.map((ext) =>
    ext.startsWith(".") ? ext : `.${ext}`
  );
  const included = (path: string): boolean =>
    !(exts && !exts.some((ext) => path.endsWith(ext))) &&
    !(match && !match.some((pattern) => pattern.test(path))) &&
    !skip?.some((pattern) => pattern.test(path));
  if (includeDirs && included(path)) {
    yield await entryOf(path);
  }
  if (maxDepth < 1 || skip?.some((pattern) => pattern.test(path))) return;
  for (const found of await readdir(path, { withFileTypes: true })) {
    let entry: WalkEntry = {
      path: join(path, found.name),
      name: found.name,
      isFile: found.isFile(),
      isDirectory: found.isDirectory(),
      isSymlink: found.isSymbolicLink(),
    };
    if (entry.isSymlink) {
      if (!followSymlinks) {
        if (includeSymlinks && included(entry.path)) yield entry;
        continue;
      }
      entry = {
        ...await entryOf(await realpath(entry.path)),
        isSymlink: false,
      };
    }
    if (entry.isDirectory) {
      yield* walk(entry.path, { ...options, maxDepth: maxDepth - 1 });
    } else if (includeFiles && included(entry.path)) {
      yield entry;
    }
  }
}

async function entryOf(path: string): Promise<WalkEntry> {
  const info = await lstat(path);
  return {
    path,
    name: basename(path),
    isFile: info.isFile(),
    isDirectory: info.isDirectory(),
    isSymlink: info.isSymbolicLink(),
  };
}
