/**
 * Libraries in workers: this side, and the worker's.
 *
 * @module
 */

import type { Work } from "../works.ts";
import type { LibraryInfo, LibraryOptions, Prepared } from "./library.ts";
import type { Channel, Reply, Request } from "./remote.ts";

/** Starts a worker whose module calls {@linkcode serve}. */
export function workerChannel(module: URL): Channel {
  const worker = new Worker(module, { type: "module" });
  return {
    request: (request) =>
      new Promise((resolve) => {
        worker.onmessage = ({ data }) => resolve(data as Reply);
        worker.onerror = (event) => {
          event.preventDefault();
          resolve({ error: event.message });
        };
        worker.postMessage(request);
      }),
    close: () => Promise.resolve(worker.terminate()),
  };
}

/** What a worker's library has to do. */
export interface Service {
  readonly info: LibraryInfo;
  prepare(work: Work): Promise<Prepared>;
}

/** Answers requests in a worker. */
export function serve(
  open: (options: LibraryOptions) => Promise<Service>,
): void {
  let service: Service | undefined;
  let prepared: Prepared | undefined;
  const answer = async (request: Request): Promise<unknown> => {
    switch (request.op) {
      case "open":
        service = await open(request.options);
        return service.info;
      case "prepare":
        prepared = await service!.prepare(request.work);
        return { variant: prepared.variant };
      case "outputs":
        return await prepared!.outputs();
      case "time":
        return await prepared!.time(request.calls);
      case "peakBytes":
        throw new Error("A worker has no process of its own");
      case "dispose":
        await prepared?.dispose();
        prepared = undefined;
    }
  };
  const scope = globalThis as unknown as {
    onmessage: (event: MessageEvent<Request>) => void;
    postMessage(reply: Reply): void;
  };
  scope.onmessage = async ({ data }) => {
    let reply: Reply;
    try {
      reply = { result: await answer(data) };
    } catch (error) {
      reply = { error: error instanceof Error ? error.message : `${error}` };
    }
    scope.postMessage(reply);
  };
}
