import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { mkdir, readdir, readFile, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DataError } from "../errors.ts";
import {
  parquetFile,
  type ParquetFileOptions,
  type ParquetImage,
} from "../testdata/parquet_file.ts";
import {
  inTemporaryFolder,
  withoutPermissions as ignore,
} from "../testdata/temporary_folder.ts";
import { findImages, type ImageFile, openImages } from "./dataset.ts";
import { findParquet, openParquet } from "./parquet.ts";

/** Images of pseudo-random bytes, which no compression makes smaller. */
function images(count: number, size = 300): ParquetImage[] {
  let state = 1;
  return Array.from({ length: count }, (_, i) => ({
    bytes: Uint8Array.from(
      { length: size + i },
      () => (state = state * 48271 % 2147483647) & 255,
    ),
    path: i % 2 === 0 ? `photo${i}.PNG` : undefined,
    label: i % 3,
  }));
}

async function contentOf(
  { path, offset, length }: ImageFile,
): Promise<Uint8Array> {
  return new Uint8Array(
    (await readFile(path)).subarray(offset, offset + length!),
  );
}

Deno.test("openImages() reads Parquet files of Hugging Face", {
  ignore,
}, () =>
  inTemporaryFolder(async (folder) => {
    const rows = images(25);
    const classes = ["bee", "cow", "dog"];
    const options = { classes, rowsPerGroup: 10 };
    await mkdir(join(folder, "data"));
    const first = join(folder, "data", "train-00000-of-00002.parquet");
    const second = join(folder, "data", "train-00001-of-00002.parquet");
    await writeFile(first, parquetFile(rows.slice(0, 22), options));
    await writeFile(second, parquetFile(rows.slice(22), options));
    const cache = join(folder, "cache");
    const messages: string[] = [];
    const open = () =>
      openImages(folder, "train", {
        cache,
        onProgress: (message) => messages.push(message),
      });
    const dataset = await open();
    assertEquals(dataset.classes, classes);
    assertEquals(
      dataset.files.map(({ label }) => label),
      rows.map((r) => r.label!),
    );
    for (const [i, file] of dataset.files.entries()) {
      assertEquals(await contentOf(file), rows[i].bytes);
    }
    assertEquals(dataset.files[22].name, `${second}:000000000.png`);
    assertEquals(messages.length, 2);
    assertEquals(await open(), dataset);
    assertEquals(messages.length, 2, "nothing is converted twice");
    await utimes(second, 1, 1);
    await open();
    assertEquals(messages.length, 3, "a file that has changed is");
    assertEquals((await readdir(join(cache, "parquet"))).length, 3);
    assertEquals(await findImages(folder, "val"), undefined);
  }));

Deno.test(
  "openParquet() finds the columns by their types, and numbers classes without names",
  {
    ignore,
  },
  () =>
    inTemporaryFolder(async (folder) => {
      const path = join(folder, "train-0.parquet");
      const write = (options: ParquetFileOptions): Promise<void> =>
        writeFile(path, parquetFile(images(5), options));
      await write({ columns: ["picture", "kind"], classes: ["a", "b", "c"] });
      const named = await openParquet([path], { cache: folder });
      assertEquals(named.classes, ["a", "b", "c"]);
      await write({ columns: ["img", "label"] });
      const numbered = await openParquet([path], { cache: folder });
      assertEquals(numbered.classes, ["0", "1", "2"]);
      await write({ columns: ["picture", "label"] });
      await assertRejects(
        () => openParquet([path], { cache: folder }),
        DataError,
        'it has no column of images, only "picture", "label"',
      );
    }),
);

Deno.test(
  "findParquet() takes test files for validation only where there is nothing better",
  {
    ignore,
  },
  () =>
    inTemporaryFolder(async (folder) => {
      const write = (name: string): Promise<void> =>
        writeFile(join(folder, name), "");
      await write("test-0.parquet");
      await write("testing.parquet");
      const found = async (): Promise<string[]> =>
        (await findParquet(folder, "val")).map((path) =>
          path.slice(folder.length + 1)
        );
      assertEquals(await found(), ["test-0.parquet"]);
      await write("validation-1.parquet");
      await write("validation-0.parquet");
      assertEquals(await found(), [
        "validation-0.parquet",
        "validation-1.parquet",
      ]);
    }),
);

Deno.test(
  "openParquet() names what is wrong with a file, and keeps nothing of it",
  {
    ignore,
  },
  () =>
    inTemporaryFolder(async (folder) => {
      const path = join(folder, "train-0.parquet");
      const cache = join(folder, "cache");
      const good = images(4);
      const change = (row: Partial<ParquetImage>): ParquetImage[] =>
        good.with(2, { ...good[2], ...row });
      const classes = ["a", "b", "c"];
      const whole = parquetFile(images(400), { classes });
      const flipped = whole.slice();
      flipped.fill(0xff, 60, 2000);
      const cases: [Uint8Array, string][] = [
        [new Uint8Array(100), "parquet"],
        [whole.subarray(0, whole.length - 20), "parquet"],
        [flipped, ""],
        [
          parquetFile(change({ label: 3 }), { classes }),
          '"label" of row 2 is 3 where a class number below 3 is expected',
        ],
        [parquetFile(change({ label: -1 })), '"label" of row 2 is -1'],
        [parquetFile(change({ label: undefined })), '"label" of row 2 is'],
        [
          parquetFile(change({ bytes: undefined })),
          '"image" of row 2 holds no bytes',
        ],
      ];
      for (const [content, message] of cases) {
        await writeFile(path, content);
        const error = await assertRejects(
          () => openParquet([path], { cache }),
          DataError,
          message,
        );
        assertStringIncludes(
          error.message,
          `Cannot read images of "${path}": `,
        );
      }
      assertEquals(await readdir(join(cache, "parquet")), []);
    }),
);

Deno.test(
  "openParquet() refuses files of different classes",
  { ignore },
  () =>
    inTemporaryFolder(async (folder) => {
      const paths = await Promise.all([["a", "b", "c"], ["a", "c", "b"]].map(
        async (classes, i) => {
          const path = join(folder, `train-${i}.parquet`);
          await writeFile(path, parquetFile(images(3), { classes }));
          return path;
        },
      ));
      await assertRejects(
        () => openParquet(paths, { cache: folder }),
        DataError,
        `Cannot read images of "${paths[1]}": its classes are not those of "${
          paths[0]
        }"`,
      );
    }),
);
