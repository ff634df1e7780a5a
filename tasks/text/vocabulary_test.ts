import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DataError, VocabularyError } from "../errors.ts";
import {
  inTemporaryFolder,
  withoutPermissions as ignore,
} from "../testdata/temporary_folder.ts";
import { bertVocabulary, loadVocabulary, Vocabulary } from "./vocabulary.ts";

const SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];

Deno.test("bertVocabulary() is that of bert-base-uncased", async () => {
  const vocabulary = await bertVocabulary();
  assertEquals(vocabulary.size, 30522);
  assertEquals(vocabulary.special, {
    pad: 0,
    unk: 100,
    cls: 101,
    sep: 102,
    mask: 103,
  });
  assertEquals(
    [1, 99, 999, 1000, 1996, 2015, 30521].map((i) => vocabulary.tokens[i]),
    ["[unused0]", "[unused98]", "!", '"', "the", "##s", "##～"],
  );
  assertEquals(vocabulary.indexOf("the"), 1996);
  assertEquals(vocabulary.indexOf("The"), undefined);
});

Deno.test(
  "loadVocabulary() reads what toText() makes",
  { ignore },
  () =>
    inTemporaryFolder(async (folder) => {
      const path = join(folder, "vocab.txt");
      const { tokens } = new Vocabulary(["b", ...SPECIAL, "##a"]);
      for (
        const text of [
          new Vocabulary(tokens).toText(),
          tokens.join("\n"),
          tokens.join("\r\n"),
        ]
      ) {
        await writeFile(path, text);
        const read = await loadVocabulary(path);
        assertEquals(read.tokens, tokens);
        assertEquals(read.special.pad, 1);
      }
    }),
);

Deno.test(
  "loadVocabulary() names what is wrong",
  { ignore },
  () =>
    inTemporaryFolder(async (folder) => {
      const path = join(folder, "vocab.txt");
      await assertRejects(
        () => loadVocabulary(path),
        DataError,
        `Cannot read vocabulary "${path}"`,
      );
      await writeFile(path, "");
      await assertRejects(
        () => loadVocabulary(path),
        VocabularyError,
        `Cannot use vocabulary "${path}": it is empty`,
      );
      await writeFile(path, "[PAD]\n\n[UNK]\n");
      await assertRejects(
        () => loadVocabulary(path),
        VocabularyError,
        `Cannot use vocabulary "${path}": token 1 is empty`,
      );
    }),
);

Deno.test("Vocabulary() refuses what it cannot use", () => {
  assertThrows(
    () => new Vocabulary([...SPECIAL, "a", "b", "a"], "mine"),
    VocabularyError,
    'Cannot use vocabulary "mine": tokens 5 and 7 are both "a"',
  );
  for (const token of SPECIAL) {
    assertThrows(
      () => new Vocabulary(SPECIAL.filter((other) => other !== token), "mine"),
      VocabularyError,
      `Cannot use vocabulary "mine": there is no token "${token}"`,
    );
  }
});
