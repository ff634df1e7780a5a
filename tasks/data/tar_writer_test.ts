import { assertEquals } from "@std/assert";
import { join } from "node:path";
import {
  inTemporaryFolder,
  withoutPermissions as ignore,
} from "../testdata/temporary_folder.ts";
import { readTar } from "./tar.ts";
import { TarWriter } from "./tar_writer.ts";

Deno.test(
  "TarWriter writes what readTar() and tar read",
  { ignore },
  () =>
    inTemporaryFolder(async (folder) => {
      const path = join(folder, "a.tar");
      const files: [string, Uint8Array<ArrayBuffer>][] = [
        0,
        1,
        511,
        512,
        513,
        100_000,
      ]
        .map((size) => [`${size}.bin`, new Uint8Array(size).fill(size)]);
      {
        await using writer = await TarWriter.create(path);
        await writer.write(files.slice(0, 2));
        await writer.write([]);
        await writer.write(files.slice(2));
      }
      assertEquals(
        Array.from(
          readTar(path),
          ({ name, read }) => [name, new Uint8Array(read())],
        ),
        files,
      );
    }),
);
