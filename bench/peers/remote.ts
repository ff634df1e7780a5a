/**
 * Libraries in processes and threads of their own: all are asked the same way,
 * one request after the other, and one that takes too long can be ended.
 *
 * @module
 */

import type { Work } from "../works.ts";
import type {
  Library,
  LibraryInfo,
  LibraryOptions,
  Prepared,
} from "./library.ts";

/** What a library is asked. */
export type Request =
  | { readonly op: "open"; readonly options: LibraryOptions }
  | { readonly op: "prepare"; readonly work: Work }
  | { readonly op: "outputs" }
  | { readonly op: "time"; readonly calls: number }
  | { readonly op: "peakBytes" }
  | { readonly op: "dispose" };

/** What it answers. */
export type Reply = { readonly result: unknown } | { readonly error: string };

/** Takes one request at a time to a library. */
export interface Channel {
  request(request: Request): Promise<Reply>;
  close(): Promise<void>;
}

/** A library took longer than it was given. */
export class TookTooLongError extends Error {
  override readonly name = "TookTooLongError";
}

/** A library said that something went wrong. */
export class PeerError extends Error {
  override readonly name = "PeerError";
}

/** How long a library may take for preparing and the first call, which compiles. */
export type Patience = (work: Work) => number;

/** Opens a library behind a channel; after it took too long it is opened anew for the next work. */
export async function openRemote(
  connect: () => Channel,
  options: LibraryOptions,
  patience: Patience,
): Promise<Library> {
  let channel = connect();
  const ask = async <T>(request: Request, seconds?: number): Promise<T> => {
    const reply = await limited(channel.request(request), seconds);
    if (reply === undefined) {
      await channel.close();
      channel = connect();
      await ask({ op: "open", options });
      throw new TookTooLongError(`more than ${seconds} s`);
    }
    if ("error" in reply) throw new PeerError(reply.error);
    return reply.result as T;
  };
  let info: LibraryInfo;
  try {
    info = await ask<LibraryInfo>({ op: "open", options });
  } catch (error) {
    await channel.close();
    throw error;
  }
  return {
    info,
    async prepare(work): Promise<Prepared> {
      const seconds = patience(work);
      const { variant } = await ask<{ variant?: string }>(
        { op: "prepare", work },
        seconds,
      );
      return {
        variant,
        outputs: () => ask({ op: "outputs" }, seconds),
        time: (calls) => ask({ op: "time", calls }, seconds),
        peakBytes: () => ask({ op: "peakBytes" }),
        dispose: () => ask({ op: "dispose" }),
      };
    },
    close: () => channel.close(),
  };
}

/** The promise's value, or `undefined` if it takes longer. */
async function limited<T>(
  promise: Promise<T>,
  seconds: number | undefined,
): Promise<T | undefined> {
  if (seconds === undefined) return await promise;
  const { promise: late, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => resolve(undefined), seconds * 1000);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
