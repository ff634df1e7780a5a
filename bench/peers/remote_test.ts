import { assertEquals, assertRejects } from "@std/assert";
import type { MatmulWork } from "../works.ts";
import { processChannel } from "./process_channel.ts";
import {
  type Channel,
  openRemote,
  PeerError,
  type Request,
  TookTooLongError,
} from "./remote.ts";

/** A process that answers as peer.py does, in pieces and slowly where it is told. */
const FAKE = `
const encoder = new TextEncoder();
const write = (text) => Deno.stdout.write(encoder.encode(text));
let rest = "";
for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
  const lines = (rest + text).split("\\n");
  rest = lines.pop();
  for (const line of lines) {
    const { op, calls, work } = JSON.parse(line);
    if (op === "open") {
      await write('{"result": {"name": "fake", ');
      await write('"version": "1", "threads": 2}}\\n');
    } else if (op === "prepare" && work.m === 0) {
      await write('{"error": "ValueError: no"}\\n');
    } else if (op === "time" && calls === 0) {
      Deno.exit(7);
    } else if (op === "time" && calls === 1) {
      await write("Traceback\\n");
    } else {
      const results = { prepare: { variant: "x" }, outputs: [[1]], time: calls };
      await write(JSON.stringify({ result: results[op] ?? null }) + "\\n");
    }
  }
}
`;

const OPTIONS = { device: "cpu", threads: 2 } as const;
const WORK: MatmulWork = {
  ...{ kind: "matmul", name: "w", m: 1, n: 1, k: 1 },
  ...{ transposeA: false, transposeB: false },
};

const connect = () => processChannel(Deno.execPath(), ["eval", FAKE]);

/** Plain `deno test` may not start processes. */
const ignore =
  (await Deno.permissions.query({ name: "run" })).state !== "granted";

Deno.test("a process is asked by lines of JSON, and its errors are told", {
  ignore,
}, async () => {
  const library = await openRemote(connect, OPTIONS, () => 60);
  assertEquals(library.info, { name: "fake", version: "1", threads: 2 });
  await assertRejects(
    () => library.prepare({ ...WORK, m: 0 }),
    PeerError,
    "ValueError: no",
  );
  const prepared = await library.prepare(WORK);
  assertEquals(prepared.variant, "x");
  assertEquals(await prepared.outputs(), [[1]]);
  assertEquals(await prepared.time(3), 3);
  await assertRejects(() => prepared.time(1), PeerError, "no JSON");
  await prepared.dispose();
  await library.close();
});

Deno.test(
  "a process that ends is told with its exit code",
  { ignore },
  async () => {
    const library = await openRemote(connect, OPTIONS, () => 60);
    const prepared = await library.prepare(WORK);
    await assertRejects(() => prepared.time(0), PeerError, "exit code 7");
    await assertRejects(() => prepared.time(2), PeerError, "exit code 7");
    await library.close();
  },
);

Deno.test("a library that takes too long is ended and opened anew", async () => {
  const log: string[] = [];
  let opened = 0;
  const slow = (): Channel => {
    const id = ++opened;
    return {
      request(request: Request) {
        log.push(`${id} ${request.op}`);
        return request.op === "outputs"
          ? new Promise(() => {})
          : Promise.resolve({ result: request.op === "prepare" ? {} : 5 });
      },
      close: () => {
        log.push(`${id} close`);
        return Promise.resolve();
      },
    };
  };
  const library = await openRemote(slow, OPTIONS, () => 0.01);
  const prepared = await library.prepare(WORK);
  await assertRejects(
    () => prepared.outputs(),
    TookTooLongError,
    "more than 0.01 s",
  );
  await library.prepare(WORK);
  await library.close();
  assertEquals(log, [
    ...["1 open", "1 prepare", "1 outputs", "1 close"],
    ...["2 open", "2 prepare", "2 close"],
  ]);
});
