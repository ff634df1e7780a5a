/**
 * The tasks run with V8's revectorizer, which is experimental: it must not
 * change a bit of what kernels compute.
 *
 * @module
 */

import { assertEquals, assertMatch } from "@std/assert";
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const PROGRAM = fileURLToPath(
  new URL("./testdata/digest_of_steps.ts", import.meta.url),
);

async function digest(...flags: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(
    Deno.execPath(),
    ["run", "--no-check", "--allow-read", ...flags, PROGRAM],
  );
  return stdout.trim();
}

Deno.test("training comes to the same bits with V8's revectorizer", async () => {
  const plain = await digest("--v8-flags=--no-experimental-wasm-revectorize");
  assertMatch(plain, /^[\da-f]{64}$/);
  const wide = await digest("--v8-flags=--experimental-wasm-revectorize");
  assertEquals(wide, plain);
});
