import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DataError } from "../errors.ts";
import { type ArchiveFile, tarArchive } from "../testdata/tar_archive.ts";
import {
  inTemporaryFolder,
  withoutPermissions as ignore,
} from "../testdata/temporary_folder.ts";
import { findImages, openImages } from "./dataset.ts";

async function writeAll(folder: string, paths: string[]): Promise<void> {
  for (const path of paths) {
    await mkdir(join(folder, path, ".."), { recursive: true });
    await writeFile(join(folder, path), "");
  }
}

Deno.test("openImages() numbers the classes of an ImageFolder by name", {
  ignore,
}, () =>
  inTemporaryFolder(async (folder) => {
    await writeAll(folder, [
      "train/b/2.jpg",
      "train/b/deep/1.PNG",
      "train/a/x.JPEG",
      "train/a/readme.txt",
      "train/list.csv",
    ]);
    const { classes, files } = await openImages(folder, "train");
    assertEquals(classes, ["a", "b"]);
    assertEquals(
      files.map(({ name, label, path }) => [name, label, path]),
      [
        ["a/x.JPEG", 0, join(folder, "train/a/x.JPEG")],
        ["b/2.jpg", 1, join(folder, "train/b/2.jpg")],
        ["b/deep/1.PNG", 1, join(folder, "train/b/deep/1.PNG")],
      ],
    );
    assertStrictEquals(await findImages(folder, "val"), undefined);
  }));

Deno.test(
  "openImages() names what is wrong with an ImageFolder",
  { ignore },
  () =>
    inTemporaryFolder(async (folder) => {
      await assertRejects(
        () => openImages(join(folder, "none"), "train"),
        DataError,
        "no such folder",
      );
      await assertRejects(
        () => openImages(folder, "train"),
        DataError,
        'archives "train-*.tar"',
      );
      await mkdir(join(folder, "train"));
      await assertRejects(
        () => openImages(folder, "train"),
        DataError,
        "no folders of classes",
      );
      await writeAll(folder, ["train/a/1.jpg", "train/b/1.txt"]);
      await assertRejects(
        () => openImages(folder, "train"),
        DataError,
        'the folder of class "b" has none',
      );
    }),
);

Deno.test(
  "openImages() reads WebDataset archives",
  { ignore },
  () =>
    inTemporaryFolder(async (folder) => {
      const write = (name: string, files: ArchiveFile[]): Promise<void> =>
        writeFile(join(folder, name), tarArchive(files));
      await write("train-1.tar", [
        { name: "dir.v1/c.cls", content: "0\n" },
        { name: "dir.v1/c.jpg", content: "ccc" },
      ]);
      await write("train-0.tar", [
        { name: "a.jpg", content: "aaaa" },
        { name: "a.cls", content: "2" },
        { name: "a.json", content: "{}" },
        { name: "b.png", content: "bb" },
        { name: "b.cls", content: "1" },
      ]);
      await write("val-0.tar", []);
      const { classes, files } = await openImages(folder, "train");
      assertEquals(classes, ["0", "1", "2"]);
      assertEquals(
        files.map(({ label, offset, length }) => [label, offset, length]),
        [[2, 512, 4], [1, 512 + 3 * 1024, 2], [0, 512 + 1024, 3]],
      );
      await writeFile(join(folder, "classes.txt"), "x\ny\nz\n");
      assertEquals((await openImages(folder, "train")).classes, [
        "x",
        "y",
        "z",
      ]);
      await writeFile(join(folder, "classes.txt"), "x\ny\n");
      await assertRejects(
        () => openImages(folder, "train"),
        DataError,
        'example "a" has the label 2, classes.txt names 2 classes',
      );
      await assertRejects(
        () => openImages(folder, "val"),
        DataError,
        "hold none",
      );
    }),
);

Deno.test(
  "openImages() names what is wrong with an archive",
  { ignore },
  () =>
    inTemporaryFolder(async (folder) => {
      const cases: [ArchiveFile[], string][] = [
        [[{ name: "a.jpg", content: "" }], 'example "a" has no label'],
        [[{ name: "a.cls", content: "1" }], 'example "a" has no image'],
        [
          [{ name: "a.jpg", content: "" }, { name: "a.cls", content: "cat" }],
          '"a.cls" holds "cat"',
        ],
        [
          [{ name: "a.jpg", content: "" }, { name: "a.cls", content: "-1" }],
          '"a.cls" holds "-1"',
        ],
      ];
      for (const [files, message] of cases) {
        await writeFile(join(folder, "train-0.tar"), tarArchive(files));
        await assertRejects(
          () => openImages(folder, "train"),
          DataError,
          message,
        );
      }
    }),
);
