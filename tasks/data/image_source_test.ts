import { assertEquals, assertRejects } from "@std/assert";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DataError } from "../errors.ts";
import { tarArchive } from "../testdata/tar_archive.ts";
import {
  inTemporaryFolder,
  withoutPermissions as ignore,
} from "../testdata/temporary_folder.ts";
import { openImageSource } from "./image_source.ts";

Deno.test("openImageSource() opens emoji unless something else is said", {
  ignore,
}, async () => {
  for (const data of [undefined, "emoji"]) {
    const source = await openImageSource(data);
    assertEquals(source.name, "emoji");
    const sizes = [await source.train(), await source.validation()]
      .map((dataset) => dataset?.files.length);
    assertEquals(sizes, [1502, 369]);
  }
});

Deno.test(
  "openImageSource() takes cifar10 for the download, and ./cifar10 for a folder",
  {
    ignore,
  },
  () =>
    inTemporaryFolder(async (cache) => {
      await writeFile(join(cache, "cifar-10-binary.tar"), tarArchive([]));
      const source = await openImageSource("cifar10", { cache });
      assertEquals(source.name, "cifar10");
      for (const open of [source.train, source.validation]) {
        await assertRejects(open, DataError, "Cannot read CIFAR-10");
      }
      const folder = await openImageSource("./cifar10", { cache });
      await assertRejects(
        folder.train,
        DataError,
        'Cannot read images of "./cifar10": no such folder',
      );
    }),
);

Deno.test(
  "openImageSource() opens folders",
  { ignore },
  () =>
    inTemporaryFolder(async (folder) => {
      await writeFile(
        join(folder, "train-0.tar"),
        tarArchive([{ name: "a.jpg", content: "x" }, {
          name: "a.cls",
          content: "0",
        }]),
      );
      const source = await openImageSource(folder);
      assertEquals(source.name, folder);
      assertEquals((await source.train()).files.length, 1);
      assertEquals(await source.validation(), undefined);
    }),
);
