/**
 * The other side of `process_channel.ts`, for libraries in JavaScript: each is
 * a program of its own, because what it leaves running when it takes too long
 * ends with its process only.
 *
 * @module
 */

import type { Work } from "../works.ts";
import type { LibraryInfo, LibraryOptions, Prepared } from "./library.ts";
import { linesOf } from "./process_channel.ts";
import type { Reply, Request } from "./remote.ts";

/** What a library has to do. */
export interface Service {
  readonly info: LibraryInfo;
  prepare(work: Work): Promise<Prepared>;
}

/** Answers requests until standard input ends. */
export async function serve(
  open: (options: LibraryOptions) => Promise<Service>,
): Promise<void> {
  // Only answers may go to standard output.
  console.log = console.info = console.error;
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
        return await prepared!.peakBytes!();
      case "dispose":
        await prepared?.dispose();
        prepared = undefined;
    }
  };
  for await (const line of linesOf(Deno.stdin.readable)) {
    let reply: Reply;
    try {
      reply = { result: await answer(JSON.parse(line)) ?? null };
    } catch (error) {
      reply = { error: error instanceof Error ? error.message : `${error}` };
    }
    const bytes = new TextEncoder().encode(JSON.stringify(reply) + "\n");
    const writer = Deno.stdout.writable.getWriter();
    await writer.write(bytes);
    writer.releaseLock();
  }
}
