import {
  assertEquals,
  assertNotEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
} from "@std/assert";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DataError, TarError } from "../errors.ts";
import { type ArchiveFile, tarArchive } from "../testdata/tar_archive.ts";
import {
  inTemporaryFolder,
  withoutPermissions as ignore,
} from "../testdata/temporary_folder.ts";
import { findImages, holdOutImages, openImages } from "./dataset.ts";
import { holdOutRandom } from "./random_streams.ts";

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

Deno.test("openImages() follows links and passes over what is hidden", {
  ignore,
}, () =>
  inTemporaryFolder(async (folder) => {
    await writeAll(folder, [
      "store/blob1",
      "store/deep/2.webp",
      "train/a/.hidden/1.jpg",
      "train/a/._1.jpg",
      "train/a/1.jpg",
      "train/.cache/1.jpg",
      "train/b/Thumbs.db",
    ]);
    const link = (target: string, path: string): Promise<void> =>
      symlink(join(folder, target), join(folder, path));
    await link("store/blob1", "train/b/linked.JPG");
    await link("train/b", "train/b/loop");
    await link("nowhere", "train/b/broken.png");
    await link("store/blob1", "train/file");
    await link("store/deep", "train/c");
    const { classes, files } = await openImages(folder, "train");
    assertEquals(classes, ["a", "b", "c"]);
    assertEquals(files.map(({ name, label }) => [name, label]), [
      ["a/1.jpg", 0],
      ["b/broken.png", 1],
      ["b/linked.JPG", 1],
      ["c/2.webp", 2],
    ]);
    assertEquals(files[2].path, join(folder, "train/b/linked.JPG"));
  }));

Deno.test(
  "openImages() reads WebDataset archives",
  { ignore },
  () =>
    inTemporaryFolder(async (folder) => {
      const write = (name: string, files: ArchiveFile[]): Promise<void> =>
        writeFile(join(folder, name), tarArchive(files));
      await write("train-1.tar", [
        { name: "dir.v1/c.CLS", content: "0\n" },
        { name: "dir.v1/c.JPG", content: "ccc" },
        { name: "dir.v1/c.mask.png", content: "m" },
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
        'example "a" has the label 2, names are given for 2 classes',
      );
      await assertRejects(
        () => openImages(folder, "val"),
        DataError,
        "there are none",
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
        [
          [
            { name: "a\x1b[2J.cls", content: "\x07" },
            { name: "a\x1b[2J.jpg", content: "" },
          ],
          '"a\\u{1b}[2J.cls" holds "\\u{7}"',
        ],
        [
          [{ name: "a.jpg", content: "" }, { name: "b.jpg", content: "" }],
          'example "a" has no label (.cls)',
        ],
        [
          [{ name: "a.cls", content: "0" }, {
            name: "a.mask.png",
            content: "",
          }],
          'example "a" has no image',
        ],
      ];
      const path = join(folder, "train-0.tar");
      for (const [files, message] of cases) {
        await writeFile(path, tarArchive(files));
        const error = await assertRejects(
          () => openImages(folder, "train"),
          DataError,
          message,
        );
        assertStringIncludes(error.message, `"${path}"`);
      }
      const whole = tarArchive([
        { name: "a.jpg", content: "x".repeat(1000) },
        { name: "a.cls", content: "1" },
      ]);
      await writeFile(path, whole.subarray(0, 1100));
      await assertRejects(
        () => openImages(folder, "train"),
        TarError,
        `"${path}": it is cut off, the entry at byte 0 has 1000 bytes`,
      );
    }),
);

Deno.test("holdOutImages() splits a data set, by the seed alone", () => {
  const dataset = {
    classes: ["a"],
    files: Array.from({ length: 20 }, (_, i) => ({
      path: `${i}`,
      offset: 0,
      length: undefined,
      name: `${i}`,
      label: 0,
    })),
  };
  const split = (seed: bigint): string[][] =>
    holdOutImages(dataset, 5, holdOutRandom(seed))
      .map(({ files }) => files.map(({ name }) => name));
  const [rest, heldOut] = split(1n);
  assertEquals(heldOut.length, 5);
  assertEquals(
    [...rest, ...heldOut].sort(),
    dataset.files.map(({ name }) => name).sort(),
  );
  assertEquals(rest, rest.toSorted((a, b) => Number(a) - Number(b)));
  assertEquals(split(1n), [rest, heldOut]);
  assertNotEquals(split(2n)[1], heldOut);
});
