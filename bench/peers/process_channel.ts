/**
 * A library in a process that reads requests from standard input and writes
 * its answers to standard output, as lines of JSON.
 *
 * @module
 */

import type { Channel, Reply } from "./remote.ts";

/** Starts a process; what it writes to standard error is shown. */
export function processChannel(
  command: string,
  args: readonly string[],
): Channel {
  const child = new Deno.Command(command, {
    args: [...args],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  const lines = linesOf(child.stdout);
  return {
    async request(request) {
      const bytes = new TextEncoder().encode(JSON.stringify(request) + "\n");
      try {
        await writer.write(bytes);
        const { value, done } = await lines.next();
        if (!done) return JSON.parse(value) as Reply;
      } catch (error) {
        if (error instanceof SyntaxError) {
          return { error: `no JSON: ${error.message}` };
        }
      }
      const { code } = await child.status;
      return { error: `the process ended with exit code ${code}` };
    },
    async close() {
      await writer.close().catch(() => {});
      try {
        child.kill("SIGKILL");
      } catch {
        // It has ended by itself.
      }
      await child.status;
      await lines.return(undefined);
    },
  };
}

/** The lines of a stream of text. */
export async function* linesOf(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
): AsyncGenerator<string, void, undefined> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() as string;
    yield* lines;
  }
}
