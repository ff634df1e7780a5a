import { assert, assertEquals, assertFalse, assertRejects } from "@std/assert";
import { join } from "node:path";
import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { ensureDir, exists, walk } from "./fs.ts";

const { state } = await Deno.permissions.query({ name: "write" });
const ignore = state !== "granted";

async function inTemporaryFolder(
  body: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "cram-"));
  try {
    await body(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

Deno.test(
  "ensureDir() makes folders when they are missing only",
  { ignore },
  () =>
    inTemporaryFolder(async (folder) => {
      const path = join(folder, "a", "b");
      await ensureDir(path);
      await ensureDir(path);
      assert(await exists(path, { isDirectory: true }));
      const file = join(folder, "file");
      await writeFile(file, "");
      await assertRejects(() => ensureDir(file), Error, "expected 'dir'");
    }),
);

Deno.test(
  "exists() tells files from folders",
  { ignore },
  () =>
    inTemporaryFolder(async (folder) => {
      const file = join(folder, "file");
      await writeFile(file, "");
      assert(await exists(file));
      assert(await exists(file, { isFile: true, isReadable: true }));
      assertFalse(await exists(file, { isDirectory: true }));
      assertFalse(await exists(join(folder, "none")));
      assertFalse(await exists(join(file, "below")));
      await assertRejects(
        () => exists(file, { isFile: true, isDirectory: true }),
        TypeError,
      );
    }),
);

Deno.test(
  "walk() lists what the options ask for",
  { ignore },
  () =>
    inTemporaryFolder(async (folder) => {
      await ensureDir(join(folder, "a", "b"));
      await writeFile(join(folder, "a", "x.jpg"), "");
      await writeFile(join(folder, "a", "b", "y.png"), "");
      await symlink(join(folder, "a", "x.jpg"), join(folder, "link"));
      const list = async (options?: Parameters<typeof walk>[1]) =>
        (await Array.fromAsync(walk(folder, options)))
          .map((entry) => entry.path.slice(folder.length)).sort();
      assertEquals(await list(), [
        "",
        "/a",
        "/a/b",
        "/a/b/y.png",
        "/a/x.jpg",
        "/link",
      ]);
      assertEquals(await list({ includeDirs: false, includeSymlinks: false }), [
        "/a/b/y.png",
        "/a/x.jpg",
      ]);
      assertEquals(await list({ maxDepth: 1 }), ["", "/a", "/link"]);
      assertEquals(await list({ exts: ["png"] }), ["/a/b/y.png"]);
      assertEquals(await list({ skip: [/\/b$/], includeDirs: false }), [
        "/a/x.jpg",
        "/link",
      ]);
      assertEquals(await list({ match: [/x\.jpg$/], followSymlinks: true }), [
        "/a/x.jpg",
        "/a/x.jpg",
      ]);
    }),
);
