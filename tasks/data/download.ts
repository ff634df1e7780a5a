/**
 * Downloads of files whose content is known.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { DataError, NetworkError } from "../errors.ts";

/** A file on the network. */
export interface RemoteFile {
  /** Where it lies. */
  readonly url: string;
  /** Its SHA-256 hash in hexadecimal digits. */
  readonly sha256: string;
}

/** What {@linkcode download} can be told. */
export interface DownloadOptions {
  /** Told, in words, how far it is. */
  readonly onProgress?: (message: string) => void;
  /** Ends it early. */
  readonly signal?: AbortSignal;
}

const MEGABYTE = 1e6;
/** How often progress is told, in milliseconds. */
const INTERVAL = 1000;

/**
 * Downloads a file.
 *
 * @param file Where it lies, and its hash.
 * @param path Where it is written to.
 * @param options Progress and interruption.
 * @throws {NetworkError} If it cannot be downloaded whole.
 * @throws {DataError} If its hash is another.
 */
export async function download(
  { url, sha256 }: RemoteFile,
  path: string,
  { onProgress, signal }: DownloadOptions = {},
): Promise<void> {
  const body = await connect(url, signal);
  const hash = createHash("sha256");
  const name = url.slice(url.lastIndexOf("/") + 1);
  let told = performance.now();
  let bytes = 0;
  async function* watched(): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of body.stream) {
        hash.update(chunk);
        bytes += chunk.length;
        if (performance.now() - told > INTERVAL) {
          onProgress?.(`Downloading ${name}: ${amount(bytes, body.length)}`);
          told = performance.now();
        }
        yield chunk;
      }
    } catch (error) {
      throw networkError(url, `${amount(bytes, body.length)} came`, error);
    }
  }
  try {
    await pipeline(watched, createWriteStream(path), { signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
  checkHash(`"${url}"`, hash.digest("hex"), sha256);
}

/**
 * Checks the content of a file.
 *
 * @param path The file.
 * @param sha256 The hash that it should have.
 * @throws {DataError} If it has another one.
 */
export async function checkFile(path: string, sha256: string): Promise<void> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  checkHash(`"${path}"`, hash.digest("hex"), sha256);
}

function checkHash(name: string, actual: string, expected: string): void {
  if (actual === expected) return;
  throw new DataError(
    `Cannot use ${name}: its SHA-256 hash is ${actual}, expected ${expected}`,
  );
}

async function connect(
  url: string,
  signal: AbortSignal | undefined,
): Promise<{ stream: Readable; length: number | undefined }> {
  let response: Response;
  try {
    response = await fetch(url, { signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw networkError(url, undefined, error);
  }
  if (!response.ok || response.body === null) {
    await response.body?.cancel();
    throw networkError(url, `the server says ${response.status}`);
  }
  const length = Number(response.headers.get("content-length") ?? NaN);
  return {
    // deno-lint-ignore no-explicit-any -- Node's type of the same class
    stream: Readable.fromWeb(response.body as any),
    length: Number.isFinite(length) ? length : undefined,
  };
}

function networkError(
  url: string,
  what: string | undefined,
  cause?: unknown,
): NetworkError {
  const reasons = [what, cause instanceof Error ? cause.message : cause];
  return new NetworkError(
    `Cannot download "${url}": ${
      reasons.filter((reason) => reason !== undefined).join(", ")
    }`,
    { cause },
  );
}

function amount(bytes: number, of: number | undefined): string {
  const megabytes = (bytes: number): string => (bytes / MEGABYTE).toFixed(1);
  return of === undefined
    ? `${megabytes(bytes)} MB`
    : `${megabytes(bytes)} of ${megabytes(of)} MB`;
}
