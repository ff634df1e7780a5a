import { assertEquals, assertRejects } from "@std/assert";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { OutputError } from "./errors.ts";
import { writeJson, writeText } from "./output_file.ts";
import {
  inTemporaryFolder,
  withoutPermissions as ignore,
} from "./testdata/temporary_folder.ts";

Deno.test(
  "writeJson() makes the folder, replaces the file and leaves nothing else",
  {
    ignore,
  },
  () =>
    inTemporaryFolder(async (folder) => {
      const path = join(folder, "a", "b", "x.json");
      await writeJson(path, { a: 1 });
      await writeJson(path, { a: [2] });
      assertEquals(JSON.parse(await readFile(path, "utf8")), { a: [2] });
      assertEquals(await readdir(join(folder, "a", "b")), ["x.json"]);
    }),
);

Deno.test(
  "writeText() names the file that it cannot write",
  { ignore },
  () =>
    inTemporaryFolder(async (folder) => {
      const file = join(folder, "file");
      await writeFile(file, "");
      const error = await assertRejects(
        () => writeText(join(file, "x.svg"), "x"),
        OutputError,
      );
      assertEquals(
        error.message.startsWith(`Cannot write "${join(file, "x.svg")}": `),
        true,
      );
    }),
);
