import { assertEquals, assertRejects } from "@std/assert";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  inTemporaryFolder,
  withoutPermissions as ignore,
} from "../testdata/temporary_folder.ts";
import { cacheFolder, makeOnce } from "./cache.ts";

Deno.test("cacheFolder() is CRAM_CACHE, or in the platform's folder", {
  ignore,
}, () => {
  const names = ["CRAM_CACHE", "XDG_CACHE_HOME"];
  const before = names.map((name) => Deno.env.get(name));
  try {
    Deno.env.set("CRAM_CACHE", "/somewhere");
    assertEquals(cacheFolder(), "/somewhere");
    Deno.env.set("CRAM_CACHE", "");
    Deno.env.set("XDG_CACHE_HOME", "/elsewhere");
    if (Deno.build.os === "linux") {
      assertEquals(cacheFolder(), "/elsewhere/cram");
    }
  } finally {
    for (const [i, name] of names.entries()) {
      if (before[i] === undefined) Deno.env.delete(name);
      else Deno.env.set(name, before[i]);
    }
  }
});

Deno.test("cacheFolder() needs no permission but for the environment", {
  ignore: ignore || Deno.build.os !== "linux",
  permissions: { env: true },
}, () => {
  const names = ["CRAM_CACHE", "XDG_CACHE_HOME", "HOME"];
  const before = names.map((name) => Deno.env.get(name));
  try {
    for (const name of names) Deno.env.delete(name);
    Deno.env.set("HOME", "/home/someone");
    assertEquals(cacheFolder(), "/home/someone/.cache/cram");
  } finally {
    for (const [i, name] of names.entries()) {
      if (before[i] === undefined) Deno.env.delete(name);
      else Deno.env.set(name, before[i]);
    }
  }
});

Deno.test("makeOnce() makes a file once, and leaves nothing else behind", {
  ignore,
}, () =>
  inTemporaryFolder(async (folder) => {
    const path = join(folder, "deep", "file");
    let made = 0;
    const make = async (temporary: string): Promise<void> => {
      made++;
      await writeFile(`${temporary}.gz`, "more");
      await writeFile(temporary, "content");
    };
    await makeOnce(path, make);
    await makeOnce(path, make);
    assertEquals(made, 1);
    assertEquals(await readdir(join(folder, "deep")), ["file"]);
    assertEquals(await readFile(path, "utf8"), "content");
  }));

Deno.test("makeOnce() leaves nothing behind where making fails", {
  ignore,
}, () =>
  inTemporaryFolder(async (folder) => {
    const path = join(folder, "file");
    await assertRejects(
      () =>
        makeOnce(path, async (temporary) => {
          await writeFile(temporary, "half");
          throw new Error("Cut off");
        }),
      Error,
      "Cut off",
    );
    assertEquals(await readdir(folder), []);
  }));

Deno.test("makeOnce() shows whole files only, also while several make them", {
  ignore,
}, () =>
  inTemporaryFolder(async (folder) => {
    const path = join(folder, "file");
    const size = 100_000;
    await Promise.all(Array.from({ length: 8 }, async (_, i) => {
      await makeOnce(path, async (temporary) => {
        await writeFile(temporary, `${i}`.repeat(size / 2));
        await writeFile(temporary, `${i}`.repeat(size));
      });
      const content = await readFile(path, "utf8");
      assertEquals(content, content[0].repeat(size));
    }));
    assertEquals(await readdir(folder), ["file"]);
  }));
