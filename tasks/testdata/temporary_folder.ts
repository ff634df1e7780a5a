/** A folder that lives as long as a test, and whether tests may make one. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** For `ignore` of tests that write files, load sharp or start workers: plain `deno test` may not. */
export const withoutPermissions: boolean = (await Promise.all(
  (["read", "write", "ffi", "env", "sys"] as const).map((name) =>
    Deno.permissions.query({ name })
  ),
)).some((status) => status.state !== "granted");

/** Runs a function in a new folder, which is removed afterwards. */
export async function inTemporaryFolder(
  body: (folder: string) => Promise<void> | void,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "cram-"));
  try {
    await body(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}
