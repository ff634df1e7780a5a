import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { createHash } from "node:crypto";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { DataError, NetworkError } from "../errors.ts";
import { tarArchive } from "../testdata/tar_archive.ts";
import {
  inTemporaryFolder,
  withoutPermissions as ignore,
} from "../testdata/temporary_folder.ts";
import { type Cifar10Options, openCifar10 } from "./cifar10.ts";
import type { RemoteFile } from "./download.ts";

/** A batch of records, each of one value. */
function batch(...records: [label: number, value: number][]): Uint8Array {
  const bytes = new Uint8Array(records.length * 3073);
  for (const [i, [label, value]] of records.entries()) {
    bytes.fill(value, i * 3073, (i + 1) * 3073);
    bytes[i * 3073] = label;
  }
  return bytes;
}

/** As the official archive is laid out. */
const PACKED = new Uint8Array(gzipSync(tarArchive([
  { name: "cifar-10-batches-bin/", content: "", type: "5" },
  {
    name: "cifar-10-batches-bin/data_batch_1.bin",
    content: batch([1, 10], [0, 20]),
  },
  {
    name: "cifar-10-batches-bin/batches.meta.txt",
    content: "airplane\nautomobile\n\n",
  },
  { name: "cifar-10-batches-bin/data_batch_2.bin", content: batch([1, 30]) },
  { name: "cifar-10-batches-bin/readme.html", content: "<p>" },
  { name: "cifar-10-batches-bin/test_batch.bin", content: batch([0, 40]) },
])));
const SHA256 = createHash("sha256").update(PACKED).digest("hex");
const NOWHERE: RemoteFile = {
  url: "http://127.0.0.1:9/x.tar.gz",
  sha256: SHA256,
};

/** Serves an answer on this machine as long as a function runs. */
async function served(
  answer: (response: ServerResponse) => void,
  body: (archive: RemoteFile) => Promise<void>,
): Promise<void> {
  const server = createServer((_, response) => answer(response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  try {
    await body({ url: `http://127.0.0.1:${port}/x.tar.gz`, sha256: SHA256 });
  } finally {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  }
}

Deno.test(
  "openCifar10() downloads the archive once and finds the records in it",
  {
    ignore,
  },
  () =>
    inTemporaryFolder((cache) => {
      let requests = 0;
      return served((response) => {
        requests++;
        response.end(PACKED);
      }, async (archive) => {
        const path = join(cache, "cifar-10-binary.tar");
        const train = await openCifar10("train", { cache }, archive);
        assertEquals(train.classes, ["airplane", "automobile"]);
        assertEquals(
          train.files.map(({ name, label }) => [name, label]),
          [["data_batch_1:0", 1], ["data_batch_1:1", 0], ["data_batch_2:0", 1]],
        );
        const content = await Deno.readFile(path);
        for (const [i, file] of train.files.entries()) {
          assertEquals([file.path, file.encoding], [path, "cifar"]);
          assertEquals(
            content.slice(file.offset, file.offset + file.length!),
            new Uint8Array(3072).fill(10 * (i + 1)),
          );
        }
        const val = await openCifar10("val", { cache }, archive);
        assertEquals(val.files.map(({ name }) => name), ["test_batch:0"]);
        assertEquals(requests, 1);
        assertEquals(await readdir(cache), ["cifar-10-binary.tar"]);
      });
    }),
);

Deno.test(
  "openCifar10() takes an archive that was put into the cache by hand, and checks it",
  {
    ignore,
  },
  () =>
    inTemporaryFolder(async (cache) => {
      const placed = join(cache, "cifar-10-binary.tar.gz");
      await writeFile(placed, PACKED.subarray(0, 100));
      const error = await assertRejects(
        () => openCifar10("train", { cache }, NOWHERE),
        DataError,
        `Cannot use "${placed}": its SHA-256 hash is `,
      );
      assertStringIncludes(error.message, SHA256);
      await writeFile(placed, PACKED);
      const { files } = await openCifar10("train", { cache }, NOWHERE);
      assertEquals(files.length, 3);
    }),
);

Deno.test("openCifar10() says what to do where nothing can be downloaded", {
  ignore,
}, () =>
  inTemporaryFolder(async (cache) => {
    const error = await assertRejects(
      () => openCifar10("train", { cache }, NOWHERE),
      NetworkError,
      `Cannot download "${NOWHERE.url}": `,
    );
    assertStringIncludes(
      error.message,
      `put it to "${join(cache, "cifar-10-binary.tar.gz")}"`,
    );
    assertEquals(await readdir(cache), []);
  }));

Deno.test(
  "openCifar10() keeps nothing of a download that is broken or interrupted",
  {
    ignore,
  },
  async (t) => {
    const half = PACKED.subarray(0, PACKED.length / 2);
    const controller = new AbortController();
    const open = (
      archive: RemoteFile,
      options: Cifar10Options,
    ): Promise<unknown> => openCifar10("train", options, archive);
    const cases: [
      string,
      (response: ServerResponse) => void,
      new () => Error,
      string,
    ][] = [
      [
        "missing",
        (response) => response.writeHead(404).end(),
        NetworkError,
        "the server says 404",
      ],
      ["other", (response) => response.end(half), DataError, "SHA-256 hash is"],
      [
        "cut off",
        (response) => {
          response.writeHead(200, { "content-length": PACKED.length });
          response.write(half, () => response.destroy());
        },
        NetworkError,
        "Cannot download",
      ],
      [
        "interrupted",
        (response) => response.write(half, () => controller.abort()),
        DOMException,
        "aborted",
      ],
    ];
    for (const [name, answer, ErrorClass, message] of cases) {
      await t.step(
        name,
        () =>
          inTemporaryFolder((folder) =>
            served(answer, async (archive) => {
              const cache = join(folder, "cache");
              await mkdir(cache);
              const { signal } = controller;
              await assertRejects(
                () => open(archive, { cache, signal }),
                ErrorClass,
                message,
              );
              assertEquals(await readdir(cache), []);
            })
          ),
      );
    }
  },
);

Deno.test("openCifar10() names a file in the cache that is not CIFAR-10", {
  ignore,
}, () =>
  inTemporaryFolder(async (cache) => {
    const path = join(cache, "cifar-10-binary.tar");
    await writeFile(path, tarArchive([{ name: "a", content: "b" }]));
    await assertRejects(
      () => openCifar10("train", { cache }, NOWHERE),
      DataError,
      `Cannot read CIFAR-10 of "${path}": it holds 0 images`,
    );
  }));
