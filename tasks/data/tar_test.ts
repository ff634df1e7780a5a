import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { TarError } from "../errors.ts";
import { type ArchiveFile, tarArchive } from "../testdata/tar_archive.ts";
import {
  inTemporaryFolder,
  withoutPermissions as ignore,
} from "../testdata/temporary_folder.ts";
import { readTar } from "./tar.ts";

const decoder = new TextDecoder();

/** Names and contents of an archive's files. */
function list(archive: Uint8Array, folder: string): [string, string][] {
  const path = join(folder, "a.tar");
  writeFileSync(path, archive);
  return Array.from(
    readTar(path),
    (entry) => [entry.name, decoder.decode(entry.read())],
  );
}

function pax(...records: string[]): string {
  return records.map((record) => {
    let length = record.length + 3;
    while (`${length} ${record}\n`.length !== length) length++;
    return `${length} ${record}\n`;
  }).join("");
}

const LONG = "long/".repeat(40) + "name.jpg";

Deno.test(
  "readTar() lists files in their order",
  { ignore },
  () =>
    inTemporaryFolder((folder) => {
      assertEquals(
        list(
          tarArchive([
            { name: "folder/", content: "", type: "5" },
            { name: "a.txt", content: "one" },
            { name: "empty", content: "" },
            { name: "link", content: "", type: "2" },
            { name: "old", content: "x".repeat(600), type: "\0" },
          ]),
          folder,
        ),
        [["a.txt", "one"], ["empty", ""], ["old", "x".repeat(600)]],
      );
      assertEquals(list(tarArchive([]), folder), []);
      assertEquals(list(tarArchive([], { end: false }), folder), []);
      assertEquals(
        list(tarArchive([{ name: "a", content: "b" }], { end: false }), folder),
        [["a", "b"]],
      );
    }),
);

Deno.test(
  "readTar() knows long names and large sizes",
  { ignore },
  () =>
    inTemporaryFolder((folder) => {
      const cases: [string, ArchiveFile[], [string, string]][] = [
        ["ustar prefix", [{
          name: "name.jpg",
          content: "x",
          change: (header) =>
            header.set(new TextEncoder().encode("some/folder"), 345),
        }], ["some/folder/name.jpg", "x"]],
        ["GNU magic", [{
          name: "name.jpg",
          content: "x",
          change: (header) => {
            header.set(new TextEncoder().encode("ustar  \0"), 257);
            header.set(new TextEncoder().encode("12345"), 345);
          },
        }], ["name.jpg", "x"]],
        ["GNU long name", [
          { name: "././@LongLink", type: "L", content: LONG + "\0" },
          { name: LONG.slice(0, 100), content: "x" },
        ], [LONG, "x"]],
        ["pax path", [
          { name: "g", type: "g", content: pax("comment=all") },
          { name: "x", type: "x", content: pax("mtime=1.5", `path=${LONG}`) },
          { name: "short", content: "x" },
        ], [LONG, "x"]],
        ["pax size", [
          { name: "x", type: "x", content: pax("size=3") },
          {
            name: "a",
            content: "abc",
            change: (header) => header.fill(0x30, 124, 135),
          },
        ], ["a", "abc"]],
        ["binary size", [{
          name: "a",
          content: "abc",
          change: (header) => {
            header.fill(0, 124, 136);
            header[124] = 0x80;
            header[135] = 3;
          },
        }], ["a", "abc"]],
      ];
      for (const [what, files, expected] of cases) {
        assertEquals(
          list(tarArchive([...files, { name: "z", content: "end" }]), folder),
          [expected, ["z", "end"]],
          what,
        );
      }
    }),
);

Deno.test("readTar() steps over large files and reads small ones at once", {
  ignore,
}, () =>
  inTemporaryFolder((folder) => {
    const files = Array.from({ length: 40 }, (_, i) => ({
      name: `${i}`,
      content: `${i} `.repeat(i % 3 === 0 ? 30_000 : 3 * i),
    }));
    assertEquals(
      list(tarArchive(files), folder),
      files.map(({ name, content }) => [name, content]),
    );
  }));

Deno.test(
  "readTar() names what is broken",
  { ignore },
  () =>
    inTemporaryFolder((folder) => {
      const whole = tarArchive([{ name: "a", content: "x".repeat(1000) }]);
      const flipped = whole.slice();
      flipped[0] = 0x62;
      const escaping = whole.slice();
      escaping.set(new TextEncoder().encode("\x1b[2J\0"), 148);
      const cases: [Uint8Array, string][] = [
        [whole.subarray(0, 1000), "has 1000 bytes, and 488 are left"],
        [whole.subarray(0, 100), "cut off"],
        [flipped, "its checksum is"],
        [new Uint8Array(512).fill(0x78), "the header at byte 0 is broken"],
        [
          tarArchive([{
            name: "a",
            content: "",
            change: (header) => header.fill(0x39, 124, 135),
          }]),
          "no valid size",
        ],
        [
          tarArchive([{ name: "x", type: "x", content: "99 path=a\n" }]),
          "broken record",
        ],
        [
          tarArchive([{ name: "x", type: "x", content: "0 path=a\n" }]),
          "broken record",
        ],
        [
          tarArchive([{ name: "x", type: "x", content: pax("size=-1") }]),
          'the size "-1"',
        ],
        [
          tarArchive([{ name: "x", type: "x", content: pax("size=\x1b[2J") }]),
          'the size "\\u{1b}[2J"',
        ],
        [escaping, 'where "\\u{1b}[2J" is written'],
      ];
      for (const [archive, message] of cases) {
        const error = assertThrows(
          () => list(archive, folder),
          TarError,
          message,
        );
        assertStringIncludes(error.message, join(folder, "a.tar"));
      }
    }),
);
